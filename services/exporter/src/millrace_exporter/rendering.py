"""The bytes of one collector's series, in both of Prometheus' formats, made once for each poll.

What belongs here: prometheus-client. What does not: values.

Rendering 30,000 samples takes a tenth of a second, and two Prometheus servers may ask at once. So nothing is rendered
when somebody asks: each poll leaves its bytes here, and they are put together in the order of `COLLECTORS`.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from prometheus_client import CollectorRegistry
from prometheus_client import exposition as text_format
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import exposition as open_format
from prometheus_client.samples import Exemplar

from millrace_exporter.families import COLLECTORS, FAMILIES, Family
from millrace_exporter.samples import Histogram, Labels, RunExemplar, Samples

TEXT = text_format.CONTENT_TYPE_LATEST
OPEN = open_format.CONTENT_TYPE_LATEST
_END = b"# EOF\n"


@dataclass(frozen=True)
class Rendered:
    """A collector's part of both answers."""

    text: bytes
    open: bytes


@dataclass(frozen=True)
class _Registry:
    """What prometheus-client renders: anything that gives its metrics."""

    metrics: list[Metric]

    def collect(self) -> Iterator[Metric]:
        """The metrics."""
        yield from self.metrics


def render(samples: Samples) -> Rendered:
    """Both formats of a poll's series."""
    names = [*samples.values, *samples.histograms]
    registry: Any = _Registry([_metric(FAMILIES[name], samples) for name in FAMILIES if name in set(names)])
    given = cast("CollectorRegistry", registry)
    return Rendered(text=text_format.generate_latest(given), open=open_format.generate_latest(given).removesuffix(_END))


class Exposition:
    """What is served now; each part is replaced as a whole."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, Rendered] = {}
        self.text = b""
        self.open = _END

    def publish(self, collector: str, part: Rendered) -> None:
        """Replace a collector's part."""
        with self._lock:
            self._parts[collector] = part
            parts = [self._parts[name] for name in COLLECTORS if name in self._parts]
            self.text = b"".join(one.text for one in parts)
            self.open = b"".join([*(one.open for one in parts), _END])


def _metric(family: Family, samples: Samples) -> Metric:
    stem = family.name.removesuffix("_info") if family.kind == "info" else family.name
    stem = stem.removesuffix("_total") if family.kind == "counter" else stem
    metric = Metric(stem, family.help, family.kind)
    for labels, value in samples.values.get(family.name, {}).items():
        exemplar = samples.exemplars.get((family.name, labels))
        metric.add_sample(family.name, _named(family, labels), value, exemplar=_exemplar(exemplar))
    for labels, histogram in samples.histograms.get(family.name, {}).items():
        _add_histogram(metric, family, labels, histogram)
    return metric


def _add_histogram(metric: Metric, family: Family, labels: Labels, histogram: Histogram) -> None:
    named, total = _named(family, labels), 0
    for number, count in enumerate(histogram.counts):
        total += count
        bound = f"{family.buckets[number]:.1f}" if number < len(family.buckets) else "+Inf"
        exemplar = _exemplar(histogram.exemplars.get(number))
        metric.add_sample(f"{family.name}_bucket", {**named, "le": bound}, total, exemplar=exemplar)
    metric.add_sample(f"{family.name}_count", named, total)
    metric.add_sample(f"{family.name}_sum", named, histogram.sum)


def _named(family: Family, labels: Labels) -> dict[str, str]:
    return dict(zip(family.labels, labels, strict=True))


def _exemplar(run: RunExemplar | None) -> Exemplar | None:
    return None if run is None else Exemplar({"run_id": run.run_id}, run.value, run.timestamp)
