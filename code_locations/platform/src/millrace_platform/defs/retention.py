"""Retention: logs, then the events that point at them, then the runs that those belonged to; ticks beside them.

Each asset says what it removed. Its materialisation is asset history too, and outlives what it removed.

    examined = kept + removed, in each asset's own unit (files, events, runs, ticks)
"""

from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from millrace.runs import current_measurement, logical_date, stage
from millrace_platform.captured_logs import CapturedLogs, Files
from millrace_platform.records import Records
from millrace_platform.retention import REMOVABLE_TICKS, cut_off, purge_before, without_descendants
from millrace_platform.settings import Plan, PlatformConfig, Retention


@dg.asset(group_name="retention", kinds={"file"}, code_version="1")
@stage
def pruned_logs(
    context: dg.AssetExecutionContext, retention: Retention, platform_config: dg.ResourceParam[PlatformConfig]
) -> dg.MaterializeResult:
    """Captured stdout and stderr of old runs, removed from the local log folder; counted in files."""
    plan, before, records = _begin(context, retention, platform_config, "logs")
    logs = CapturedLogs(context.instance)
    if not logs.is_local:
        context.log.warning(f"{logs.manager_name} keeps its files elsewhere: have the bucket expire them by age")
    on_disk = list(logs.runs())
    examined = removable = Files()
    for start in range(0, len(on_disk), plan.batch_rows):
        some = on_disk[start : start + plan.batch_rows]
        old = records.old_runs_among(some, before)
        for run_id in some:
            files = logs.of_run(run_id)
            examined += files
            if run_id in old:
                removable += files
                if not plan.dry_run:
                    logs.remove_run(run_id)
    return _Outcome(before, examined.count, removable.count, removable.bytes).result(plan, {"runs": len(on_disk)})


@dg.asset(group_name="retention", kinds={"postgres"}, code_version="1", deps=[pruned_logs])
@stage
def pruned_events(
    context: dg.AssetExecutionContext, retention: Retention, platform_config: dg.ResourceParam[PlatformConfig]
) -> dg.MaterializeResult:
    """Events of old runs that are no asset history, removed from `event_logs`."""
    plan, before, records = _begin(context, retention, platform_config, "events")
    examined = records.events_of_old_runs(before)
    batches = list(records.prune_events(before, dry_run=plan.dry_run))
    rows, size = sum(batch.rows for batch in batches), sum(batch.bytes for batch in batches)
    return _Outcome(before, examined, rows, size).result(plan, {"batches": len(batches)})


@dg.asset(group_name="retention", kinds={"postgres"}, code_version="1", deps=[pruned_events])
@stage
def pruned_runs(
    context: dg.AssetExecutionContext, retention: Retention, platform_config: dg.ResourceParam[PlatformConfig]
) -> dg.MaterializeResult:
    """Old runs that left no asset history and that no other run descends from, removed whole."""
    plan, before, records = _begin(context, retention, platform_config, "runs")
    examined = records.old_runs(before)
    sizes = records.runs_without_history(before)
    going = without_descendants(sizes, records.links())
    if not plan.dry_run:
        for start in range(0, len(going), plan.batch_rows):
            some = going[start : start + plan.batch_rows]
            # Their events first: delete_run removes the run's row before its events, and all of those at once.
            for _ in records.prune_events(before, dry_run=False, run_ids=some):
                pass
            for run_id in some:
                context.instance.delete_run(run_id)
    bodies = sum(sizes[run_id] for run_id in going)
    return _Outcome(before, examined, len(going), bodies).result(plan, {})


@dg.asset(group_name="retention", kinds={"postgres"}, code_version="1")
@stage
def pruned_ticks(
    context: dg.AssetExecutionContext, retention: Retention, platform_config: dg.ResourceParam[PlatformConfig]
) -> dg.MaterializeResult:
    """Old finished ticks of schedules and sensors, with the logs they captured; the newest of each stays."""
    plan, before, records = _begin(context, retention, platform_config, "ticks")
    logs = CapturedLogs(context.instance)
    instigators = records.instigators()
    examined = removable = size = 0
    files = Files()
    for instigator in instigators:
        examined += records.ticks(instigator, before)
        upto = purge_before(before, instigator.newest)
        for ids, batch_bytes in records.removable_ticks(instigator, upto):
            removable += len(ids)
            size += batch_bytes
            files += _tick_logs(context.instance, logs, ids, dry_run=plan.dry_run)
        if not plan.dry_run:
            context.instance.purge_ticks(
                instigator.origin_id, instigator.selector_id, upto.timestamp(), list(REMOVABLE_TICKS)
            )
    figures = {"instigators": len(instigators), "log_files": files.count}
    return _Outcome(before, examined, removable, size + files.bytes).result(plan, figures)


def _begin(
    context: dg.AssetExecutionContext, retention: Retention, config: PlatformConfig, kind: str
) -> tuple[Plan, datetime, Records]:
    """What every asset begins with: the plan, the cut-off of its kind, and the tables."""
    plan = retention.plan(config)
    before = cut_off(logical_date(context), getattr(plan.keep_days, kind))
    return plan, before, Records(context.instance, plan.batch_rows)


def _tick_logs(instance: dg.DagsterInstance, logs: CapturedLogs, ids: list[int], *, dry_run: bool) -> Files:
    """Remove what some ticks captured, before the ticks that know its place are gone."""
    files = Files()
    storage = instance.schedule_storage
    if storage is None or not logs.is_local:
        return files
    for tick in storage.get_ticks_by_ids(ids):
        if tick.log_key:
            files += logs.of_tick(tick.log_key)
            if not dry_run:
                logs.remove_tick(tick.log_key)
    return files


@dataclass(frozen=True)
class _Outcome:
    """What an asset found; `removable` went, unless the run was dry."""

    cut_off: datetime
    examined: int
    removable: int
    removable_bytes: int

    def result(self, plan: Plan, figures: dict[str, int]) -> dg.MaterializeResult:
        removed = 0 if plan.dry_run else self.removable
        measurement = current_measurement()
        measurement.rows_in = self.examined
        kept = self.examined - removed
        return dg.MaterializeResult(
            metadata={
                **measurement.metadata(kept),
                "dagster/row_count": removed,
                "examined": self.examined,
                "kept": kept,
                "removable": self.removable,
                "removable_bytes": self.removable_bytes,
                "bytes_freed": 0 if plan.dry_run else self.removable_bytes,
                "cut_off": self.cut_off.date().isoformat(),
                "dry_run": plan.dry_run,
                **figures,
            }
        )
