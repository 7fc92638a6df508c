"""What one poll of a collector found: series by family, checked against the table of families.

What belongs here: names, labels, caps, histograms. What does not: bytes (`rendering`), and where values come from.

A label that turns out to have thousands of values costs the exporter, Prometheus and every dashboard. So each family
has a cap; what is above it is left out and counted, and the series that were there first stay.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from millrace_exporter.families import FAMILIES, Family

Labels = tuple[str, ...]
MAX_LABEL_CHARACTERS = 200


@dataclass(frozen=True)
class RunExemplar:
    """The run that a value was last changed by, which is in no label.

    Attributes:
        run_id: Its id.
        value: What it added: 1 for a counter, what was observed for a histogram.
        timestamp: When, seconds since 1970.
    """

    run_id: str
    value: float
    timestamp: float


@dataclass
class Histogram:
    """Observations of one series.

    Attributes:
        counts: Observations by bucket, not cumulated; one more than there are bounds.
        sum: Of what was observed.
        exemplars: The last run of each bucket that has one.
    """

    counts: list[int]
    sum: float = 0.0
    exemplars: dict[int, RunExemplar] = field(default_factory=dict)

    @classmethod
    def of(cls, family: str) -> Self:
        """An empty one with the family's buckets."""
        return cls([0] * (len(FAMILIES[family].buckets) + 1))

    def observe(self, family: str, exemplar: RunExemplar) -> None:
        """Add the exemplar's value; one below 0, of a clock that was set back, counts as 0."""
        value = max(exemplar.value, 0.0)
        bucket = bisect_left(FAMILIES[family].buckets, value)
        self.counts[bucket] += 1
        self.sum += value
        self.exemplars[bucket] = exemplar

    def dump(self) -> dict[str, Any]:
        """As JSON holds it; exemplars are left out."""
        return {"counts": self.counts, "sum": self.sum}

    @classmethod
    def restored(cls, family: str, dumped: Mapping[str, Any]) -> Self:
        """From a checkpoint; an empty one if the family's buckets have changed since."""
        empty = cls.of(family)
        if len(dumped["counts"]) != len(empty.counts):
            return empty
        return cls(list(dumped["counts"]), dumped["sum"])


@dataclass
class Samples:
    """The series of one collector after one poll.

    Attributes:
        values: Value by labels, by family.
        histograms: The same of histograms.
        exemplars: Of counters, by family and labels.
        dropped: Series left out, by family.
        problems: Why a part of what was asked for is missing, or old; one line each.
        unreadable: Records that were counted without their body.
    """

    collector: str
    values: dict[str, dict[Labels, float]] = field(default_factory=dict)
    histograms: dict[str, dict[Labels, Histogram]] = field(default_factory=dict)
    exemplars: dict[tuple[str, Labels], RunExemplar] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unreadable: int = 0

    def set(self, family: str, labels: Sequence[str], value: float, exemplar: RunExemplar | None = None) -> None:
        """Set a series; one that is no number is left out.

        Raises:
            KeyError: There is no such family.
            ValueError: It is another collector's, or has other labels.
        """
        if math.isnan(value):
            return
        key = self._admitted(family, labels, self.values.setdefault(family, {}))
        if key is not None:
            self.values[family][key] = value
            if exemplar is not None:
                self.exemplars[family, key] = exemplar

    def add(self, family: str, labels: Sequence[str], value: float) -> None:
        """Add to a series, which is 0 before."""
        key = tuple(_short(label) for label in labels)
        self.set(family, labels, self.values.get(family, {}).get(key, 0.0) + value)

    def seed(self, family: str, labels: Iterable[Sequence[str]]) -> None:
        """Set series to 0 that have no value yet."""
        for one in labels:
            if tuple(_short(label) for label in one) not in self.values.get(family, {}):
                self.set(family, one, 0.0)

    def observe(self, family: str, labels: Sequence[str], histogram: Histogram) -> None:
        """Set a histogram."""
        key = self._admitted(family, labels, self.histograms.setdefault(family, {}))
        if key is not None:
            self.histograms[family][key] = histogram

    def series(self) -> int:
        """Number of series; a histogram is one."""
        return sum(len(one) for one in (*self.values.values(), *self.histograms.values()))

    def _admitted(self, name: str, labels: Sequence[str], present: Mapping[Labels, object]) -> Labels | None:
        family = FAMILIES[name]
        if family.collector != self.collector or len(labels) != len(family.labels):
            raise ValueError(
                f"{name}: {self.collector} gives {len(labels)} labels (expected {family.collector}, "
                f"{len(family.labels)} labels); mend the collector or `families`"
            )
        key = tuple(_short(label) for label in labels)
        if key not in present and len(present) >= family.cap:
            self.dropped[name] = self.dropped.get(name, 0) + 1
            return None
        return key


def families_of(collector: str) -> list[Family]:
    """The families that a collector fills."""
    return [family for family in FAMILIES.values() if family.collector == collector]


def _short(label: str) -> str:
    return label if len(label) <= MAX_LABEL_CHARACTERS else label[: MAX_LABEL_CHARACTERS - 1] + "…"
