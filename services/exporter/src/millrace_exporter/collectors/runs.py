"""Runs: how many go on, how they ended, how long they waited, started and took.

What belongs here: runs and their jobs. What does not: what they materialised (`assets`).

What ends is counted by its event, whose timestamp is when it ended: the row of `runs` is written in a later
transaction. What goes on is read from `runs` by status, which is as much as goes on.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from millrace_exporter.definitions import Workspace
from millrace_exporter.events.tail import Event, Tail, Window
from millrace_exporter.families import ENDED, IN_FLIGHT
from millrace_exporter.samples import Histogram, RunExemplar, Samples
from millrace_exporter.sources.database import Database, View

# Of a run's life; the names are older than those of statuses.
STAGES: Mapping[str, str] = {
    "PIPELINE_ENQUEUED": "queued",
    "PIPELINE_DEQUEUED": "dequeued",
    "PIPELINE_STARTING": "starting",
    "PIPELINE_START": "started",
    "PIPELINE_CANCELING": "canceling",
}
ENDS: Mapping[str, str] = {
    "PIPELINE_SUCCESS": "success",
    "PIPELINE_FAILURE": "failure",
    "PIPELINE_CANCELED": "canceled",
}
TYPES = dict.fromkeys([*STAGES, *ENDS], False)
REMEMBERED = 50  # ends of a job, for its failures in a row and its expected duration
_MOST_IN_FLIGHT = 5000
_MOST_OPEN = 20_000

GOING_ON = """
SELECT r.run_id, lower(r.status), r.pipeline_name, extract(epoch FROM r.create_timestamp)::float8, r.start_time,
       (SELECT t.value FROM run_tags t WHERE t.run_id = r.run_id AND t.key = '.dagster/repository' LIMIT 1)
FROM runs r WHERE r.status = ANY(%(statuses)s) LIMIT %(most)s
"""
OF_RUNS = """
SELECT r.run_id, r.pipeline_name, r.start_time,
       (SELECT t.value FROM run_tags t WHERE t.run_id = r.run_id AND t.key = '.dagster/repository' LIMIT 1),
       EXISTS (SELECT FROM run_tags t WHERE t.run_id = r.run_id AND t.key = 'dagster/parent_run_id')
FROM runs r WHERE r.run_id = ANY(%(runs)s)
"""

Job = tuple[str, str]


@dataclass
class End:
    """A run's end, until everything that belongs to it has been observed."""

    status: str
    timestamp: float
    location: str
    job: str
    started: float | None
    observed: list[str] = field(default_factory=list)


@dataclass
class JobState:
    """What is known of a job: its last ends, each `[timestamp, event id, succeeded, seconds or None]`."""

    ends: list[list[Any]] = field(default_factory=list)


class RunsCollector:
    """Follows runs.

    Args:
        database: Dagster's.
        workspace: Names the jobs that are there though they never ran.
        window: How far a cold start looks back.
        now: Seconds since 1970.
        clock: Seconds that only grow.
    """

    name = "runs"

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
        with self._database.snapshot(self.name) as view:
            if not self.tail.started:
                self.tail.start(view, self._now())
            events = list(self.tail.read(view))
            going_on = view.read(GOING_ON, {"statuses": [one.upper() for one in IN_FLIGHT], "most": _MOST_IN_FLIGHT})
            for event in events:
                if event.type in STAGES:
                    self._times.setdefault(event.run_id, {}).setdefault(STAGES[event.type], event.timestamp)
            self._end(view, [event for event in events if event.type in ENDS])
        for run_id in {event.run_id for event in events} & set(self._ends):
            self._observe(run_id)
        self._forget({row[0] for row in going_on}, {event.run_id for event in events})
        return self._samples(going_on)

    def _end(self, view: View, events: list[Event]) -> None:
        if not events:
            return
        rows = view.read(OF_RUNS, {"runs": sorted({event.run_id for event in events})})
        known = {row[0]: row[1:] for row in rows}
        for event in events:
            if event.run_id not in known:  # deleted meanwhile: nobody knows its job any more
                continue
            job_name, started, label, is_retry = known[event.run_id]
            job, status = (_location(label), job_name or ""), ENDS[event.type]
            end = End(status, event.timestamp, *job, started)
            self._ends[event.run_id] = end
            if event.id > self.tail.baseline:
                labels = (*job, status)
                self._completed[labels] = self._completed.get(labels, 0) + 1
                self._last[labels] = RunExemplar(event.run_id, 1, event.timestamp)
                if is_retry:
                    self._retries[labels] = self._retries.get(labels, 0) + 1
            if status != "canceled":
                self._remember(job, event, status == "success")
            if event.id <= self.tail.baseline:  # it is not counted, so nothing of it is waited for
                del self._ends[event.run_id]
                self._times.pop(event.run_id, None)

    def _remember(self, job: Job, event: Event, succeeded: bool) -> None:
        started = self._started(event.run_id)
        seconds = None if started is None else max(event.timestamp - started, 0.0)
        ends = self._jobs.setdefault(job, JobState()).ends
        ends.append([event.timestamp, event.id, succeeded, seconds])
        ends.sort(key=lambda one: one[1])
        del ends[:-REMEMBERED]

    def _started(self, run_id: str) -> float | None:
        end = self._ends.get(run_id)
        return self._times.get(run_id, {}).get("started") or (end.started if end else None)

    def _observe(self, run_id: str) -> None:
        """Observe what can be computed by now; an event that commits late brings what was missing."""
        end, times = self._ends[run_id], self._times.get(run_id, {})
        left = times.get("dequeued") or times.get("starting")
        spans = {
            "wait": ("dagster_run_queue_wait_seconds", times.get("queued"), left),
            "start": ("dagster_run_start_seconds", times.get("starting"), times.get("started")),
            "duration": ("dagster_run_duration_seconds", self._started(run_id), end.timestamp),
        }
        for name, (family, begin, until) in spans.items():
            if name not in end.observed and begin is not None and until is not None:
                end.observed.append(name)
                histogram = self._histograms[family].setdefault(
                    (end.location, end.job, end.status), Histogram.of(family)
                )
                histogram.observe(family, RunExemplar(run_id, max(until - begin, 0.0), end.timestamp))

    def _forget(self, going_on: set[str], touched: set[str]) -> None:
        """Forget runs that ended long enough ago that no event of theirs can still appear, and those that are gone."""
        for run_id in touched & (set(self._times) | set(self._ends)):
            self._untouched[run_id] = self.tail.clock()
        limit = self.tail.clock() - 120
        for run_id, since in list(self._untouched.items()):
            if run_id not in going_on and since < limit:
                for held in (self._untouched, self._times, self._ends):
                    held.pop(run_id, None)
        while len(self._times) > _MOST_OPEN:
            self._times.pop(next(iter(self._times)))

    def _samples(self, going_on: list[tuple[Any, ...]]) -> Samples:
        samples = Samples(self.name)
        oldest: dict[tuple[str, str, str], float] = {}
        for run_id, status, job_name, created, started, label in going_on:
            labels = (_location(label), job_name or "", status)
            samples.add("dagster_runs_in_flight", labels, 1)
            since = self._times.get(run_id, {}).get(status) or (started if status == "started" else None) or created
            oldest[labels] = min(since, oldest.get(labels, since))
        for labels, since in oldest.items():
            samples.set("dagster_runs_oldest_in_status_timestamp_seconds", labels, since)
        definitions = self._workspace.now
        removed = definitions.removed_jobs
        for labels, count in self._completed.items():
            if labels[:2] not in removed:
                samples.set("dagster_runs_completed_total", labels, count, self._last.get(labels))
        for labels, count in self._retries.items():
            if labels[:2] not in removed:
                samples.set("dagster_run_retries_total", labels, count)
        for family, histograms in self._histograms.items():
            for labels, histogram in histograms.items():
                if labels[:2] not in removed:
                    samples.observe(family, labels, histogram)
        shown = {job: state for job, state in self._jobs.items() if job not in removed}
        for job, state in shown.items():
            _job_samples(samples, job, state)
        for job in definitions.jobs:
            since = self._known_since.setdefault(job, self._now())
            samples.set("dagster_job_known_since_timestamp_seconds", job, since)
        for job in removed & self._known_since.keys():
            del self._known_since[job]
        for job in dict.fromkeys([*definitions.jobs, *shown]):
            samples.seed("dagster_runs_in_flight", [(*job, status) for status in IN_FLIGHT])
            samples.seed("dagster_runs_completed_total", [(*job, status) for status in ENDED])
            samples.seed("dagster_run_retries_total", [(*job, status) for status in ENDED])
        return samples

    def dump(self) -> dict[str, Any]:
        """Cursors, counters, and the runs that go on."""
        return {
            "tail": self.tail.dump(),
            "times": self._times,
            "ends": {run_id: vars(end) for run_id, end in self._ends.items()},
            "completed": [[*labels, count] for labels, count in self._completed.items()],
            "retries": [[*labels, count] for labels, count in self._retries.items()],
            "jobs": [[*job, state.ends] for job, state in self._jobs.items()],
            "known_since": [[*job, since] for job, since in self._known_since.items()],
            "histograms": {
                family: [[*labels, histogram.dump()] for labels, histogram in histograms.items()]
                for family, histograms in self._histograms.items()
            },
        }

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; nothing is a cold start."""
        self.tail = self._make_tail()
        given: Mapping[str, Any] = dumped or {}
        if dumped:
            self.tail.restore(dumped["tail"])
        self._times: dict[str, dict[str, float]] = {run: dict(one) for run, one in given.get("times", {}).items()}
        self._ends: dict[str, End] = {run: End(**one) for run, one in given.get("ends", {}).items()}
        self._untouched: dict[str, float] = dict.fromkeys([*self._times, *self._ends], self.tail.clock())
        self._completed = {(a, b, c): int(count) for a, b, c, count in given.get("completed", [])}
        self._retries = {(a, b, c): int(count) for a, b, c, count in given.get("retries", [])}
        self._last: dict[tuple[str, str, str], RunExemplar] = {}
        self._jobs: dict[Job, JobState] = {(a, b): JobState(list(ends)) for a, b, ends in given.get("jobs", [])}
        self._known_since: dict[Job, float] = {(a, b): since for a, b, since in given.get("known_since", [])}
        histograms = given.get("histograms", {})
        self._histograms: dict[str, dict[tuple[str, str, str], Histogram]] = {
            family: {(a, b, c): Histogram.restored(family, one) for a, b, c, one in histograms.get(family, [])}
            for family in (
                "dagster_run_duration_seconds",
                "dagster_run_queue_wait_seconds",
                "dagster_run_start_seconds",
            )
        }


def _job_samples(samples: Samples, job: Job, state: JobState) -> None:
    last = state.ends[-1]
    samples.set("dagster_job_last_run_timestamp_seconds", job, last[0])
    samples.set("dagster_job_last_run_success", job, float(last[2]))
    succeeded = [end[0] for end in state.ends if end[2]]
    if succeeded:
        samples.set("dagster_job_last_success_timestamp_seconds", job, max(succeeded))
    failures = 0
    for end in reversed(state.ends):
        if end[2]:
            break
        failures += 1
    samples.set("dagster_job_consecutive_failures", job, failures)
    seconds = [end[3] for end in state.ends if end[2] and end[3] is not None][-20:]
    if len(seconds) >= 3:
        samples.set("dagster_job_expected_duration_seconds", job, median(seconds))


def _location(label: str | None) -> str:
    """`__repository__@museum` is of the location museum; a run without a code server's origin has none."""
    return (label or "").partition("@")[2]
