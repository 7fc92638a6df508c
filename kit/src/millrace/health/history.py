"""The last weeks of a Dagster instance: runs, what became of assets, what checks said.

What belongs here: SQL and Dagster's records. What does not: what is good or bad (`judgement`).

Read by columns and without the events' bodies: a materialisation carries its charts, a hundred kilobytes each, and four
weeks of them would be a gigabyte. Pages go backwards by id, which has an index with the event's type, and end with the
window: so this costs what the window holds, however long the history is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.events import DagsterEventType as Event
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.dagster_run import RunsFilter
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._serdes import deserialize_value

from millrace.errors import ConfigurationError
from millrace.runs.failures import failure_reason, first_cause

WINDOW_DAYS = 28
MAX_RUNS = 3_000
_PAGE_ROWS = 2_000
_REPOSITORY_TAG = ".dagster/repository"
_events = SqlEventLogStorageTable.c
_checks = AssetCheckExecutionsTable.c


@dataclass(frozen=True)
class Run:
    """A run; times are seconds since 1970, None where it has not come so far."""

    run_id: str
    location: str
    job: str
    status: str
    created: float
    started: float | None
    ended: float | None

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.started is None or self.ended is None else max(self.ended - self.started, 0.0)


@dataclass(frozen=True)
class AssetEvent:
    """An asset was to be materialised by a run (`planned`), or has been."""

    asset: str
    planned: bool
    at: float
    run_id: str


@dataclass(frozen=True)
class CheckResult:
    """What a check said, or that its run ended before it could; `severity` and `description` of what failed."""

    asset: str
    check: str
    passed: bool
    evaluated: bool
    at: float
    run_id: str
    severity: str = ""
    description: str = ""


@dataclass(frozen=True)
class History:
    """What happened within the window, each oldest first.

    Attributes:
        since: Beginning of the window, seconds since 1970.
        reasons: One line by run that failed; only of each job's last one.
    """

    since: float
    runs: Sequence[Run]
    events: Sequence[AssetEvent]
    checks: Sequence[CheckResult]
    reasons: dict[str, str]


def read_history(instance: dg.DagsterInstance, now: float, days: int = WINDOW_DAYS) -> History:
    """Read the window that ends now.

    Args:
        instance: Its storage has to be SQL; it is only read.
        now: Seconds since 1970.
        days: Length of the window.

    Raises:
        ConfigurationError: the instance keeps its events in something else.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise ConfigurationError("instance", [f"events are in {type(storage).__name__}, expected a SQL database"])
    since = now - days * 86400
    runs = _runs(instance, since)
    with storage.index_connection() as connection:
        events = [
            AssetEvent(_asset(row.asset_key), planned, _seconds(row.timestamp), row.run_id)
            for planned, kind in ((False, Event.ASSET_MATERIALIZATION), (True, Event.ASSET_MATERIALIZATION_PLANNED))
            for row in _backwards(connection, kind.value, since)
        ]
        checks = list(_check_results(connection, since, {run.run_id for run in runs if run.ended is not None}))
    events.sort(key=lambda event: event.at)
    checks.sort(key=lambda result: result.at)
    return History(since, runs, events, checks, {run.run_id: _reason(instance, run.run_id) for run in _failing(runs)})


def _runs(instance: dg.DagsterInstance, since: float) -> list[Run]:
    moment = datetime.fromtimestamp(since, UTC)
    found = []
    for record in instance.get_run_records(RunsFilter(created_after=moment), limit=MAX_RUNS):
        run = record.dagster_run
        origin = run.remote_job_origin
        location = origin.location_name if origin else run.tags.get(_REPOSITORY_TAG, "").rpartition("@")[2]
        created = _seconds(record.create_timestamp)
        times = (created, record.start_time, record.end_time)
        found.append(Run(run.run_id, location, run.job_name, run.status.value, *times))
    return found[::-1]


def _failing(runs: Sequence[Run]) -> list[Run]:
    """The last run of each job, where it failed."""
    last = {(run.location, run.job): run for run in runs if run.status in ("SUCCESS", "FAILURE")}
    return [run for run in last.values() if run.status == "FAILURE"]


def _reason(instance: dg.DagsterInstance, run_id: str) -> str:
    kinds = {Event.STEP_FAILURE, Event.RUN_FAILURE}
    for record in instance.get_records_for_run(run_id, of_type=kinds, limit=5).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type is Event.STEP_FAILURE:
            return f"{event.step_key}: {failure_reason(event.step_failure_data)}"
        data: Any = event.event_specific_data
        return first_cause(getattr(data, "error", None)) or event.message or "failed without a word"
    return "its events are gone"


def _backwards(connection: sa.Connection, kind: str, since: float) -> Iterator[Any]:
    before = None
    while True:
        query = (
            sa.select(_events.id, _events.asset_key, _events.timestamp, _events.run_id)
            .where(_events.dagster_event_type == kind, _events.asset_key.is_not(None))
            .order_by(_events.id.desc())
            .limit(_PAGE_ROWS)
        )
        rows = connection.execute(query if before is None else query.where(_events.id < before)).all()
        yield from (row for row in rows if _seconds(row.timestamp) >= since)
        if len(rows) < _PAGE_ROWS or _seconds(rows[-1].timestamp) < since:
            return
        before = rows[-1].id


def _check_results(connection: sa.Connection, since: float, ended: set[str]) -> Iterator[CheckResult]:
    before = None
    oldest = datetime.fromtimestamp(since, UTC) - timedelta(days=1)
    while True:
        query = (
            sa.select(
                _checks.id,
                _checks.asset_key,
                _checks.check_name,
                _checks.run_id,
                _checks.execution_status,
                _checks.evaluation_event_timestamp,
                # What passed needs no words, and most have passed.
                sa.case((_checks.execution_status == "FAILED", _checks.evaluation_event), else_=None).label("body"),
            )
            .order_by(_checks.id.desc())
            .limit(_PAGE_ROWS)
        )
        rows = connection.execute(query if before is None else query.where(_checks.id < before)).all()
        for row in rows:
            at = _seconds(row.evaluation_event_timestamp)
            evaluated = row.execution_status != "PLANNED"
            if at >= since and (evaluated or row.run_id in ended):
                severity, description = _words(row.body)
                passed = row.execution_status == "SUCCEEDED"
                asset = _asset(row.asset_key)
                yield CheckResult(asset, row.check_name, passed, evaluated, at, row.run_id, severity, description)
        if len(rows) < _PAGE_ROWS or _seconds(rows[-1].evaluation_event_timestamp) < oldest.timestamp():
            return
        before = rows[-1].id


def _words(body: str | None) -> tuple[str, str]:
    if body is None:
        return "", ""
    entry = deserialize_value(body, EventLogEntry)
    data: Any = entry.dagster_event.event_specific_data if entry.dagster_event else None
    return data.severity.value.lower(), data.description or ""


def _asset(stored: str) -> str:
    key = dg.AssetKey.from_db_string(stored)
    return key.to_user_string() if key else stored


def _seconds(moment: datetime | None) -> float:
    """Dagster stores UTC without saying so."""
    if moment is None:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
