"""What runs had planned and did not do: Dagster's open source edition stores no event for that.

What belongs here: planned minus done, by run, once a run has failed. What does not: what is planned, an asset or a
check.

That something is not there can only be said when it can no longer appear. So a failed run is judged at the first poll
at which every transaction that was open when its failure was read has ended: that is the next poll, five seconds
later, unless somebody holds a transaction open.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from millrace_exporter.events.tail import Event, Snapshot

FAILED = "PIPELINE_FAILURE"
ENDS = (FAILED, "PIPELINE_SUCCESS", "PIPELINE_CANCELED")
MOST_RUNS = 5000
_MOST_WAITS = 6


class Missing(NamedTuple):
    """A failed run, when it failed, and what it had planned and not done."""

    event_id: int
    run_id: str
    timestamp: float
    items: list[Any]


@dataclass
class _Failed:
    event_id: int
    timestamp: float
    xmax: int
    waits: int = 0


@dataclass
class Plans:
    """Plans of the runs that go on."""

    planned: dict[str, dict[Hashable, None]] = field(default_factory=dict)
    done: dict[str, set[Hashable]] = field(default_factory=dict)
    failed: dict[str, _Failed] = field(default_factory=dict)

    def plan(self, run_id: str, item: Hashable) -> None:
        """A run intends to do this."""
        self.planned.setdefault(run_id, {})[item] = None
        while len(self.planned) > MOST_RUNS:  # runs that were deleted while they went on never end
            self._forget(next(iter(self.planned)))

    def do(self, run_id: str, item: Hashable) -> None:
        """A run did this."""
        if run_id in self.planned:
            self.done.setdefault(run_id, set()).add(item)

    def end(self, event: Event, snapshot: Snapshot) -> None:
        """A run ended."""
        if event.type == FAILED:
            self.failed.setdefault(event.run_id, _Failed(event.id, event.timestamp, snapshot.xmax))
        elif event.run_id not in self.failed:
            self._forget(event.run_id)

    def settle(self, snapshot: Snapshot) -> list[Missing]:
        """The failed runs about which everything is known by now; each is told once."""
        told = []
        for run_id, failure in list(self.failed.items()):
            failure.waits += 1
            if snapshot.xmin < failure.xmax and failure.waits <= _MOST_WAITS:
                continue
            items = [one for one in self.planned.get(run_id, {}) if one not in self.done.get(run_id, set())]
            told.append(Missing(failure.event_id, run_id, failure.timestamp, items))
            self._forget(run_id)
        return told

    def going_on(self) -> list[Any]:
        """What is planned and not done, of runs that have not ended."""
        return [
            item
            for run_id, items in self.planned.items()
            if run_id not in self.failed
            for item in items
            if item not in self.done.get(run_id, set())
        ]

    def dump(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "planned": {run: list(items) for run, items in self.planned.items()},
            "done": {run: list(items) for run, items in self.done.items()},
            "failed": {run: [one.event_id, one.timestamp, one.xmax, one.waits] for run, one in self.failed.items()},
        }

    def restore(self, dumped: dict[str, Any]) -> None:
        """Take up what was dumped."""
        self.planned = {run: {_item(one): None for one in items} for run, items in dumped["planned"].items()}
        self.done = {run: {_item(one) for one in items} for run, items in dumped["done"].items()}
        self.failed = {run: _Failed(*values) for run, values in dumped["failed"].items()}

    def _forget(self, run_id: str) -> None:
        self.planned.pop(run_id, None)
        self.done.pop(run_id, None)
        self.failed.pop(run_id, None)


def _item(value: Any) -> Hashable:
    return tuple(value) if isinstance(value, list) else value
