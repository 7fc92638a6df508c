"""Polls collectors, one thread per source, and leaves what they found where it is served.

What belongs here: when, in which order, and what becomes of an error. What does not: what is asked.

A poll is taken in, then checkpointed, then published. Killed between two of these, the exporter starts from a
checkpoint that is at least as new as what it had published: no counter goes back, and no event counts twice. A poll
that fails leaves nothing half done: the collector goes back to its last checkpoint, and its last series stay.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from millrace_exporter.checkpoint import Checkpoints
from millrace_exporter.families import COLLECTORS
from millrace_exporter.rendering import Exposition, render
from millrace_exporter.samples import Samples

_log = logging.getLogger("exporter")


class Collector(Protocol):
    """Something that can be polled."""

    @property
    def name(self) -> str:
        """Its key in `families.COLLECTORS`."""
        ...

    def poll(self) -> Samples:
        """All its series as they are now; any exception is an error of this collector alone."""
        ...


@runtime_checkable
class Remembering(Protocol):
    """A collector whose state outlives the process."""

    def dump(self) -> dict[str, Any]:
        """As JSON holds it."""
        ...

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; None is a cold start."""
        ...


@dataclass
class Status:
    """How a collector fares.

    Attributes:
        interval_seconds: Pause between two polls.
        duration_seconds: Of the last poll; None before the first.
        last_success: Seconds since 1970; None before the first.
        errors: Polls that failed.
        unreadable: Records without a readable body.
        dropped: Series left out, by family, added up over polls.
        checkpoint_bytes: Size of its checkpoint.
        counting_since: When its counters began at 0.
    """

    interval_seconds: float
    duration_seconds: float | None = None
    last_success: float | None = None
    errors: int = 0
    unreadable: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    checkpoint_bytes: int | None = None
    counting_since: float | None = None


class Poller:
    """Polls one collector.

    Args:
        collector: Which.
        checkpoints: Where its state is kept.
        exposition: Where its series are served.
        interval_seconds: Pause between two polls.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        collector: Collector,
        checkpoints: Checkpoints,
        exposition: Exposition,
        interval_seconds: float | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.collector = collector
        self._checkpoints = checkpoints
        self._exposition = exposition
        self._now = now
        self._committed: str | None = None
        self._told: str | None = None
        self.status = Status(COLLECTORS[collector.name] if interval_seconds is None else interval_seconds)
        self.due = 0.0

    def restore(self) -> None:
        """Take up the checkpoint; one that does not fit is a cold start."""
        if not isinstance(self.collector, Remembering):
            return
        kept = self._checkpoints.load(self.collector.name)
        try:
            self.collector.restore(kept["collector"] if kept else None)
        except (KeyError, TypeError, ValueError) as error:
            _log.warning("%s: the checkpoint does not fit (%r); it starts cold", self.collector.name, error)
            self.collector.restore(None)
            kept = None
        self.status.counting_since = kept["counting_since"] if kept else self._now()
        self._committed = json.dumps(kept["collector"]) if kept else None

    def poll(self) -> bool:
        """Poll once; whether it succeeded."""
        started = time.monotonic()
        try:
            samples = self.collector.poll()
            rendered = render(samples)
            self._checkpoint()
        except Exception as error:  # noqa: BLE001  # whatever one source does, the others are told of all the same
            self._failed(f"{type(error).__name__}: {' '.join(str(error).split())}"[:500])
            self._go_back()
            samples = None
        else:
            self._exposition.publish(self.collector.name, rendered)
        self.status.duration_seconds = time.monotonic() - started
        if samples is None:
            return False
        self.status.unreadable += samples.unreadable
        for family, count in samples.dropped.items():
            self.status.dropped[family] = self.status.dropped.get(family, 0) + count
        if samples.problems:
            self._failed("; ".join(samples.problems)[:500])
            return False
        self.status.last_success = self._now()
        if self._told is not None:
            _log.info("%s: works again", self.collector.name)
            self._told = None
        return True

    def _failed(self, reason: str) -> None:
        """Count it, and log it once: a source that is away for an hour is not worth 700 lines."""
        self.status.errors += 1
        if reason != self._told:
            _log.warning("%s: %s", self.collector.name, reason)
            self._told = reason

    def _checkpoint(self) -> None:
        if not isinstance(self.collector, Remembering):
            return
        state = json.dumps(self.collector.dump())
        if state == self._committed:
            return
        content = f'{{"counting_since": {self.status.counting_since}, "collector": {state}}}'
        self._checkpoints.save(self.collector.name, content)
        self._committed = state
        self.status.checkpoint_bytes = len(content)

    def _go_back(self) -> None:
        if isinstance(self.collector, Remembering):
            self.collector.restore(json.loads(self._committed) if self._committed else None)


class Lane(threading.Thread):
    """Polls the collectors of one source, one after another: a source that hangs holds up nobody else.

    Args:
        source: Its name.
        pollers: Of its collectors, in order.
        stopping: Set when the process ends.
    """

    def __init__(self, source: str, pollers: Sequence[Poller], stopping: threading.Event) -> None:
        super().__init__(name=f"poll-{source}", daemon=True)
        self._pollers = pollers
        self._stopping = stopping

    def run(self) -> None:
        """Poll until the process ends."""
        while not self._stopping.is_set():
            for poller in self._pollers:
                if self._stopping.is_set():
                    return
                if time.monotonic() >= poller.due:
                    poller.due = time.monotonic() + poller.status.interval_seconds
                    poller.poll()
            pause = min(poller.due for poller in self._pollers) - time.monotonic()
            self._stopping.wait(max(pause, 0.05))
