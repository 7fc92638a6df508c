"""Dagster's own tables in Postgres: which rows are old, which may go, and their removal in bounded batches.

What belongs here: the SQL. What does not: which event types are history (`millrace_platform.retention`), and
whatever Dagster's instance can do by itself (deleting a run, purging ticks).

Dagster can delete a run only with everything that it wrote, materialisations too. So events are deleted here, by
the tables' definitions in dagster 1.13.27. Each statement commits by itself (Dagster's engines are in AUTOCOMMIT):
what a crash leaves behind is a shorter list of the same kind, and the next run goes on with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.runs.schema import BulkActionsTable, RunsTable, RunTagsTable
from dagster._core.storage.schedules.schema import JobTickTable
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage
from sqlalchemy.engine import Connection

from millrace.errors import ConfigurationError
from millrace_platform.retention import NARRATIVE_EVENTS, PLAN_EVENT, REMOVABLE_TICKS

_events = SqlEventLogStorageTable.c
_runs = RunsTable.c
_ticks = JobTickTable.c
_FINISHED = [status.value for status in FINISHED_STATUSES]
_LINKS = (ROOT_RUN_ID_TAG, PARENT_RUN_ID_TAG)


@dataclass(frozen=True)
class Batch:
    """Rows that went in one transaction, or would have gone; `bytes` is the size of their bodies."""

    rows: int
    bytes: int


@dataclass(frozen=True)
class Instigator:
    """A schedule or sensor that has ticks; `newest` is the time of its newest one."""

    origin_id: str
    selector_id: str
    newest: datetime


class Records:
    """The tables of an instance whose runs and events lie in one Postgres database.

    Args:
        instance: The instance.
        batch_rows: Rows that one transaction deletes, and that one query of ids returns.

    Raises:
        ConfigurationError: the instance stores them elsewhere; SQLite keeps one file per run, which no query joins.
    """

    def __init__(self, instance: dg.DagsterInstance, batch_rows: int) -> None:
        events, runs = instance.event_log_storage, instance.run_storage
        if not (
            isinstance(events, PostgresEventLogStorage)
            and isinstance(runs, PostgresRunStorage)
            and events.postgres_url == runs.postgres_url
        ):
            found = f"runs are in {type(runs).__name__}, events in {type(events).__name__}"
            raise ConfigurationError(
                "instance",
                [f"{found}, expected one Postgres database"],
                next_step="set storage.postgres in dagster.yaml",
            )
        self._storage = events
        self._batch_rows = batch_rows

    def old_runs(self, cut_off: datetime) -> int:
        """How many runs are old: finished before the cut-off, and nothing unfinished needs them."""
        with self._storage.index_connection() as connection:
            return _count(connection, sa.select(_runs.run_id).where(_old(cut_off)))

    def old_runs_among(self, run_ids: Sequence[str], cut_off: datetime) -> set[str]:
        """Those of some runs that are old."""
        query = sa.select(_runs.run_id).where(_runs.run_id.in_(run_ids), _old(cut_off))
        with self._storage.index_connection() as connection:
            return set(connection.scalars(query))

    def events_of_old_runs(self, cut_off: datetime) -> int:
        """How many events old runs have, history among them."""
        query = sa.select(_events.id).where(_events.run_id.in_(sa.select(_runs.run_id).where(_old(cut_off))))
        with self._storage.index_connection() as connection:
            return _count(connection, query)

    def prune_events(
        self, cut_off: datetime, *, dry_run: bool, run_ids: Sequence[str] | None = None
    ) -> Iterator[Batch]:
        """Delete the events of old runs that are no asset history, oldest first, one transaction per batch.

        Args:
            cut_off: What makes a run old.
            dry_run: Only count them.
            run_ids: Only of these runs.
        """
        old = sa.select(_runs.run_id).where(_old(cut_off))
        if run_ids is not None:
            old = old.where(_runs.run_id.in_(run_ids))
        with self._storage.index_connection() as connection:
            for ids, size in self._pages(connection, _events.id, _events.event, _events.run_id.in_(old), _prunable()):
                if not dry_run:
                    connection.execute(sa.delete(SqlEventLogStorageTable).where(_events.id.in_(ids)))
                yield Batch(len(ids), size)

    def runs_without_history(self, cut_off: datetime) -> dict[str, int]:
        """Old runs that no asset's or check's history mentions, newest first, with the bytes of their bodies."""
        kept_event = sa.exists().where(_events.run_id == _runs.run_id, sa.not_(_prunable()))
        check = sa.exists().where(AssetCheckExecutionsTable.c.run_id == _runs.run_id)
        query = (
            sa.select(_runs.run_id, sa.func.octet_length(_runs.run_body))
            .where(_old(cut_off), ~kept_event, ~check)
            .order_by(_runs.id.desc())
        )
        with self._storage.index_connection() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def links(self) -> list[tuple[str, str]]:
        """Pairs of a run and a run that it descends from, of all retries and re-executions."""
        tags = RunTagsTable.c
        query = sa.select(tags.run_id, tags.value).where(tags.key.in_(_LINKS))
        with self._storage.index_connection() as connection:
            return [(row[0], row[1]) for row in connection.execute(query)]

    def instigators(self) -> list[Instigator]:
        """Every schedule and sensor that has ticks, also those of code locations that are gone."""
        query = (
            sa.select(_ticks.selector_id, sa.func.max(_ticks.job_origin_id), sa.func.max(_moment(_ticks.timestamp)))
            .where(_ticks.selector_id.is_not(None))  # NULL only in what a Dagster before 0.14 wrote
            .group_by(_ticks.selector_id)
            .order_by(_ticks.selector_id)
        )
        with self._storage.index_connection() as connection:
            return [Instigator(row[1], row[0], row[2].astimezone(UTC)) for row in connection.execute(query)]

    def ticks(self, instigator: Instigator, before: datetime) -> int:
        """How many ticks it has before a moment, whatever became of them."""
        with self._storage.index_connection() as connection:
            return _count(connection, sa.select(_ticks.id).where(*_ticks_of(instigator, before)))

    def removable_ticks(self, instigator: Instigator, before: datetime) -> Iterator[tuple[list[int], int]]:
        """Its finished ticks before a moment: batches of ids, with the bytes of their bodies."""
        statuses = [status.value for status in REMOVABLE_TICKS]
        removable = (*_ticks_of(instigator, before), _ticks.status.in_(statuses))
        with self._storage.index_connection() as connection:
            yield from self._pages(connection, _ticks.id, _ticks.tick_body, *removable)

    def _pages(
        self, connection: Connection, key: sa.Column[int], body: sa.Column[str], *conditions: sa.ColumnElement[bool]
    ) -> Iterator[tuple[list[int], int]]:
        """Rows that fulfil some conditions, by ascending key: batches of keys, with the bytes of their bodies."""
        after = 0
        query = sa.select(key, sa.func.octet_length(body)).where(*conditions).order_by(key).limit(self._batch_rows)
        while found := connection.execute(query.where(key > after)).all():
            keys = [row[0] for row in found]
            after = keys[-1]
            yield keys, sum(row[1] for row in found)


def _count(connection: Connection, query: sa.Select[tuple[object]]) -> int:
    return connection.scalar(sa.select(sa.func.count()).select_from(query.subquery())) or 0


def _moment(column: sa.ColumnElement[datetime]) -> sa.ColumnElement[datetime]:
    """Read a column as Dagster writes and compares it: its TIMESTAMP columns are in the session's time zone."""
    return sa.cast(column, sa.TIMESTAMP(timezone=True))


def _ticks_of(instigator: Instigator, before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return _ticks.selector_id == instigator.selector_id, _moment(_ticks.timestamp) < before


def _old(cut_off: datetime) -> sa.ColumnElement[bool]:
    """A run has finished before the cut-off, and neither an unfinished run nor an unfinished backfill needs it."""
    # end_time may be NULL by Dagster's schema; the last update of the row is never earlier.
    ended = sa.func.coalesce(_runs.end_time, sa.func.extract("epoch", _moment(_runs.update_timestamp)))
    later, tag, backfill = RunsTable.alias(), RunTagsTable.c, BulkActionsTable.c
    retried = sa.exists().where(
        tag.key.in_(_LINKS), tag.value == _runs.run_id, later.c.run_id == tag.run_id, later.c.status.not_in(_FINISHED)
    )
    backfilling = sa.exists().where(
        backfill.key == _runs.backfill_id,
        backfill.status.not_in([status.value for status in BULK_ACTION_TERMINAL_STATUSES]),
    )
    return sa.and_(_runs.status.in_(_FINISHED), ended < cut_off.timestamp(), ~retried, ~backfilling)


def _prunable() -> sa.ColumnElement[bool]:
    """An event is no asset history: a log line (no type), part of a run's narrative, or a plan that a newer follows.

    Two conditions rather than IS NOT DISTINCT FROM, so that each can use Dagster's index on asset and partition.
    """
    newer = SqlEventLogStorageTable.alias()
    follows = (
        newer.c.asset_key == _events.asset_key,
        newer.c.dagster_event_type == PLAN_EVENT.value,
        newer.c.id > _events.id,
    )
    superseded = sa.or_(
        sa.exists().where(*follows, newer.c.partition == _events.partition),
        sa.and_(_events.partition.is_(None), sa.exists().where(*follows, newer.c.partition.is_(None))),
    )
    return sa.or_(
        _events.dagster_event_type.is_(None),
        _events.dagster_event_type.in_(sorted(kind.value for kind in NARRATIVE_EVENTS)),
        sa.and_(_events.dagster_event_type == PLAN_EVENT.value, superseded),
    )
