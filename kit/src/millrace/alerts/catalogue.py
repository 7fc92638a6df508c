"""An entry of the alert catalogue, and how the files of `infra/alerts/` are read.

What belongs here: the shape of an entry and what can be said of one by itself. What does not: PromQL
(`expressions`), and what several entries say together (`build`).

Each entry says three things in one place: when to tell somebody (expression, level), what that person reads (summary,
runbook), and the proof (tests). Kept in three files they parted: a threshold was changed and its text still had the old
one. So `$threshold` stands in texts, and a test that expects the text as people read it is part of the entry.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from millrace.alerts.overrides import Duration, Severity
from millrace.alerts.simple import SimpleTypes, as_entry, is_simple
from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError

SEVERITIES: tuple[Severity, ...] = ("critical", "error", "warning", "info")
# Labels that the compiler gives to every rule; an entry's tests name the others.
OWN_LABELS = ("severity", "owner", "area", "source")
# A label in a text or a path.
LABEL = re.compile(r"\{\{\s*\$labels\.(\w+)\s*\}\}")


class Strict(BaseModel):
    """Refuses what it does not know, and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Level(Strict):
    """What holds for one severity of an alert."""

    threshold: float | None = Field(default=None, description="in place of $threshold; unit in the entry's `unit`")
    duration: Duration = Field(default="0s", alias="for", description="how long the expression has to hold")


def _no_numbers(value: Any) -> Any:
    """YAML reads 0x10 as sixteen; promtool means eleven zeros."""
    numbers = [name for name, values in value.items() if isinstance(values, int)] if isinstance(value, dict) else []
    if numbers:
        raise ValueError(f"the values of {', '.join(numbers)} are a number to YAML; put them in quotes")
    return value


Series = Annotated[dict[str, str], BeforeValidator(_no_numbers)]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class Case(Strict):
    """One situation: what Prometheus sees, and what it says of it."""

    name: str = ""
    series: Series = Field(default_factory=dict, description="values by series, in promtool's notation")
    interval: Duration = Field(default="1m", description="between two values of a series")
    step: Duration | None = Field(default=None, description="between two evaluations; unset: 30s, or a longer interval")
    at: Duration = Field(description="when it is looked at")

    @property
    def evaluation_interval(self) -> str:
        """Of the test: half a minute, and coarser where a case lasts for days."""
        return self.step or ("30s" if self.interval == "1m" else self.interval)


class Fires(Case):
    """The alert is told of, and people read this."""

    severities: list[Severity] = Field(default_factory=list, description="which levels; unset: all of them")
    labels: dict[str, str] = Field(default_factory=dict, description="beside those that every alert has")
    summary: str
    description: str
    value: str = ""


class Resolves(Case):
    """It is told of first, and then no more."""

    fires_at: Duration


class Tests(Strict):
    """The proof of an entry. `series` are those of every case, unless the case says otherwise."""

    series: Series = Field(default_factory=dict)
    fires: Annotated[list[Fires], BeforeValidator(_listed), Field(min_length=1)]
    nearly: Annotated[list[Case], BeforeValidator(_listed)] = []
    resolves: Annotated[list[Resolves], BeforeValidator(_listed)] = []


class Runbook(Strict):
    """What somebody who is woken by it needs: Markdown."""

    means: str
    look: str = Field(description="what to look at first, with the exact command or address")
    act: str = Field(description="what to do")


class Record(Strict):
    """A recording rule that expressions of the same file build on."""

    record: str = Field(pattern=r"^[a-z_]+:[a-z0-9_]+(:[a-z0-9_]+)*$")
    expr: str
    labels: dict[str, str] = {}


class Alert(Strict):
    """One entry. See docs/alerts.md for a walk through its fields."""

    alert: str = Field(pattern=r"^([A-Z][a-z0-9]+)+$")
    levels: dict[Severity, Level] = Field(min_length=1)
    expr: str
    unit: Literal["", "seconds", "bytes", "ratio", "count", "per_second"] = ""
    owner: str
    summary: str
    description: str
    runbook: Runbook
    dashboard: str | None = Field(default=None, description="uid of a Grafana dashboard")
    link: str | None = Field(default=None, description="path in Dagster, $labels allowed")
    route: Literal["notify", "page", "dead-man"] = "notify"
    source: str | None = Field(default=None, description="the exporter it is blind without; unset: as its metrics say")
    muted_by: list[str] = Field(default_factory=list, description="alerts that explain this one")
    opt_in: bool = Field(default=False, description="no rule unless an override turns it on")
    always_fires: bool = Field(default=False, description="a dead man's switch has no other tests")
    keep_firing_for: Duration | None = None
    waits: Duration | None = Field(
        default=None, description="how old the fact is before expr holds; unset: a threshold in seconds, or 0"
    )
    tests: Tests
    area: str = Field(description="the file it stands in")

    @model_validator(mode="before")
    @classmethod
    def _one_level_is_written_flat(cls, raw: Any) -> Any:
        """`severity`, `threshold` and `for` of the entry are its only level."""
        if not isinstance(raw, Mapping):
            return raw
        entry = dict(raw)
        flat = {name: entry.pop(name) for name in ("threshold", "for") if name in entry}
        severity = entry.pop("severity", None)
        if "levels" in entry:
            if severity is not None or flat:
                raise ValueError("levels says severity, threshold and for; leave them out beside it")
            return entry
        if severity is None:
            raise ValueError(f"no severity (expected one of {', '.join(SEVERITIES)}, or levels)")
        return {**entry, "levels": {severity: flat}}

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        problems = []
        if not self.always_fires:
            problems += [f"no test {name}" for name in ("nearly", "resolves") if not getattr(self.tests, name)]
        told = {severity for case in self.tests.fires for severity in case.severities or self.severities}
        problems += [f"no test fires for severity {severity}" for severity in self.severities if severity not in told]
        problems += [f"a test expects severity {name}, which has no level" for name in told - set(self.severities)]
        has = {severity: level.threshold is not None for severity, level in self.levels.items()}
        wants = "$threshold" in self.expr
        problems += [
            f"{severity}: {'no threshold for $threshold' if wants else 'a threshold that expr does not use'}"
            for severity, given in has.items()
            if given != wants
        ]
        used = set(LABEL.findall(self.summary + self.description + (self.link or "")))
        lacking = used - set(OWN_LABELS) - self.identity
        problems += [f"the text uses label {name}, which no alert of its tests has" for name in sorted(lacking)]
        if bool(self.unit) != any(case.value for case in self.tests.fires):
            problems.append("unit and the tests' value go together")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def severities(self) -> list[Severity]:
        """Its severities, the worst first."""
        return [severity for severity in SEVERITIES if severity in self.levels]

    @property
    def identity(self) -> set[str]:
        """Names of the labels that tell two alerts of this name apart, as its tests show them."""
        return {name for case in self.tests.fires for name in case.labels}


class File(Strict):
    """One file of the catalogue."""

    about: str = Field(description="heading of its part of the runbooks' index")
    records: list[Record] = []
    defaults: dict[str, Any] = Field(default_factory=dict, description="fields of every entry that does not say them")
    interval: Duration | None = Field(default=None, description="between two evaluations; unset: Prometheus' own")
    alerts: list[dict[str, Any]]


class Area(Strict):
    """A file with its entries."""

    name: str
    about: str
    records: list[Record]
    interval: str | None = Field(default=None, description="as in File")
    alerts: list[Alert]


def load_catalogue(folder: Path) -> list[Area]:
    """Read `*.yaml` and `*.json` of the folder, sorted by name.

    Raises:
        ConfigurationError: every problem of every file, each with its place.
    """
    types = SimpleTypes.load(folder / "policy" / "types.yaml")
    problems: list[str] = []
    areas = [_area(path, types, problems) for path in sorted((*folder.glob("*.yaml"), *folder.glob("*.json")))]
    found = [area for area in areas if area is not None]
    problems += _twice(alert.alert for area in found for alert in area.alerts)
    problems += _twice((area.name for area in found), "area")
    if problems:
        raise ConfigurationError(str(folder), problems, next_step="see docs/alerts.md")
    return found


def alerts_of(areas: Sequence[Area]) -> Iterator[Alert]:
    """Every entry."""
    for area in areas:
        yield from area.alerts


def _twice(names: Iterator[str], what: str = "alert") -> list[str]:
    return [f"{what} {name} is there {count} times" for name, count in Counter(names).items() if count > 1]


def _area(path: Path, types: SimpleTypes, problems: list[str]) -> Area | None:
    name = path.stem.replace("_", "-")
    try:
        raw = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else read_yaml(path, str(path))
        if is_simple(raw):
            return Area.model_validate(
                {
                    "name": name,
                    "about": f"Thresholds of {path.name}",
                    "records": [],
                    "alerts": [{**as_entry(entry, types), "area": name} for entry in is_simple(raw)],
                }
            )
        file = File.model_validate(raw)
    except (ValidationError, ConfigurationError, ValueError) as error:
        problems += _placed(path.name, error)
        return None
    alerts = []
    for entry in file.alerts:
        whole = as_entry(entry, types) if "alert_type" in entry else {**file.defaults, **entry}
        try:
            alerts.append(Alert.model_validate({**whole, "area": name}))
        except ValidationError as error:
            problems += [f"{path.name}: {entry.get('alert', '?')}: {one}" for one in problems_of(error, "entry")]
    return Area(
        name=name,
        about=file.about,
        records=file.records,
        interval=file.interval,
        alerts=alerts,
    )


def _placed(name: str, error: Exception) -> list[str]:
    if isinstance(error, ValidationError):
        return [f"{name}: {one}" for one in problems_of(error)]
    return [f"{name}: {error}"]
