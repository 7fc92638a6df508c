"""Asset checks from the thresholds in a domain's `config.yaml`: `<asset>_<purpose>_check`, by one scan of the asset.

What belongs here: making checks of judgements. What does not: judging (`millrace.quality.thresholds`). What a threshold
cannot say is written by hand in the domain, next to its asset; docs/add-a-quality-gate.md has both ways.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from millrace.quality.thresholds import Judgement, judge_thresholds
from millrace.runs.stage import stage
from millrace.thresholds import AssetThresholds, Severity

_DESCRIPTIONS = {
    "completeness": "As many rows as config.yaml demands have a value in each column that it names.",
    "uniqueness": "As many rows as config.yaml demands differ in their key.",
    "validity": "As many values as config.yaml demands lie within their ranges.",
    "enrichment": "As many rows as config.yaml demands were enriched.",
}


def threshold_checks(asset: str, thresholds: AssetThresholds) -> dg.AssetChecksDefinition:
    """Make the checks of an asset's thresholds; the asset is loaded by its own IO manager.

    Args:
        asset: Name of the asset; its IO manager must give a lazy frame.
        thresholds: What is demanded; a demand of severity error blocks what is downstream.
    """
    specs = [
        dg.AssetCheckSpec(
            name=f"{asset}_{purpose}_check",
            asset=asset,
            description=_DESCRIPTIONS[purpose],
            blocking=severity is Severity.ERROR,
        )
        for purpose, severity in thresholds.severities.items()
    ]

    @dg.multi_asset_check(name=f"{asset}_thresholds", specs=specs, ins={"frame": dg.AssetIn(asset)}, can_subset=True)
    @stage
    def checks(context: dg.AssetCheckExecutionContext, frame: pl.LazyFrame) -> Iterator[dg.AssetCheckResult]:
        selected = {key.name for key in context.selected_asset_check_keys}
        for judgement in judge_thresholds(frame, thresholds):
            name = f"{asset}_{judgement.purpose}_check"
            if name in selected:
                yield _result(asset, name, judgement, thresholds.severities[judgement.purpose])

    return checks


def _result(asset: str, name: str, judgement: Judgement, severity: Severity) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=judgement.is_met,
        severity=dg.AssetCheckSeverity.ERROR if severity is Severity.ERROR else dg.AssetCheckSeverity.WARN,
        description="; ".join(judgement.problems) or judgement.summary,
        metadata={name: _figure(value) for name, value in judgement.figures.items()},
    )


def _figure(value: Any) -> dg.MetadataValue:
    if isinstance(value, int):
        return dg.MetadataValue.int(value)
    return dg.MetadataValue.float(value) if isinstance(value, float) else dg.MetadataValue.json(dict(value))
