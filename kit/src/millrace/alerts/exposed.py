"""Which metrics, labels and values exist: what our exporter declares, and what each other one was seen to expose.

What belongs here: reading both, and taking a record from a metrics page. What does not: reaching exporters
(`millrace alerts record`), and PromQL (`expressions`).

A record is a text file of `infra/metrics/`, named as the job in `infra/prometheus/prometheus.yml`: a comment with the
version, then a line per series name with its labels. An alert on a name that nobody exposes, or on a value that a
label never has, never fires and nobody notices: this is the one mistake that neither promtool nor Prometheus finds.
Values are known where their set is closed: what `families` of our exporter declares, jobs of scrapes, states of alerts.
"""

import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from millrace.alerts.catalogue import SEVERITIES, Area, Record, alerts_of
from millrace.alerts.expressions import Matcher, Selector, selectors, sole_selector

EXPORTER = "exporter"
# Prometheus puts these on whatever it scrapes, and makes these series itself.
_TARGET_LABELS = frozenset({"job", "instance"})
_BUILT_IN = {
    "up": frozenset[str](),
    "scrape_samples_scraped": frozenset[str](),
    "scrape_duration_seconds": frozenset[str](),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "owner", "area", "source"}),
}
_BUILT_IN_VALUES = {"ALERTS": {"alertstate": ("pending", "firing"), "severity": SEVERITIES}}
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ")
_LABEL_NAME = re.compile(r'([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Exposed:
    """What can be asked for.

    Attributes:
        names: Labels by exporter, by series name.
        values: Every value that a label can have, by label, by series name; of labels with a closed set.
        polls: Seconds between two polls of what our own exporter exposes, by series name.
    """

    names: Mapping[str, Mapping[str, frozenset[str]]]
    values: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    polls: Mapping[str, float] = field(default_factory=dict)

    def source(self, metrics: Iterable[str]) -> str:
        """The exporter whose silence would make these blind; our own before others, Prometheus if there is none."""
        found = {exporter for metric in metrics for exporter in self.names.get(metric, ())}
        return EXPORTER if EXPORTER in found else min(found, default="prometheus")

    def problems(self, areas: list[Area]) -> list[str]:
        """Names, labels and values in the catalogue's expressions that no exporter exposes."""
        recorded = {one.record: one for area in areas for one in area.records}
        asked = [(one.alert, one.expr.replace("$threshold", "1")) for one in alerts_of(areas)]
        asked += [(one.record, one.expr) for one in recorded.values()]
        return [problem for subject, expression in asked for problem in self.problems_of(expression, subject, recorded)]

    def problems_of(self, expression: str, subject: str, recorded: Mapping[str, Record] | None = None) -> list[str]:
        """Names, labels and values of one expression that no exporter exposes.

        Args:
            expression: PromQL.
            subject: Whose it is, for people.
            recorded: Rules by the name that they record.
        """
        return [
            f"{subject}: {problem}"
            for selector in selectors(expression, subject)
            for problem in self._problems(selector, recorded or {})
        ]

    def _problems(self, selector: Selector, recorded: Mapping[str, Record]) -> Iterator[str]:
        narrowing: tuple[Matcher, ...] = ()
        metric, passed = selector.metric, set[str]()
        while metric in recorded:
            if metric in passed:
                yield f"{metric} is recorded from itself"
                return
            passed.add(metric)
            # A record that is a selector and nothing else has labels and values of what it selects.
            record = recorded[metric]
            selected = sole_selector(record.expr, metric)
            if selected is None or record.labels:
                return
            metric, narrowing = selected.metric, (*narrowing, *selected.matchers)
        by_exporter = self.names.get(metric)
        if by_exporter is None:
            yield f"no exporter exposes {metric}"
            return
        labels = frozenset().union(*by_exporter.values()) | _TARGET_LABELS
        yield from (f"{selector.metric} has no label {name}" for name in sorted(selector.labels - labels))
        closed = self._closed(metric, by_exporter)
        for matcher in selector.matchers:
            if matcher.label in closed:
                admitted = [one for one in narrowing if one.label == matcher.label]
                values = [value for value in closed[matcher.label] if all(one.admits(value) for one in admitted)]
                yield from (
                    f"{selector.metric} has no {matcher.label}={value!r} (expected {', '.join(values)})"
                    for value in _impossible(matcher, values)
                )

    def _closed(self, metric: str, by_exporter: Mapping[str, frozenset[str]]) -> Mapping[str, tuple[str, ...]]:
        """Closed sets of a metric, with the jobs that scrape it: all, for what Prometheus makes of each scrape."""
        jobs = {job for found in self.names.values() for job in found} if metric in _BUILT_IN else by_exporter
        return {"job": tuple(sorted(jobs)), **self.values.get(metric, {})}


def load_exposed(root: Path) -> Exposed:
    """Read the records of a checkout, and the table of its own exporter."""
    names: dict[str, dict[str, frozenset[str]]] = {name: {"prometheus": labels} for name, labels in _BUILT_IN.items()}
    for path in sorted((root / "infra" / "metrics").glob("*.txt")):
        for name, labels in read_record(path).items():
            names.setdefault(name, {})[path.stem] = labels
    values: dict[str, Mapping[str, tuple[str, ...]]] = {**_BUILT_IN_VALUES}
    polls: dict[str, float] = {}
    declared = _declared(root / "services/exporter/src/millrace_exporter/families.py")
    for family in declared.FAMILIES.values():
        for name in declared.exposed_names(family):
            bounds = {"le"} if name.endswith("_bucket") else set()
            names.setdefault(name, {})[EXPORTER] = frozenset(family.labels) | bounds
            values[name] = family.values
            polls[name] = declared.COLLECTORS[family.collector]
    return Exposed(names, values, polls)


def _impossible(matcher: Matcher, values: Iterable[str]) -> list[str]:
    """What a matcher names and the label never is."""
    named = matcher.alternatives()
    return [one.value for one in named if not any(one.admits(value) for value in values)]


def read_record(path: Path) -> dict[str, frozenset[str]]:
    """Series names of a record, each with its labels."""
    lines = [line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {name: frozenset(filter(None, labels.split(","))) for name, _, labels in lines}


def _declared(path: Path) -> ModuleType:
    """What our exporter declares: `families`, loaded by path, because the kit depends on no service."""
    specification = importlib.util.spec_from_file_location("_millrace_exporter_families", path)
    assert specification is not None  # noqa: S101  # it ends in .py
    assert specification.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look their module up
    try:
        specification.loader.exec_module(module)
    finally:
        del sys.modules[specification.name]
    return module


def series_on(page: str) -> dict[str, frozenset[str]]:
    """Series names on a metrics page in text format, each with its labels.

    A family whose help is there without any sample (nothing has happened yet) is named by its type.
    """
    found: dict[str, set[str]] = {}
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(maxsplit=3)
            suffixes = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}.get(kind, ("",))
            for suffix in suffixes:
                found.setdefault(name + suffix, set())
        elif sample := _SAMPLE.match(line):
            found.setdefault(sample[1], set()).update(_LABEL_NAME.findall(sample[2] or ""))
    return {name: frozenset(labels) for name, labels in found.items()}


def as_record(series: Mapping[str, frozenset[str]], title: str) -> str:
    """The text of a record."""
    lines = [f"{name} {','.join(sorted(labels))}".rstrip() for name, labels in sorted(series.items())]
    return "\n".join([f"# {title}", *lines]) + "\n"


def title_of(page: str, job: str) -> str:
    """First line of a record: the job, and the version that the page says its exporter has."""
    found = re.search(r'^\w+_(?:build|version)_info\{.*?\bversion="([^"]+)"', page, flags=re.MULTILINE)
    return f"{job} {found[1]}" if found else f"{job}, which does not say its version"
