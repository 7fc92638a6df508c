"""Trend checks: an asset's last materialisation compared with the median of its own successful runs before it.

| figure | metadata key | warns when |
| --- | --- | --- |
| speed | `rows_per_second` | it is lower than the median by more than `max_slowdown_share` |
| volume | `dagster/row_count` | it is lower or higher by more than `max_volume_change_share` |
| quality | `quality_score` | it is lower by more than `max_quality_drop` |

What belongs here: the comparison, and where history comes from: the event log. What does not: the figures (`runs`).

The median, and not the last run, so that one odd run neither hides a regression nor makes one. Only a warning: history
says what was, not what is right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import dagster as dg

from millrace.runs.stage import stage
from millrace.thresholds import TrendConfig

SECONDS, SPEED, VOLUME, QUALITY = "seconds", "rows_per_second", "dagster/row_count", "quality_score"
# Of runs that failed after the asset was written, so many may stand between those that count.
_LOOK_BACK_FACTOR = 3

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """One figure and its history.

    Attributes:
        name: speed, volume or quality.
        now: Of the last materialisation.
        usual: The median of its history.
        problem: Why it is a regression; empty if it is none.
    """

    name: str
    now: float
    usual: float
    problem: str


def trend_check_name(asset: str) -> str:
    """Name of the check that is generated for an asset."""
    return f"{asset}_trend_check"


def trend_check(asset: str, config: TrendConfig) -> dg.AssetChecksDefinition:
    """Make the trend check of an asset.

    Args:
        asset: Name of the asset.
        config: How far it may fall behind.
    """

    @dg.asset_check(
        asset=asset,
        name=trend_check_name(asset),
        description=f"Speed, volume and quality are not far from the median of the last {config.runs} successful runs.",
    )
    @stage
    def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        made, history = _last_and_history(context.instance, asset, config.runs)
        if made is None:
            return _result("nothing was materialised yet", [], 0)
        if len(history) < config.min_runs:
            text = f"{len(history)} successful runs before this one, {config.min_runs} are needed: nothing is compared"
            return _result(text, [], len(history))
        compared = compare(made, history, config)
        problems = [one.problem for one in compared if one.problem]
        return _result("; ".join(problems) or f"as in the last {len(history)} runs", compared, len(history))

    return check


def compare(now: Figures, history: Sequence[Figures], config: TrendConfig) -> list[Comparison]:
    """Compare figures with the medians of their history; what one side lacks, or was nought, is not compared."""
    found: list[Comparison] = []
    speed, volume, quality = (_usual(name, history) for name in (SPEED, VOLUME, QUALITY))
    if config.max_slowdown_share is not None and SPEED in now and speed and now.get(SECONDS, 0) >= config.min_seconds:
        slower = 1 - now[SPEED] / speed
        text = f"speed: {now[SPEED]:,.0f} rows a second, usually {speed:,.0f}: {slower:.0%} slower"
        text += f" (at most {config.max_slowdown_share:.0%})"
        found.append(Comparison("speed", now[SPEED], speed, text if slower > config.max_slowdown_share else ""))
    if config.max_volume_change_share is not None and VOLUME in now and volume:
        change = now[VOLUME] / volume - 1
        text = f"volume: {now[VOLUME]:,.0f} rows, usually {volume:,.0f}: {change:+.0%}"
        text += f" (at most {config.max_volume_change_share:.0%} either way)"
        is_far = abs(change) > config.max_volume_change_share
        found.append(Comparison("volume", now[VOLUME], volume, text if is_far else ""))
    if config.max_quality_drop is not None and QUALITY in now and quality:
        drop = quality - now[QUALITY]
        text = f"quality: score {now[QUALITY]:.3f}, usually {quality:.3f}: {drop:.3f} lower"
        text += f" (at most {config.max_quality_drop})"
        found.append(Comparison("quality", now[QUALITY], quality, text if drop > config.max_quality_drop else ""))
    return found


def _usual(name: str, history: Sequence[Figures]) -> float | None:
    values = [figures[name] for figures in history if name in figures]
    return median(values) if values else None


def _last_and_history(instance: dg.DagsterInstance, asset: str, runs: int) -> tuple[Figures | None, list[Figures]]:
    """Figures of the last materialisation, and of those before it, one of each run that succeeded, the latest first."""
    found = instance.fetch_materializations(dg.AssetKey(asset), limit=1 + runs * _LOOK_BACK_FACTOR).records
    entries = [record.event_log_entry for record in found]
    if not entries:
        return None, []
    last_of_run: dict[str, Figures] = {}
    for entry in entries[1:]:
        last_of_run.setdefault(entry.run_id, _figures(entry))
    last_of_run.pop(entries[0].run_id, None)
    if not last_of_run:
        return _figures(entries[0]), []
    succeeded = instance.get_runs(dg.RunsFilter(run_ids=list(last_of_run), statuses=[dg.DagsterRunStatus.SUCCESS]))
    ids = {run.run_id for run in succeeded}
    return _figures(entries[0]), [figures for run_id, figures in last_of_run.items() if run_id in ids][:runs]


def _figures(entry: dg.EventLogEntry) -> Figures:
    """The numbers of a materialisation."""
    metadata = entry.asset_materialization.metadata if entry.asset_materialization is not None else {}
    values = {name: metadata[name].value for name in (SECONDS, SPEED, VOLUME, QUALITY) if name in metadata}
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float)}


def _result(text: str, compared: Sequence[Comparison], runs: int) -> dg.AssetCheckResult:
    metadata: dict[str, dg.MetadataValue] = {"runs_compared": dg.MetadataValue.int(runs)}
    for one in compared:
        metadata[one.name] = dg.MetadataValue.float(one.now)
        metadata[f"{one.name}_median"] = dg.MetadataValue.float(one.usual)
    return dg.AssetCheckResult(
        passed=not any(one.problem for one in compared),
        severity=dg.AssetCheckSeverity.WARN,
        description=text,
        metadata=metadata,
    )
