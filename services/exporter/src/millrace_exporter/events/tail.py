"""Follows the event log: every event once, at a cost of new events only.

What belongs here: cursors, what was seen, where to begin. What does not: what an event means (`collectors`).

Ids are given before a transaction commits, so an event can appear with a smaller id than one that was read long ago.
Behind each cursor therefore lies a floor, and what lies between is asked for again, without what was seen. The floor
follows when an overlap of time has passed and every transaction of that moment has ended, by Postgres' own snapshot; a
transaction that stays open holds it for ten minutes at most.

Each type has a cursor of its own, since one index leads by type to id. One statement asks for all types.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from millrace_exporter.sources.database import View

OVERLAP_SECONDS = 60.0
MOST_OVERLAP_SECONDS = 600.0
BATCH = 1000
BATCHES = 20  # of a poll, but for the first one
MAX_LAG = 10_000
_MOST_BODY_BYTES = 4 << 20
# What lies that many ids behind the log's end when following begins was written long ago: no overlap is kept for it,
# or a backlog of a million events would be held, and sent back, as a million ids.
_LIVELY = 5000

EVENTS = """
SELECT e.id, t.type, e.run_id, extract(epoch FROM e.timestamp)::float8, e.asset_key, e.partition,
       CASE WHEN t.body AND octet_length(e.event) <= %(most)s THEN e.event END
FROM unnest(%(types)s::text[], %(after)s::bigint[], %(bodies)s::bool[]) AS t(type, after, body)
CROSS JOIN LATERAL (
    SELECT id, run_id, timestamp, asset_key, partition, event FROM event_logs
    WHERE dagster_event_type = t.type AND id > t.after AND id <> ALL(%(seen)s::bigint[])
    ORDER BY id LIMIT %(batch)s
) AS e
"""
LAG = """
SELECT t.type, (SELECT count(*) FROM (
    SELECT FROM event_logs WHERE dagster_event_type = t.type AND id > t.after LIMIT %(most)s) AS ahead)
FROM unnest(%(types)s::text[], %(after)s::bigint[]) AS t(type, after)
"""
SNAPSHOT = """
SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint,
       coalesce((SELECT id FROM event_logs ORDER BY id DESC LIMIT 1), 0)
FROM pg_current_snapshot() AS s
"""
EDGES = "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM event_logs"
FIRST_FROM = "SELECT id, extract(epoch FROM timestamp)::float8 FROM event_logs WHERE id >= %(id)s ORDER BY id LIMIT 1"


class Event(NamedTuple):
    """One row of the log; `timestamp` in seconds since 1970, `body` only of types that asked for it."""

    id: int
    type: str
    run_id: str
    timestamp: float
    asset_key: str | None
    partition: str | None
    body: str | None


class Snapshot(NamedTuple):
    """Transactions below `xmin` have ended, those from `xmax` on had not begun; `last` is the newest id there is."""

    xmin: int
    xmax: int
    last: int


@dataclass
class _Mark:
    """Where the cursors stood once, and what had to end before the floor may come here."""

    seconds: float
    cursors: dict[str, int]
    xmax: int | None


@dataclass(frozen=True)
class Window:
    """How far a cold start looks back.

    Attributes:
        seconds: At most that long.
        events: At most that many ids of the log.
    """

    seconds: float
    events: int


@dataclass
class Tail:
    """Follows some types of events.

    Args:
        types: Whether the body is wanted, by type.
        window: How far a cold start looks back.
        clock: Seconds that only grow; the wall clock may jump.

    Attributes:
        baseline: Highest id at the cold start: what is at or below it was there before, and is not counted.
        lag: Events behind the cursor that are not read yet, by type.
        snapshot: Of the last read.
    """

    types: Mapping[str, bool]
    window: Window
    clock: Callable[[], float] = time.monotonic
    cursors: dict[str, int] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    baseline: int = 0
    lag: dict[str, int] = field(default_factory=dict)
    snapshot: Snapshot = field(default_factory=lambda: Snapshot(0, 0, 0))
    _marks: list[_Mark] = field(default_factory=list)
    _quiet: int | None = None

    @property
    def started(self) -> bool:
        """Whether it knows where it is."""
        return bool(self.cursors)

    def start(self, view: View, now: float) -> None:
        """Begin at the end of the log less the window."""
        first, last = (int(one) for one in view.read(EDGES)[0])
        after = max(_last_before(view, first, last, now - self.window.seconds), last - self.window.events)
        self.cursors = dict.fromkeys(self.types, after)
        self.floors = dict(self.cursors)
        self.baseline = last

    def read(self, view: View) -> Iterator[Event]:
        """New events, by id; at most `BATCH * BATCHES` of each type, but all of them at the first poll.

        In the midst of a backlog the newest end of a job may be days old: shown, it would be alerted. Events come batch
        by batch, since their bodies take memory: take in each before the next, and all of them.
        """
        self.snapshot = Snapshot(*(int(one) for one in view.read(SNAPSHOT)[0]))
        first = self._quiet is None
        if self._quiet is None:
            self._quiet = self.snapshot.last - _LIVELY
        self._follow()
        batches, drained = 0, False
        while not drained and (first or batches < BATCHES):
            events, drained = self._batch(view, self._quiet)
            batches += 1
            yield from events
        if drained:
            # Also of a type that never occurs: looked for from where it occurred last, Postgres would read all of the
            # log since then, at every poll.
            self.cursors = {name: max(cursor, self.snapshot.last) for name, cursor in self.cursors.items()}
            self.lag = dict.fromkeys(self.types, 0)
        else:
            self.lag = self._lag(view)
        self._marks.append(_Mark(self.clock(), dict(self.cursors), self.snapshot.xmax))

    def dump(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "cursors": self.cursors,
            "floors": self.floors,
            "seen": sorted(self.seen),
            "baseline": self.baseline,
        }

    def restore(self, dumped: Mapping[str, Any]) -> None:
        """Take up what was dumped; the overlap begins anew, since nobody knows how long ago that was.

        A type that was not followed then begins at the baseline.
        """
        self.baseline = dumped["baseline"]
        self.cursors = {name: dumped["cursors"].get(name, self.baseline) for name in self.types}
        self.floors = {name: dumped["floors"].get(name, self.baseline) for name in self.types}
        self.seen = set(dumped["seen"])
        self.lag = {}
        self._quiet = None
        self._marks = [_Mark(self.clock(), dict(self.cursors), None)]

    def _batch(self, view: View, quiet: int) -> tuple[list[Event], bool]:
        """One batch, cut where a type that has more would leave events out, and whether it was the last one."""
        names = list(self.types)
        rows = view.read(
            EVENTS,
            {
                "types": names,
                "after": [self.floors[name] for name in names],
                "bodies": [self.types[name] for name in names],
                "seen": sorted(self.seen),
                "batch": BATCH,
                "most": _MOST_BODY_BYTES,
            },
        )
        events = sorted(Event(*row) for row in rows)
        per_type: dict[str, list[int]] = {}
        for event in events:
            per_type.setdefault(event.type, []).append(event.id)
        full = [ids[-1] for ids in per_type.values() if len(ids) >= BATCH]
        horizon = min(full) if full else None
        taken = [event for event in events if horizon is None or event.id <= horizon]
        for event in taken:
            self.cursors[event.type] = max(self.cursors[event.type], event.id)
            if event.id > quiet:
                self.seen.add(event.id)
        for name, cursor in self.cursors.items():
            self.floors[name] = max(self.floors[name], min(cursor, quiet))
        return taken, horizon is None

    def _follow(self) -> None:
        """Let the floors follow to where the cursors stood when everything then open has ended by now."""
        moved = False
        while self._marks and self._passed(self._marks[0]):
            passed = self._marks.pop(0).cursors
            self.floors = {name: max(floor, passed[name]) for name, floor in self.floors.items()}
            moved = True
        if moved:
            lowest = min(self.floors.values())
            self.seen = {one for one in self.seen if one > lowest}

    def _passed(self, mark: _Mark) -> bool:
        age = self.clock() - mark.seconds
        if mark.xmax is None:  # of a process before: what was open then is judged from now on
            mark.xmax = self.snapshot.xmax
        return age >= MOST_OVERLAP_SECONDS or (age >= OVERLAP_SECONDS and self.snapshot.xmin >= mark.xmax)

    def _lag(self, view: View) -> dict[str, int]:
        names = list(self.types)
        after = [self.cursors[name] for name in names]
        return {name: int(count) for name, count in view.read(LAG, {"types": names, "after": after, "most": MAX_LAG})}


def _last_before(view: View, first: int, last: int, moment: float) -> int:
    """The id before the first event since a moment, by bisection: no index leads to a timestamp."""
    low, high = first, last + 1
    while low < high:
        middle = (low + high) // 2
        rows: Sequence[tuple[Any, ...]] = view.read(FIRST_FROM, {"id": middle})
        if rows and rows[0][1] < moment:
            low = int(rows[0][0]) + 1
        else:
            high = middle
    return low - 1
