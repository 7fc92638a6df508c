"""Which metrics exist: what our exporter declares, and what each other one was seen to expose.

What belongs here: reading both, and taking a record from a metrics page. What does not: reaching exporters
(`millrace alerts record`), and PromQL (`expressions`).

A record is a text file of `infra/metrics/`, named as the job in `infra/prometheus/prometheus.yml`: a comment with the
version, then a line per series name with its labels. An alert on a name that nobody exposes never fires and nobody
notices: this is the one mistake that neither promtool nor Prometheus finds.
"""

import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from millrace.alerts.catalogue import Area, alerts_of
from millrace.alerts.expressions import Selector, selectors

EXPORTER = "exporter"
# Prometheus puts these on whatever it scrapes, and makes these series itself.
_TARGET_LABELS = frozenset({"job", "instance"})
_BUILT_IN = {
    "up": frozenset[str](),
    "scrape_samples_scraped": frozenset[str](),
    "scrape_duration_seconds": frozenset[str](),
    "ALERTS": frozenset({"alertname", "alertstate", "severity", "owner", "area", "source"}),
}
_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ")
_LABEL_NAME = re.compile(r'([a-zA-Z_]\w*)="(?:[^"\\]|\\.)*"')


@dataclass(frozen=True)
class Exposed:
    """Series names with the exporters that expose them and the labels that they have there.

    Attributes:
        names: Labels by exporter, by series name.
        polls: Seconds between two polls of what our own exporter exposes, by series name.
    """

    names: Mapping[str, Mapping[str, frozenset[str]]]
    polls: Mapping[str, float] = field(default_factory=dict)

    def source(self, metrics: Iterable[str]) -> str:
        """The exporter whose silence would make these blind; our own before others, Prometheus if there is none."""
        found = {exporter for metric in metrics for exporter in self.names.get(metric, ())}
        return EXPORTER if EXPORTER in found else min(found, default="prometheus")

    def problems(self, areas: list[Area]) -> list[str]:
        """Names and labels in the catalogue's expressions that no exporter exposes."""
        recorded = {one.record: one.expr for area in areas for one in area.records}
        asked = [(one.alert, one.expr.replace("$threshold", "1")) for one in alerts_of(areas)] + list(recorded.items())
        return [
            problem
            for subject, expression in asked
            for selector in selectors(expression, subject)
            if selector.metric not in recorded
            for problem in self._problems(subject, selector)
        ]

    def _problems(self, subject: str, selector: Selector) -> list[str]:
        by_exporter = self.names.get(selector.metric)
        if by_exporter is None:
            return [f"{subject}: no exporter exposes {selector.metric}"]
        labels = frozenset().union(*by_exporter.values()) | _TARGET_LABELS
        return [f"{subject}: {selector.metric} has no label {name}" for name in sorted(selector.labels - labels)]


def load_exposed(root: Path) -> Exposed:
    """Read the records of a checkout, and the table of its own exporter."""
    names: dict[str, dict[str, frozenset[str]]] = {name: {"prometheus": labels} for name, labels in _BUILT_IN.items()}
    for path in sorted((root / "infra" / "metrics").glob("*.txt")):
        for name, labels in read_record(path).items():
            names.setdefault(name, {})[path.stem] = labels
    polls: dict[str, float] = {}
    declared = _declared(root / "services/exporter/src/millrace_exporter/families.py")
    for family in declared.FAMILIES.values():
        for name in declared.exposed_names(family):
            buckets = {"le"} if name.endswith("_bucket") else set[str]()
            names.setdefault(name, {})[EXPORTER] = frozenset({*family.labels, *buckets})
            polls[name] = declared.COLLECTORS[family.collector]
    return Exposed(names, polls)


def read_record(path: Path) -> dict[str, frozenset[str]]:
    """Series names of a record, each with its labels."""
    lines = [line.partition(" ") for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {name: frozenset(filter(None, labels.split(","))) for name, _, labels in lines}


def _declared(path: Path) -> ModuleType:
    """What our exporter declares. Its module is loaded by path: the kit depends on no service."""
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
