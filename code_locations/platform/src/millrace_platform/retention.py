"""What may go and what must stay: decisions only, without a database, a clock or a file.

What belongs here: rules over names, dates and ids. What does not: how they are asked of Postgres
(`millrace_platform.records`) or of the disk (`millrace_platform.captured_logs`).

An event type that stands in none of the three groups below is kept: a later Dagster may add one, and what was
deleted for want of knowing it does not come back. A test says when that happens.
"""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time, timedelta

from dagster import DagsterEventType as Event
from dagster._core.scheduler.instigation import TickStatus

# What happened to an asset or a check, and what no run wrote (freshness, health, wipes, reloads).
KEPT_EVENTS = frozenset(
    {
        Event.ASSET_MATERIALIZATION,
        Event.ASSET_OBSERVATION,
        Event.ASSET_CHECK_EVALUATION,
        Event.ASSET_FAILED_TO_MATERIALIZE,
        Event.ASSET_HEALTH_CHANGED,
        Event.ASSET_WIPED,
        Event.FRESHNESS_STATE_EVALUATION,
        Event.FRESHNESS_STATE_CHANGE,
        Event.CODE_LOCATION_UPDATED,
    }
)

# The newest plan of an asset and partition tells whether the last attempt failed: Dagster compares it with the
# newest materialisation (get_latest_asset_partition_materialization_attempts_without_materializations). No query
# reads an older one once its run has finished.
PLAN_EVENT = Event.ASSET_MATERIALIZATION_PLANNED

# How a run went. A planned check is copied into asset_check_executions when it is stored, and read there only.
NARRATIVE_EVENTS = frozenset(
    {
        Event.RUN_ENQUEUED, Event.RUN_DEQUEUED, Event.RUN_STARTING, Event.RUN_START, Event.RUN_SUCCESS,
        Event.RUN_FAILURE, Event.RUN_CANCELING, Event.RUN_CANCELED, Event.RUN_SUSPENDED, Event.RUN_RESUMED,
        Event.STEP_WORKER_STARTING, Event.STEP_WORKER_STARTED, Event.STEP_START, Event.STEP_INPUT, Event.STEP_OUTPUT,
        Event.STEP_SUCCESS, Event.STEP_FAILURE, Event.STEP_SKIPPED, Event.STEP_UP_FOR_RETRY, Event.STEP_RESTARTED,
        Event.STEP_EXPECTATION_RESULT, Event.RESOURCE_INIT_STARTED, Event.RESOURCE_INIT_SUCCESS,
        Event.RESOURCE_INIT_FAILURE, Event.ASSET_CHECK_EVALUATION_PLANNED, Event.OBJECT_STORE_OPERATION,
        Event.ASSET_STORE_OPERATION, Event.LOADED_INPUT, Event.HANDLED_OUTPUT, Event.ENGINE_EVENT,
        Event.HOOK_COMPLETED, Event.HOOK_ERRORED, Event.HOOK_SKIPPED, Event.ALERT_START, Event.ALERT_SUCCESS,
        Event.ALERT_FAILURE, Event.LOGS_CAPTURED,
    }
)  # fmt: skip

# A tick that has started is still being evaluated, or its daemon died and Dagster resumes it.
REMOVABLE_TICKS = tuple(status for status in TickStatus if status is not TickStatus.STARTED)


def cut_off(logical_date: date, keep_days: int) -> datetime:
    """The moment (midnight, UTC) before which something is old; what ended at that very moment stays."""
    return datetime.combine(logical_date - timedelta(days=keep_days), time.min, UTC)


def purge_before(cut_off: datetime, newest_tick: datetime) -> datetime:
    """The moment before which a schedule's or sensor's ticks go; its newest tick never does.

    The daemons look at the newest tick to know what has been evaluated already.
    """
    return min(cut_off, newest_tick)


def without_descendants(runs: Iterable[str], links: Collection[tuple[str, str]]) -> list[str]:
    """Those of some runs that no run outside of them descends from, in the order given.

    A retry names the run that it retries and the first one of its group; Dagster's page of the retry fails
    (`DagsterRunNotFoundError` in `get_run_group`) where that first one is gone.

    Args:
        runs: Runs that could go.
        links: Pairs of a run and a run that it descends from.
    """
    going = dict.fromkeys(runs)
    while needed := {ancestor for run, ancestor in links if ancestor in going and run not in going}:
        going = dict.fromkeys(run for run in going if run not in needed)
    return list(going)
