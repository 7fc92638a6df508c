"""Asset checks: their last result, and how often each occurred.

What belongs here: evaluations, and those that were planned and did not come about. What does not: the runs around them.

A failed check does not fail its run unless it blocks, so nothing that listens to failed runs hears of it. The table of
check executions is not read: its summary is one query per check.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from millrace_exporter.definitions import Workspace
from millrace_exporter.events.bodies import UnreadableError, evaluation, planned_check
from millrace_exporter.events.plans import ENDS, Plans
from millrace_exporter.events.tail import Event, Tail, Window
from millrace_exporter.families import CHECK_RESULTS
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database

EVALUATED, PLANNED = "ASSET_CHECK_EVALUATION", "ASSET_CHECK_EVALUATION_PLANNED"
TYPES = {EVALUATED: True, PLANNED: True, **dict.fromkeys(ENDS, False)}


@dataclass
class CheckState:
    """What is known of a check.

    Attributes:
        last_id: Event that `status` comes from.
        status: 1 passed, 0 did not.
        evaluated: When it was last evaluated, seconds since 1970; None if never.
        evaluated_id: Event of that.
        severity: Of the last evaluation.
        blocking: The same.
        counts: By severity, blocking and result.
    """

    last_id: int = 0
    status: int = 0
    evaluated: float | None = None
    evaluated_id: int = 0
    severity: str = "error"
    blocking: str = "false"
    counts: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def count(self, result: str, counted: bool) -> None:
        """One more of the result; all results of that severity are there from then on."""
        for one in CHECK_RESULTS:
            self.counts.setdefault((self.severity, self.blocking, one), 0)
        self.counts[self.severity, self.blocking, result] += counted


class ChecksCollector:
    """Follows checks.

    Args:
        database: Dagster's.
        workspace: Tells assets that were removed.
        window: How far a cold start looks back.
        now: Seconds since 1970.
        clock: Seconds that only grow.
    """

    name = "checks"

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
        self._now = now
        self._make_tail = lambda: Tail(TYPES, window, clock)
        self.restore(None)

    def poll(self) -> Samples:
        """Take in what is new.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        unreadable = 0
        with self._database.snapshot(self.name) as view:
            if not self.tail.started:
                self.tail.start(view, self._now())
            for event in self.tail.read(view):
                try:
                    self._take(event)
                except UnreadableError:
                    unreadable += 1
        for missing in self.plans.settle(self.tail.snapshot):
            for item in missing.items:
                self._did_not_come_about(item, missing.event_id)
        samples = self._samples()
        samples.unreadable = unreadable
        return samples

    def _take(self, event: Event) -> None:
        if event.type in ENDS:
            self.plans.end(event, self.tail.snapshot)
        elif event.type == PLANNED:
            self.plans.plan(event.run_id, planned_check(event.body))
        else:
            self._evaluate(event)

    def _evaluate(self, event: Event) -> None:
        found = evaluation(event.body)
        self.plans.do(event.run_id, (found.asset_key, found.check_name))
        state = self._checks.setdefault((found.asset_key, found.check_name), CheckState())
        if event.id > state.evaluated_id:
            state.evaluated, state.evaluated_id = event.timestamp, event.id
            state.severity, state.blocking = found.severity, str(found.blocking).lower()
        if event.id > state.last_id:
            state.last_id, state.status = event.id, int(found.passed)
        labels = (found.severity, str(found.blocking).lower())
        for one in CHECK_RESULTS:
            state.counts.setdefault((*labels, one), 0)
        state.counts[*labels, "passed" if found.passed else "failed"] += event.id > self.tail.baseline

    def _did_not_come_about(self, item: tuple[str, str], event_id: int) -> None:
        state = self._checks.setdefault(item, CheckState())
        state.count("error", event_id > self.tail.baseline)
        if event_id > state.last_id:
            state.last_id, state.status = event_id, 0

    def _samples(self) -> Samples:
        samples, definitions = Samples(self.name), self._workspace.now
        for (key, check), state in self._checks.items():
            if not definitions.shows(key):
                continue
            labels = [key, check, state.severity, state.blocking]
            samples.set("dagster_asset_check_status", labels, state.status)
            if state.evaluated is not None:
                samples.set("dagster_asset_check_last_evaluation_timestamp_seconds", [key, check], state.evaluated)
            for found, count in state.counts.items():
                samples.set("dagster_asset_check_evaluations_total", [key, check, *found], count)
        return samples

    def dump(self) -> dict[str, Any]:
        """Cursors, counters, plans."""
        checks = []
        for item, state in self._checks.items():
            counts = [[*labels, count] for labels, count in state.counts.items()]
            checks.append([*item, {**vars(state), "counts": counts}])
        return {"tail": self.tail.dump(), "plans": self.plans.dump(), "checks": checks}

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; nothing is a cold start."""
        self.tail = self._make_tail()
        self.plans = Plans()
        self._checks: dict[tuple[str, str], CheckState] = {}
        if dumped:
            self.tail.restore(dumped["tail"])
            self.plans.restore(dumped["plans"])
            for key, check, values in dumped["checks"]:
                given: dict[str, Any] = dict(values)
                given["counts"] = {(a, b, c): int(count) for a, b, c, count in values["counts"]}
                self._checks[key, check] = CheckState(**given)
