"""Long histories of a Dagster instance on Postgres, written in seconds.

    history = History("host=/run/postgres dbname=dagster user=postgres")
    history.write(runs=50_000, assets=200, end=time.time(), seconds=30 * 86400)

What belongs here: rows as Dagster writes them. What does not: what is measured or tested on them.

Dagster itself writes some hundred events a second, one transaction each. Here each kind of row is made once by
Dagster's own serialiser, with marks in it, and a million copies of it go in by COPY. Runs and steps follow each other
as in a job of assets; every twentieth run fails at its last step, and every tenth check of a run fails.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import dagster as dg
import psycopg2
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationPlanned,
)
from dagster._core.definitions.events import AssetMaterialization
from dagster._core.events import (
    AssetMaterializationPlannedData,
    DagsterEvent,
    DagsterEventType,
    EngineEventData,
    StepMaterializationData,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus
from dagster._serdes import serialize_value

_SAID = {"seconds": 1.5, "rows_per_second": 2.5e6, "removed_share": 0.01, "quality_score": 0.99}
_RUN, _ASSET, _CHECK, _JOB, _NUMBER = "@run@", "@asset@", "@check@", "@job@", 987654321
_PARTITION = "@partition@"
_STAMP = 1234567890.125
FAILED_EVERY = 20
CHECK_FAILED_EVERY = 10


@dataclass(frozen=True)
class Written:
    """What was written: numbers of rows, and what each event came to, to compare counts with."""

    runs: int
    events: int
    ticks: int


class History:
    """Writes into a database that has Dagster's tables.

    Args:
        address: As libpq takes it.
        location: Code location of the runs.
        jobs: How many jobs take turns.
    """

    def __init__(self, address: str, location: str = "museum", jobs: int = 5) -> None:
        self._address = address
        self._location = location
        self._jobs = jobs
        self._bodies = {kind: _template(kind) for kind in _KINDS}
        run = DagsterRun(job_name=_JOB, run_id=str(UUID(int=0)), status=DagsterRunStatus.SUCCESS)
        self._run_body = serialize_value(run).replace(str(UUID(int=0)), _RUN)

    def write(
        self,
        runs: int,
        assets: int,
        end: float,
        seconds: float,
        assets_per_run: int = 2,
        ticks: int = 0,
        partitions: Sequence[str] = (),
        analyze: bool = True,
    ) -> Written:
        """Add runs that are spread evenly over the time before `end`.

        Args:
            runs: How many.
            assets: How many assets take turns.
            end: When the last one ends, seconds since 1970.
            seconds: Time from the first to the last.
            assets_per_run: Each is materialised and checked once.
            ticks: Ticks of one sensor, over the same time.
            partitions: Runs take turns at these, with all of their assets; none leaves assets without partitions.
            analyze: Whether Postgres counts anew what is there, which reads much of it.
        """
        connection = psycopg2.connect(self._address)
        try:
            with connection, connection.cursor() as cursor:
                first = self._next(cursor, "runs")
                step = seconds / max(runs, 1)
                starts = [end - seconds + number * step for number in range(runs)]
                self._copy(cursor, "runs", _RUN_COLUMNS, self._runs(first, starts))
                self._copy(cursor, "run_tags", ("run_id", "key", "value"), self._tags(first, runs))
                events = self._events(first, starts, assets, assets_per_run, partitions)
                count = self._copy(cursor, "event_logs", _EVENT_COLUMNS, events)
                keys = ((_key(number),) for number in range(assets))
                self._copy_new_keys(cursor, [key for (key,) in keys])
                self._copy(cursor, "job_ticks", _TICK_COLUMNS, _ticks(ticks, end, seconds))
            connection.autocommit = True
            with connection.cursor() as cursor:
                for table in () if not analyze else ("runs", "run_tags", "event_logs", "asset_keys", "job_ticks"):
                    cursor.execute(f"VACUUM ANALYZE {table}")
        finally:
            connection.close()
        return Written(runs, count, ticks)

    def _next(self, cursor: Any, table: str) -> int:
        cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608  # a name of this module
        return int(cursor.fetchone()[0]) + 1

    def _copy(self, cursor: Any, table: str, columns: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> int:
        """Copy in pieces, so that a million rows need no gigabyte here."""
        count = 0
        statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
        piece = io.StringIO()
        for row in rows:
            piece.write("\t".join(_field(value) for value in row) + "\n")
            count += 1
            if count % 20_000 == 0:
                piece.seek(0)
                cursor.copy_expert(statement, piece)
                piece = io.StringIO()
        piece.seek(0)
        cursor.copy_expert(statement, piece)
        return count

    def _copy_new_keys(self, cursor: Any, keys: list[str]) -> None:
        cursor.execute("SELECT asset_key FROM asset_keys")
        present = {row[0] for row in cursor.fetchall()}
        self._copy(cursor, "asset_keys", ("asset_key",), ((key,) for key in keys if key not in present))

    def _runs(self, first: int, starts: list[float]) -> Iterator[tuple[Any, ...]]:
        for number, start in enumerate(starts):
            run, job = _run_id(first + number), self._job(number)
            status = "FAILURE" if _fails(number) else "SUCCESS"
            body = self._run_body.replace(_RUN, run).replace(_JOB, job)
            yield run, job, status, body, _moment(start), _moment(start + 20), start + 5, start + 20

    def _tags(self, first: int, runs: int) -> Iterator[tuple[Any, ...]]:
        for number in range(runs):
            yield _run_id(first + number), ".dagster/repository", f"__repository__@{self._location}"
            yield _run_id(first + number), "millrace/queue", f"{self._location}.{self._job(number)}"

    def _job(self, number: int) -> str:
        return f"job_{number % self._jobs}"

    def _events(
        self, first: int, starts: list[float], assets: int, assets_per_run: int, partitions: Sequence[str]
    ) -> Iterator[tuple[Any, ...]]:
        for number, start in enumerate(starts):
            run, job = _run_id(first + number), self._job(number)
            partition = partitions[number % len(partitions)] if partitions else None
            chosen = [(number * assets_per_run + one) % assets for one in range(min(assets_per_run, assets))]
            for kind, seconds, asset in _course(chosen, _fails(number)):
                if kind == "CHECK_PASSED" and number % CHECK_FAILED_EVERY == 0:
                    kind = "CHECK_FAILED"  # noqa: PLW2901
                yield self._event(kind, run, job, asset, start + seconds, partition)

    def _event(
        self, kind: str, run: str, job: str, asset: int | None, moment: float, partition: str | None
    ) -> tuple[Any, ...]:
        name = "" if asset is None else _name(asset)
        body = self._bodies[kind].replace(_RUN, run).replace(_JOB, job).replace(_ASSET, name)
        body = body.replace(str(_STAMP), str(moment)).replace(str(_NUMBER), str(asset or 0))
        body = body.replace(_CHECK, f"{name}_check").replace(f'"{_PARTITION}"', json.dumps(partition))
        if asset is None or kind not in ("MATERIALIZED", "PLANNED"):
            return run, body, _KINDS[kind], _moment(moment), name or None, None, None
        return run, body, _KINDS[kind], _moment(moment), name, _key(asset), partition


_KINDS = {
    "QUEUED": "PIPELINE_ENQUEUED",
    "DEQUEUED": "PIPELINE_DEQUEUED",
    "STARTING": "PIPELINE_STARTING",
    "START": "PIPELINE_START",
    "PLANNED": "ASSET_MATERIALIZATION_PLANNED",
    "CHECK_PLANNED": "ASSET_CHECK_EVALUATION_PLANNED",
    "STEP_START": "STEP_START",
    "MATERIALIZED": "ASSET_MATERIALIZATION",
    "CHECK_PASSED": "ASSET_CHECK_EVALUATION",
    "CHECK_FAILED": "ASSET_CHECK_EVALUATION",
    "STEP_SUCCESS": "STEP_SUCCESS",
    "STEP_FAILURE": "STEP_FAILURE",
    "ENGINE": "ENGINE_EVENT",
    "SUCCESS": "PIPELINE_SUCCESS",
    "FAILURE": "PIPELINE_FAILURE",
}
_RUN_COLUMNS = (
    "run_id", "pipeline_name", "status", "run_body", "create_timestamp", "update_timestamp", "start_time", "end_time",
)  # fmt: skip
_EVENT_COLUMNS = ("run_id", "event", "dagster_event_type", "timestamp", "step_key", "asset_key", "partition")
_TICK_COLUMNS = ("job_origin_id", "selector_id", "status", "type", "timestamp", "tick_body")


def _course(assets: list[int], fails: bool) -> Iterator[tuple[str, float, int | None]]:
    """What happens in a run, with the seconds since it was queued."""
    yield "QUEUED", 0, None
    for asset in assets:
        yield "PLANNED", 0.1, asset
        yield "CHECK_PLANNED", 0.2, asset
    yield "DEQUEUED", 1, None
    yield "STARTING", 2, None
    yield "ENGINE", 3, None
    yield "START", 5, None
    for place, asset in enumerate(assets):
        yield "STEP_START", 6 + place, asset
        if fails and asset == assets[-1]:
            yield "STEP_FAILURE", 6.5 + place, asset
            break
        yield "MATERIALIZED", 6.2 + place, asset
        yield "CHECK_PASSED", 6.3 + place, asset
        yield "STEP_SUCCESS", 6.5 + place, asset
    yield "FAILURE" if fails else "SUCCESS", 20, None


def _template(kind: str) -> str:
    """An event's body by Dagster's own serialiser, with marks."""
    key = dg.AssetKey(_ASSET)
    data: Any = None
    if kind == "PLANNED":
        data = AssetMaterializationPlannedData(key, partition=_PARTITION)
    elif kind == "MATERIALIZED":
        metadata = {"dagster/row_count": _NUMBER, "peak_memory_bytes": 2**28, **_SAID, "note": "n" * 200}
        data = StepMaterializationData(AssetMaterialization(key, metadata=metadata, partition=_PARTITION))
    elif kind == "CHECK_PLANNED":
        data = AssetCheckEvaluationPlanned(asset_key=key, check_name=_CHECK)
    elif kind in ("CHECK_PASSED", "CHECK_FAILED"):
        data = AssetCheckEvaluation(
            asset_key=key,
            check_name=_CHECK,
            passed=kind == "CHECK_PASSED",
            metadata={},
            severity=dg.AssetCheckSeverity.ERROR,
        )
    elif kind == "STEP_SUCCESS":
        data = StepSuccessData(duration_ms=500.0)
    elif kind == "ENGINE":
        data = EngineEventData()
    elif kind == "STEP_FAILURE":
        data = StepFailureData(error=None, user_failure_data=None)
    event = DagsterEvent(
        event_type_value=DagsterEventType(_KINDS[kind]).value,
        job_name=_JOB,
        event_specific_data=data,
        message=f"Of {_RUN}",
    )
    entry = EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id=_RUN,
        timestamp=_STAMP,
        job_name=_JOB,
        dagster_event=event,
    )
    return serialize_value(entry)


def _ticks(count: int, end: float, seconds: float) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        status = "SUCCESS" if number % 10 == 0 else "SKIPPED"
        moment = end - seconds + number * seconds / count
        yield "origin", "selector", status, "SENSOR", _moment(moment), "{}"


def _fails(number: int) -> bool:
    return number % FAILED_EVERY == FAILED_EVERY - 1


def _run_id(number: int) -> str:
    return str(UUID(int=number))


def _name(asset: int) -> str:
    return f"cleaned_thing_{asset}"


def _key(asset: int) -> str:
    return json.dumps([_name(asset)])


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _field(value: Any) -> str:
    if value is None:
        return r"\N"
    text = str(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
