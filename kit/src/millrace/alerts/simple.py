"""The simple form of an entry: type, threshold, comparison, message. Older `pipeline_alerts.json` files are written so.

    {"alert_type": "run_duration", "threshold": 3600, "comparison": "gt", "severity": "warning",
     "message_template": "{job_name} has been running for {value} s"}

What belongs here: making an entry of it, with its tests. What does not: which types there are and what they measure,
which is data: `infra/alerts/policy/types.yaml`.

Nobody who writes this form writes tests, and an entry without tests is refused. So a type says what Prometheus sees
when its measure has a value, and the tests follow from the threshold: beyond it, at it, and back.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.alerts.expressions import restricted
from millrace.alerts.overrides import Severity
from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError

_OPERATORS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "=="}
_FIELD = re.compile(r"\{(\w+)\}")
_FIRES_AT_SECONDS, _RESOLVES_AT_SECONDS = 600, 1200


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SimpleType(_Strict):
    """What an `alert_type` measures.

    Attributes:
        series: What Prometheus sees while the measure has a value, by series: `$value` is that value, `$moment` is so
            many seconds ago.
        labels: Of the alert that follows.
    """

    measure: str
    series: dict[str, str]
    labels: dict[str, str]
    comparison: Literal["gt", "ge", "lt", "le", "eq"]
    owner: str
    about: str = Field(description="what it measures, with its unit")
    runbook: dict[str, str]
    dashboard: str | None = None
    link: str | None = None
    muted_by: list[str] = []


class SimpleTypes(_Strict):
    """Every type."""

    types: dict[str, SimpleType]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read them; a catalogue without the file has none.

        Raises:
            ConfigurationError: the file holds something else.
        """
        if not path.is_file():
            return cls(types={})
        try:
            return cls.model_validate(read_yaml(path, str(path)))
        except ValidationError as error:
            raise ConfigurationError(str(path), problems_of(error)) from error


class SimpleEntry(_Strict):
    """An entry as users write it."""

    alert_type: str
    threshold: float
    comparison: Literal["gt", "ge", "lt", "le", "eq"] | None = None
    message_template: str
    severity: Severity
    name: str | None = None
    enabled: bool = True
    labels: dict[str, str] = Field(default_factory=dict, description="only what has these labels")
    duration: str = Field(default="0s", alias="for")


def is_simple(raw: Any) -> list[dict[str, Any]]:
    """The entries of a file that has nothing else: a list of them, or `alerts` alone; empty if it is no such file."""
    entries = raw.get("alerts") if isinstance(raw, Mapping) and set(raw) == {"alerts"} else raw
    if isinstance(entries, list) and all(isinstance(one, Mapping) and "alert_type" in one for one in entries):
        return [dict(one) for one in entries]
    return []


def as_entry(raw: Mapping[str, Any], types: SimpleTypes) -> dict[str, Any]:
    """The entry in the catalogue's own shape.

    Raises:
        ConfigurationError: the type is not known, or the entry is none.
    """
    subject = str(raw.get("name") or raw.get("alert_type"))
    try:
        entry = SimpleEntry.model_validate(raw)
    except ValidationError as error:
        raise ConfigurationError(subject, problems_of(error, "entry")) from error
    kind = types.types.get(entry.alert_type)
    if kind is None:
        known = ", ".join(sorted(types.types)) or "none"
        raise ConfigurationError(subject, [f"alert_type {entry.alert_type!r} is not known (expected one of {known})"])
    labels = {**kind.labels, **entry.labels}
    if unknown := set(entry.labels) - set(kind.labels):
        raise ConfigurationError(
            subject, [f"no label {', '.join(sorted(unknown))} (expected {', '.join(kind.labels)})"]
        )
    fields = {"value", "threshold", *kind.labels}
    if unknown := set(_FIELD.findall(entry.message_template)) - fields:
        raise ConfigurationError(
            subject, [f"message_template: no field {', '.join(sorted(unknown))} (expected {', '.join(sorted(fields))})"]
        )
    comparison = entry.comparison or kind.comparison
    beyond, short = _around(entry.threshold, comparison)
    return {
        "alert": _name(entry),
        "severity": entry.severity,
        "threshold": entry.threshold,
        "for": entry.duration,
        "expr": restricted(f"({kind.measure.strip()}) {_OPERATORS[comparison]} $threshold", entry.labels),
        "opt_in": not entry.enabled,
        "owner": kind.owner,
        "summary": _FIELD.sub(_template, entry.message_template),
        "description": f"{kind.about}: {{{{ $value }}}} (alert if {_OPERATORS[comparison]} $threshold).",
        "runbook": kind.runbook,
        "dashboard": kind.dashboard,
        "link": kind.link,
        "muted_by": kind.muted_by,
        "tests": {
            "fires": {
                "series": _series(kind, labels, beyond),
                "at": f"{_FIRES_AT_SECONDS}s",
                "labels": labels,
                "summary": _FIELD.sub(
                    lambda found: {**labels, "value": _go(beyond), "threshold": "$threshold"}[found[1]],
                    entry.message_template,
                ),
                "description": f"{kind.about}: {_go(beyond)} (alert if {_OPERATORS[comparison]} $threshold).",
            },
            "nearly": {"series": _series(kind, labels, short), "at": f"{_FIRES_AT_SECONDS}s"},
            "resolves": {
                "series": _series(kind, labels, beyond, short),
                "fires_at": f"{_FIRES_AT_SECONDS}s",
                "at": f"{_RESOLVES_AT_SECONDS}s",
            },
        },
    }


def _name(entry: SimpleEntry) -> str:
    words = re.findall(r"[A-Za-z0-9]+", entry.name or f"{entry.alert_type}_{entry.severity}")
    return "".join(
        word[:1].upper() + word[1:].lower() if not entry.name else word[:1].upper() + word[1:] for word in words
    )


def _template(found: re.Match[str]) -> str:
    match found[1]:
        case "value":
            return "{{ $value }}"
        case "threshold":
            return "$threshold"
        case label:
            return f"{{{{ $labels.{label} }}}}"


def _around(threshold: float, comparison: str) -> tuple[float, float]:
    """A value at which it fires, and one at which it just does not."""
    step = abs(threshold) / 10 or 1.0
    match comparison:
        case "gt":
            return threshold + step, threshold
        case "ge":
            return threshold, threshold - step
        case "lt":
            return threshold - step, threshold
        case "le":
            return threshold, threshold + step
        case _:
            return threshold, threshold + step


def _series(kind: SimpleType, labels: Mapping[str, str], *values: float) -> dict[str, str]:
    """What Prometheus sees minute by minute: one value for ten minutes, then the next."""
    made = {}
    for name, template in kind.series.items():
        for label, value in labels.items():
            name = name.replace(f"${label}", value)  # noqa: PLW2901  # one label after the other
        moments: Sequence[int] = (_FIRES_AT_SECONDS, _RESOLVES_AT_SECONDS)
        made[name] = " ".join(
            f"{template.replace('$value', _go(value)).replace('$moment', _go(moment - value))}+0x10"
            for value, moment in zip(values, moments, strict=False)
        )
    return made


def _go(value: float) -> str:
    """A number as Go's templates print it, for the magnitudes that thresholds have."""
    return str(int(value)) if value == int(value) else repr(round(value, 10))
