"""What a load says of itself: figures for metadata and for checks, and problems in words.

What belongs here: the figures and what follows from them alone. What does not: Dagster.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class PartReport:
    """How the load of one part went.

    Attributes:
        part: Label or type.
        rows_in: Rows of the frame.
        added: Elements that were not there.
        changed: Elements whose properties differed.
        unchanged: Elements that needed nothing.
        removed: Elements that the frame lacks; nodes among them go with `finish`.
        rejected: Rows without their end points.
        expected: Elements that the database should have now, nodes among them that go with `finish`.
        counted: Elements that it has.
        is_read_back: Whether the state before was read from the graph itself, for lack of a ledger to be trusted.
        retries: Transactions that the driver ran again.
        seconds: Duration.
    """

    part: str
    rows_in: int
    added: int
    changed: int
    unchanged: int
    removed: int
    rejected: int
    expected: int
    counted: int
    is_read_back: bool = False
    retries: int = 0
    seconds: float = 0.0

    @property
    def problems(self) -> list[str]:
        """Where the figures do not add up; empty if they reconcile."""
        problems = []
        accounted = self.added + self.changed + self.unchanged + self.rejected
        if self.rows_in != accounted:
            problems.append(f"{self.part}: {self.rows_in:,} rows in, {accounted:,} accounted for")
        if self.expected != self.counted:
            problems.append(f"{self.part}: {self.counted:,} in the graph, {self.expected:,} expected")
        return problems

    @property
    def is_reconciled(self) -> bool:
        """Whether rows in = added + changed + unchanged + rejected, and the graph has what was expected."""
        return not self.problems

    def figures(self) -> dict[str, Any]:
        """All figures by name, and `is_reconciled`."""
        return {**asdict(self), "is_reconciled": self.is_reconciled}


@dataclass(frozen=True)
class GraphReport:
    """How the whole graph stands after `finish`.

    Attributes:
        expected: Elements by part, after all loads.
        counted: Elements by part, in the graph.
        swept: Elements by part that `finish` removed.
        seconds: Duration.
    """

    expected: Mapping[str, int]
    counted: Mapping[str, int]
    swept: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def problems(self) -> list[str]:
        """Parts whose numbers differ; empty if all reconcile."""
        return [
            f"{part}: {self.counted.get(part, 0):,} in the graph, {expected:,} expected"
            for part, expected in self.expected.items()
            if self.counted.get(part, 0) != expected
        ]

    @property
    def is_reconciled(self) -> bool:
        """Whether every part has the number that the loads have led to."""
        return not self.problems


@dataclass(frozen=True)
class Seen:
    """A node of a neighbourhood: its label, its key, the text that stands in pictures."""

    label: str
    key: Any
    title: str


@dataclass(frozen=True)
class Arrow:
    """A relationship of a neighbourhood, between (label, key) of both ends."""

    type: str
    start: tuple[str, Any]
    end: tuple[str, Any]


@dataclass(frozen=True)
class Neighbourhood:
    """A node and what lies around it.

    Attributes:
        centre: The node.
        nodes: All nodes, the centre first.
        arrows: Relationships among them.
        is_cut: Whether there are more nodes than were asked for.
    """

    centre: Seen
    nodes: tuple[Seen, ...]
    arrows: tuple[Arrow, ...]
    is_cut: bool = False
