"""The bytes of one collector's series, in both of Prometheus' formats, made once for each poll.

What belongs here: lines. What does not: values.

Nothing is rendered when somebody asks: each poll leaves its bytes here, and they are only put together then, in the
order of `COLLECTORS`; kept in one piece too, each byte would be held twice. prometheus-client escapes the labels of
every line at every poll, which were the same five seconds ago. Here a label set is escaped once and a line is made once
for both formats; tests hold the result to prometheus-client's, byte for byte.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client import exposition as text_format
from prometheus_client.openmetrics import exposition as open_format
from prometheus_client.utils import floatToGoString

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


def render(samples: Samples) -> Rendered:
    """Both formats of a poll's series."""
    text, opened = bytearray(), bytearray()  # a list of 40,000 lines would be twice their bytes
    for family in FAMILIES.values():
        if family.name not in samples.values and family.name not in samples.histograms:
            continue
        text += _head(family.name, family.help, "gauge" if family.kind == "info" else family.kind)
        opened += _head(_stem(family), family.help.replace('"', r"\""), family.kind)
        for line, exemplar in _lines(family, samples):
            encoded = line.encode()
            text += encoded + b"\n"
            opened += encoded + _told(exemplar)
    return Rendered(bytes(text), bytes(opened))


class Exposition:
    """What is served now; each part is replaced as a whole."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._parts: dict[str, Rendered] = {}

    def publish(self, collector: str, part: Rendered) -> None:
        """Replace a collector's part."""
        with self._lock:
            self._parts[collector] = part

    @property
    def text(self) -> bytes:
        """All of it, in the text format."""
        return b"".join(part.text for part in self._all())

    @property
    def open(self) -> bytes:
        """All of it, in OpenMetrics."""
        return b"".join([*(part.open for part in self._all()), _END])

    def _all(self) -> list[Rendered]:
        with self._lock:
            return [self._parts[name] for name in COLLECTORS if name in self._parts]


def _head(name: str, text: str, kind: str) -> bytes:
    return f"# HELP {name} {text}\n# TYPE {name} {kind}\n".encode()


def _stem(family: Family) -> str:
    """A family's name in OpenMetrics, where the suffix belongs to the sample."""
    suffix = {"counter": "_total", "info": "_info"}.get(family.kind, "")
    return family.name.removesuffix(suffix)


def _lines(family: Family, samples: Samples) -> Iterator[tuple[str, RunExemplar | None]]:
    """Each sample without its exemplar, and its exemplar."""
    exemplars = samples.exemplars
    for labels, value in samples.values.get(family.name, {}).items():
        line = f"{family.name}{_labels(family.labels, labels)} {floatToGoString(value)}"
        yield line, exemplars.get((family.name, labels)) if exemplars else None
    for labels, histogram in samples.histograms.get(family.name, {}).items():
        yield from _of_histogram(family, labels, histogram)


def _of_histogram(family: Family, labels: Labels, histogram: Histogram) -> Iterator[tuple[str, RunExemplar | None]]:
    total, names = 0, (*family.labels, "le")
    for number, count in enumerate(histogram.counts):
        total += count
        bound = floatToGoString(family.buckets[number]) if number < len(family.buckets) else "+Inf"
        found = _labels(names, (*labels, bound))
        yield f"{family.name}_bucket{found} {floatToGoString(total)}", histogram.exemplars.get(number)
    found = _labels(family.labels, labels)
    yield f"{family.name}_count{found} {floatToGoString(total)}", None
    yield f"{family.name}_sum{found} {floatToGoString(histogram.sum)}", None


@lru_cache(maxsize=100_000)
def _labels(names: tuple[str, ...], values: Labels) -> str:
    if not names:
        return ""
    pairs = sorted(zip(names, values, strict=True))
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _told(run: RunExemplar | None) -> bytes:
    """How a line of OpenMetrics ends."""
    if run is None:
        return b"\n"
    return f' # {{run_id="{_escaped(run.run_id)}"}} {floatToGoString(run.value)} {run.timestamp}\n'.encode()
