"""Trend checks on the history of a real instance: what warns, what does not, and what counts as history."""

from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from millrace.quality.trends import compare, trend_check, trend_check_name
from millrace.runs import stage
from millrace.thresholds import TrendConfig

CONFIG = TrendConfig(runs=5, min_runs=2, max_slowdown_share=0.5, max_volume_change_share=0.2, max_quality_drop=0.05)
USUAL = {"seconds": 60.0, "rows_per_second": 1_000.0, "dagster/row_count": 60_000.0, "quality_score": 0.9}


class Asset:
    """An asset of a name of its own, which says of itself what it is told to."""

    def __init__(self, bench: Any) -> None:
        self.name = f"a_{uuid4().hex}"
        self.bench = bench

    def run(self, *, fails_after: bool = False, config: TrendConfig = CONFIG, **figures: float) -> Any:
        said = {**USUAL, **{name.replace("row_count", "dagster/row_count"): value for name, value in figures.items()}}

        @dg.asset(name=self.name)
        @stage
        def made() -> dg.MaterializeResult:
            return dg.MaterializeResult(metadata=said)

        @dg.asset(name=f"{self.name}_next", deps=[self.name])
        @stage
        def following() -> dg.MaterializeResult:
            if fails_after:
                raise ValueError
            return dg.MaterializeResult()

        ended = self.bench.run(made, following, trend_check(self.name, config))
        return ended.checks[trend_check_name(self.name)]


@pytest.fixture
def asset(bench: Any) -> Asset:
    return Asset(bench)


def test_with_too_little_history_nothing_is_compared_and_that_is_said(asset: Asset) -> None:
    asset.run()

    check = asset.run(row_count=1)

    assert check.passed
    assert check.description == "1 successful runs before this one, 2 are needed: nothing is compared"
    assert check.metadata["runs_compared"].value == 1


@pytest.mark.parametrize(
    ("figures", "problem"),
    [
        ({"rows_per_second": 499.0}, "speed: 499 rows a second, usually 1,000: 50% slower (at most 50%)"),
        ({"row_count": 47_999.0}, "volume: 47,999 rows, usually 60,000: -20% (at most 20% either way)"),
        ({"row_count": 72_001.0}, "volume: 72,001 rows, usually 60,000: +20% (at most 20% either way)"),
        ({"row_count": 0.0}, "volume: 0 rows, usually 60,000: -100% (at most 20% either way)"),
        ({"quality_score": 0.84}, "quality: score 0.840, usually 0.900: 0.060 lower (at most 0.05)"),
    ],
    ids=["slow", "few", "many", "none", "poor"],
)
def test_a_regression_warns_with_figure_and_median(asset: Asset, figures: dict[str, Any], problem: str) -> None:
    asset.run()
    asset.run()

    check = asset.run(**figures)

    assert not check.passed
    assert check.severity.value == "WARN"
    assert not check.blocking
    assert check.description == problem


def test_an_ordinary_run_passes_and_says_its_figures(asset: Asset) -> None:
    asset.run()
    asset.run()

    check = asset.run(rows_per_second=600.0, row_count=50_000.0, quality_score=0.86)

    assert check.passed
    assert check.description == "as in the last 2 runs"
    assert {name: value.value for name, value in check.metadata.items()} == {
        "runs_compared": 2,
        "speed": 600.0,
        "speed_median": 1_000.0,
        "volume": 50_000.0,
        "volume_median": 60_000.0,
        "quality": 0.86,
        "quality_median": 0.9,
    }


def test_one_odd_run_does_not_move_what_is_usual(asset: Asset) -> None:
    for rows in (60_000.0, 60_000.0, 1.0):
        asset.run(row_count=rows)

    assert asset.run().passed
    assert not asset.run(row_count=1.0).passed


def test_runs_that_failed_are_no_history(asset: Asset) -> None:
    for _ in range(3):
        asset.run(fails_after=True, row_count=1.0)
    asset.run()
    asset.run()

    check = asset.run()

    assert check.passed
    assert check.metadata["runs_compared"].value == 2
    assert check.metadata["volume_median"].value == 60_000


def test_only_the_last_runs_count(asset: Asset) -> None:
    for rows in (1.0, 1.0, 1.0, 60_000.0, 60_000.0, 60_000.0):
        asset.run(row_count=rows, config=CONFIG)

    check = asset.run(config=CONFIG.model_copy(update={"runs": 3}))

    assert check.passed
    assert check.metadata["runs_compared"].value == 3


def test_another_assets_history_does_not_count(bench: Any) -> None:
    other, asset = Asset(bench), Asset(bench)
    for _ in range(3):
        other.run()

    assert asset.run().metadata["runs_compared"].value == 0


def found(now: dict[str, float], config: TrendConfig = CONFIG, history: dict[str, float] | None = None) -> list[str]:
    return [one.name for one in compare({**USUAL, **now}, [history or USUAL] * 3, config)]


def test_a_step_too_short_to_be_measured_is_not_judged_by_its_speed() -> None:
    assert found({"seconds": 4.9, "rows_per_second": 1.0}) == ["volume", "quality"]
    assert found({"seconds": 5.0, "rows_per_second": 1.0}) == ["speed", "volume", "quality"]


def test_what_is_switched_off_or_was_never_said_is_not_compared() -> None:
    only_volume = CONFIG.model_copy(update={"max_slowdown_share": None, "max_quality_drop": None})

    assert found({}, only_volume) == ["volume"]
    assert found({}, CONFIG, {"seconds": 60.0, "dagster/row_count": 0.0}) == []
