"""Schedules and sensors: whether they run, and what their ticks came to.

What belongs here: instigators and ticks. What does not: the runs that they asked for.

A tick's row is written when it begins and changed in place when it ends. So ids are followed as events' are, and the
rows of ticks that go on are read again until they have a result.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from millrace_exporter.definitions import Instigator, Workspace
from millrace_exporter.events.tail import OVERLAP_SECONDS, Window
from millrace_exporter.families import TICKS
from millrace_exporter.moments import next_tick
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database, View

STATES = "SELECT selector_id, status, instigator_body FROM instigators LIMIT 5000"
EDGES = "SELECT coalesce(min(id), 0), coalesce(max(id), 0) FROM job_ticks"
FIRST_FROM = "SELECT id, extract(epoch FROM timestamp)::float8 FROM job_ticks WHERE id >= %(id)s ORDER BY id LIMIT 1"
NEW = """
SELECT id, selector_id, lower(status), extract(epoch FROM timestamp)::float8 FROM job_ticks
WHERE id > %(after)s AND id <> ALL(%(seen)s::bigint[]) ORDER BY id LIMIT %(batch)s
"""
AGAIN = """
SELECT id, selector_id, lower(status), extract(epoch FROM timestamp)::float8 FROM job_ticks WHERE id = ANY(%(open)s)
"""
BATCH = 5000
_MOST_OPEN = 1000
_RUNNING, _IN_CODE = ("RUNNING",), ("DECLARED_IN_CODE", "AUTOMATICALLY_RUNNING")

Key = tuple[str, str, str]


class InstigatorsCollector:
    """Follows instigators.

    Args:
        database: Dagster's.
        workspace: Has their definitions.
        window: How far a cold start looks back.
        now: Seconds since 1970.
        clock: Seconds that only grow.
    """

    name = "instigators"

    def __init__(
        self,
        database: Database,
        workspace: Workspace,
        window: Window,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._workspace = workspace
        self._window = window
        self._now = now
        self._clock = clock
        self.restore(None)

    def poll(self) -> Samples:
        """Take in what is new.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        with self._database.snapshot(self.name) as view:
            states = {selector: (status, _body(body)) for selector, status, body in view.read(STATES)}
            if self._floor is None:
                self._start(view)
            again = view.read(AGAIN, {"open": sorted(self._open)}) if self._open else []
            gone = self._open - {row[0] for row in again}
            new = view.read(NEW, {"after": self._floor, "seen": sorted(self._seen), "batch": BATCH})
        self._open -= gone
        for row in (*again, *new):
            self._take(*row)
        self._follow(new)
        return self._samples(states)

    def _start(self, view: View) -> None:
        first, last = (int(one) for one in view.read(EDGES)[0])
        since, low, high = self._now() - self._window.seconds, first, last + 1
        while low < high:
            middle = (low + high) // 2
            rows = view.read(FIRST_FROM, {"id": middle})
            low, high = (int(rows[0][0]) + 1, high) if rows and rows[0][1] < since else (low, middle)
        self._floor = max(low - 1, last - self._window.events)
        self._baseline = last

    def _take(self, tick_id: int, selector: str, status: str, timestamp: float) -> None:
        if status not in TICKS:
            self._open.add(tick_id)
            while len(self._open) > _MOST_OPEN:  # of a daemon that was killed: they stay as they are for ever
                self._open.discard(min(self._open))
        else:
            self._open.discard(tick_id)
            counts = self._counts.setdefault(selector, dict.fromkeys(TICKS, 0))
            counts[status] += tick_id > self._baseline
            last = self._last.setdefault(selector, {})
            last[status] = max(timestamp, last.get(status, timestamp))
        due = self._due.get(selector, timestamp)
        self._due[selector] = max(due, timestamp)

    def _follow(self, new: list[tuple[Any, ...]]) -> None:
        """Keep an overlap behind the last id, in time."""
        self._seen |= {row[0] for row in new}
        top = max([self._marks[-1][1] if self._marks else self._floor or 0, *(row[0] for row in new)])
        self._marks.append((self._clock(), top))
        while len(self._marks) > 1 and self._clock() - self._marks[0][0] >= OVERLAP_SECONDS:
            self._floor = max(self._floor or 0, self._marks.pop(0)[1])
        self._seen = {one for one in self._seen if one > (self._floor or 0)}

    def _samples(self, states: Mapping[str, tuple[str, Mapping[str, Any]]]) -> Samples:
        samples = Samples(self.name)
        for location in self._workspace.now.locations.values():
            for one in location.instigators:
                status, body = states.get(one.selector_id, ("", {}))
                running = status in _RUNNING or (one.default_running and status in ("", *_IN_CODE))
                key = (location.name, one.name, one.kind)
                samples.set("dagster_instigator_running", key, float(running))
                if running:
                    since = self._running_since.setdefault(one.selector_id, self._now())
                    samples.set("dagster_instigator_running_since_timestamp_seconds", key, since)
                else:
                    self._running_since.pop(one.selector_id, None)
                for result, timestamp in self._last.get(one.selector_id, {}).items():
                    samples.set("dagster_instigator_last_tick_timestamp_seconds", (*key, result), timestamp)
                for result in TICKS:
                    count = self._counts.get(one.selector_id, {}).get(result, 0)
                    samples.set("dagster_instigator_ticks_total", (*key, result), count)
                if one.kind == "sensor":
                    samples.set("dagster_sensor_min_interval_seconds", key[:2], one.interval_seconds)
                elif running and (expected := self._expected(one, body)) is not None:
                    samples.set("dagster_schedule_expected_tick_timestamp_seconds", key[:2], expected)
        return samples

    def _expected(self, schedule: Instigator, body: Mapping[str, Any]) -> float | None:
        """The first tick after the last one, or after the schedule was switched on, whichever was later."""
        data = body.get("job_specific_data") or body.get("instigator_data") or {}
        known = [self._due.get(schedule.selector_id), data.get("start_timestamp")]
        moments = [float(one) for one in known if one is not None]
        return next_tick(schedule.crons, schedule.timezone, max(moments)) if moments else None

    def dump(self) -> dict[str, Any]:
        """Cursor, counters, ticks that go on, since when what is on is on."""
        return {
            "floor": self._floor,
            "baseline": self._baseline,
            "seen": sorted(self._seen),
            "open": sorted(self._open),
            "counts": self._counts,
            "last": self._last,
            "due": self._due,
            "running_since": self._running_since,
        }

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; nothing is a cold start."""
        given: Mapping[str, Any] = dumped or {}
        self._floor: int | None = given.get("floor")
        self._baseline: int = given.get("baseline", 0)
        self._seen: set[int] = set(given.get("seen", ()))
        self._open: set[int] = set(given.get("open", ()))
        self._counts: dict[str, dict[str, int]] = {key: dict(one) for key, one in given.get("counts", {}).items()}
        self._last: dict[str, dict[str, float]] = {key: dict(one) for key, one in given.get("last", {}).items()}
        self._due: dict[str, float] = dict(given.get("due", {}))
        self._running_since: dict[str, float] = dict(given.get("running_since", {}))
        self._marks: list[tuple[float, int]] = []
        if self._seen:
            self._marks = [(self._clock(), max(self._seen))]


def _body(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
