"""Thresholds judged on frames: what counts, what does not, and exactly where the line is."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from millrace.quality.thresholds import Judgement, judge_thresholds
from millrace.thresholds import AssetThresholds

AWARDS = pl.LazyFrame(
    {
        "award_id": ["1", "2", "3", "3"],
        "company_name": ["Kew Mills", "", "  ", None],
        "amount_usd": [100.0, -5.0, float("nan"), None],
        "awarded_on": [date(1981, 12, 31), date(1982, 1, 1), date(2024, 1, 1), None],
        "sam_gov_data": [{"uei": "A"}, {"uei": None}, None, None],
    }
)


def judged(frame: pl.LazyFrame = AWARDS, **thresholds: Any) -> Judgement:
    (judgement,) = judge_thresholds(frame, AssetThresholds.model_validate(thresholds))
    return judgement


def test_a_null_and_a_blank_text_are_no_values() -> None:
    found = judged(completeness={"columns": ["company_name", "award_id"], "min_coverage": 0.5})

    assert found.figures == {
        "min_coverage": 0.5,
        "field_coverage": {"company_name": 0.25, "award_id": 1.0},
        "total_count": 4,
    }
    assert found.problems == ["company_name: 25.00% of 4 rows have a value (at least 50.00%)"]


@pytest.mark.parametrize(("least", "is_met"), [(0.75, True), (0.7500001, False)], ids=["just_met", "just_missed"])
def test_the_line_itself_is_met(least: float, *, is_met: bool) -> None:
    by_rule: dict[str, Any] = {
        "completeness": {"columns": ["awarded_on"], "min_coverage": least},
        "uniqueness": {"key": ["award_id"], "min_unique": least},
        "enrichment": {"column": "awarded_on", "min_rate": least},
    }
    for rule, demand in by_rule.items():
        assert judged(**{rule: demand}).is_met is is_met, rule
    of_four = pl.LazyFrame({"a": [1, 2, 3, 9]})
    assert judged(of_four, validity={"ranges": {"a": {"max": 3}}, "min_valid": least}).is_met is is_met


def test_keys_are_counted_together_and_a_null_makes_no_key() -> None:
    frame = pl.LazyFrame({"a": ["x", "x", "y", None], "b": [1, 2, 1, 1]})

    both = judged(frame, uniqueness={"key": ["a", "b"]})
    one = judged(frame, uniqueness={"key": ["a"], "min_unique": 0.5})

    assert (both.figures["unique_count"], both.problems) == (
        3,
        ["3 distinct keys (a, b) in 4 rows (75.00%, at least 100.00%)"],
    )
    assert (one.figures["unique_count"], one.figures["unique_share"], one.is_met) == (2, 0.5, True)


def test_values_outside_of_their_range_are_counted_and_nulls_are_not_judged() -> None:
    ranges = {"amount_usd": {"min": 0, "max": 1_000}, "awarded_on": {"min": "1982-01-01"}}

    found = judged(validity={"ranges": ranges, "min_valid": 0.5})

    assert found.figures["outside_count"] == {"amount_usd": 2, "awarded_on": 1}
    assert found.figures["field_validity"] == {"amount_usd": pytest.approx(1 / 3), "awarded_on": pytest.approx(2 / 3)}
    (problem,) = found.problems
    assert problem == "amount_usd: 2 of 3 values are outside of 0 to 1000 (33.33% within, at least 50.00%)"


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_moments_are_compared_in_utc(zone: str | None) -> None:
    moments = pl.Series([datetime(2023, 12, 31, 23, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)])
    moments = moments.dt.convert_time_zone(zone) if zone else moments.dt.replace_time_zone(None)

    found = judged(pl.LazyFrame({"a": moments}), validity={"ranges": {"a": {"min": date(2024, 1, 1)}}, "min_valid": 0})

    assert found.figures["outside_count"] == {"a": 1}


def test_nan_is_within_no_range() -> None:
    frame = pl.LazyFrame({"a": [float("nan")]})

    assert not judged(frame, validity={"ranges": {"a": {"min": 0}}}).is_met
    assert not judged(frame, validity={"ranges": {"a": {"max": 0}}}).is_met


def test_the_enrichment_rate_is_that_of_all_rows() -> None:
    found = judged(enrichment={"column": "sam_gov_data", "min_rate": 0.9})

    assert found.figures == {"min_rate": 0.9, "enrichment_rate": 0.5, "enriched_count": 2, "total_count": 4}
    assert found.problems == ["2 of 4 rows have sam_gov_data (50.00%, at least 90.00%)"]


@pytest.mark.parametrize(
    "thresholds",
    [
        {"completeness": {"columns": ["nought"], "min_coverage": 0.0}},
        {"uniqueness": {"key": ["nought"], "min_unique": 0.0}},
        {"validity": {"ranges": {"nought": {"min": 0}}, "min_valid": 0.0}},
        {"enrichment": {"column": "nought", "min_rate": 0.0}},
    ],
    ids=lambda thresholds: next(iter(thresholds)),
)
def test_a_column_that_is_not_there_is_a_problem_however_low_the_threshold(thresholds: dict[str, Any]) -> None:
    assert judged(**thresholds).problems == ["column 'nought' is not there"]


@pytest.mark.parametrize(
    ("column", "limits", "problem"),
    [
        ("award_id", {"min": 0}, "award_id is String, its range expects numbers"),
        ("amount_usd", {"min": date(2024, 1, 1)}, "amount_usd is Float64, its range expects dates"),
        ("awarded_on", {"min": 0}, "awarded_on is Date, its range expects numbers"),
    ],
    ids=["text", "number", "date"],
)
def test_a_range_that_does_not_fit_its_column_is_a_problem_and_no_crash(
    column: str, limits: dict[str, Any], problem: str
) -> None:
    assert judged(validity={"ranges": {column: limits}}).problems == [problem]


ALL: dict[str, Any] = {
    "completeness": {"columns": ["award_id"], "min_coverage": 1.0},
    "uniqueness": {"key": ["award_id"]},
    "validity": {"ranges": {"amount_usd": {"min": 0}}},
    "enrichment": {"column": "sam_gov_data", "min_rate": 1.0},
}


def test_an_asset_without_rows_meets_nothing_unless_it_may_be_empty() -> None:
    empty = AWARDS.clear()
    strict, lenient = AssetThresholds.model_validate(ALL), AssetThresholds.model_validate({**ALL, "allow_empty": True})

    assert [one.problems for one in judge_thresholds(empty, strict)] == [["no row at all"]] * 4
    assert all(one.is_met for one in judge_thresholds(empty, lenient))


def test_all_demands_are_judged_by_one_scan() -> None:
    scans = []

    def counted(frame: pl.DataFrame) -> pl.DataFrame:
        scans.append(frame.height)
        return frame

    source = AWARDS.map_batches(counted, schema=AWARDS.collect_schema())
    found = judge_thresholds(source, AssetThresholds.model_validate(ALL))

    assert [one.purpose for one in found] == ["completeness", "uniqueness", "validity", "enrichment"]
    assert sum(scans) == 4
