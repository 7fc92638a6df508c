"""What a step's measurement says."""

import time
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.quality import Reject, RejectKind
from millrace.resources import RejectFiles
from millrace.runs import current_measurement, stage
from millrace.runs.measure import begin_measurement, peak_memory_bytes

MEBIBYTE = 2**20


def figures(rows: int, *, rows_in: int | None = None, rejected: int | None = None) -> dict[str, Any]:
    measurement = begin_measurement()
    measurement.rows_in = rows_in
    if rejected is not None:
        measurement.count_rejected = lambda: rejected
    return {name: value.value for name, value in measurement.metadata(rows).items()}


@pytest.mark.parametrize(
    ("given", "rows_in", "removed", "share"),
    [
        ({"rows": 10}, 10, 0, 0.0),
        ({"rows": 8, "rejected": 2}, 10, 2, 0.2),
        ({"rows": 8, "rows_in": 16}, 16, 8, 0.5),
        ({"rows": 8, "rows_in": 16, "rejected": 2}, 16, 8, 0.5),
        ({"rows": 0, "rejected": 3}, 3, 3, 1.0),
        ({"rows": 0}, 0, 0, 0.0),
        ({"rows": 2, "rows_in": 3}, 3, 1, 0.333333),
    ],
    ids=["nothing_said", "rejected", "rows_in", "rows_in_wins", "all_rejected", "empty", "rounded"],
)
def test_what_came_in_and_did_not_go_out_was_removed(
    given: dict[str, Any], rows_in: int, removed: int, share: float
) -> None:
    said = figures(**given)

    assert (said["rows_in"], said["rows_removed"], said["removed_share"]) == (rows_in, removed, share)


@pytest.mark.parametrize(
    ("rows", "rejected", "rows_in", "filled_share", "accepted", "score"),
    [
        (10, None, None, 1.0, 1.0, 1.0),
        (10, 0, None, 0.75, 1.0, 0.75),
        (8, 2, None, 1.0, 0.8, 0.8),
        (8, 2, None, 0.75, 0.8, 0.6),
        (0, 3, None, None, 0.0, 0.0),
        (2, 1, None, 1.0, 0.666667, 0.666667),
        (8, 2, 1_000, 0.5, 0.998, 0.499),
        (5_000, 2, 1_000, 1.0, 0.998, 0.998),
    ],
    ids=["whole", "nulls", "rejects", "both", "all_rejected", "rounded", "rows_merged", "rows_multiplied"],
)
def test_the_score_is_the_part_of_what_came_in_that_was_accepted_and_is_filled(
    rows: int, rejected: int | None, rows_in: int | None, filled_share: float | None, accepted: float, score: float
) -> None:
    measurement = begin_measurement()
    measurement.rows_in = rows_in
    if rejected is not None:
        measurement.count_rejected = lambda: rejected

    said = {name: value.value for name, value in measurement.quality(rows, filled_share).items()}

    assert said == {"accepted_share": accepted, "quality_score": score}


def test_where_no_row_was_written_or_rejected_there_is_no_score() -> None:
    assert begin_measurement().quality(0, None) == {}


def test_seconds_and_speed_are_those_since_the_step_began() -> None:
    measurement = begin_measurement()
    time.sleep(0.1)

    said: dict[str, Any] = {name: value.value for name, value in measurement.metadata(1_000).items()}

    assert 0.1 <= said["seconds"] < 5
    assert said["rows_per_second"] == pytest.approx(1_000 / said["seconds"], rel=0.02)


def test_a_step_that_begins_forgets_the_peak_of_the_step_before_it() -> None:
    begin_measurement()
    before = peak_memory_bytes()
    ballast = bytearray(300 * MEBIBYTE)
    ballast[::4096] = b"x" * len(ballast[::4096])
    during = peak_memory_bytes()
    del ballast
    still = peak_memory_bytes()
    begin_measurement()

    assert during - before > 250 * MEBIBYTE
    assert still - before > 250 * MEBIBYTE  # without the reset the peak stays
    assert peak_memory_bytes() < during - 200 * MEBIBYTE


def test_rows_that_a_stage_turned_away_while_its_frame_was_computed_are_counted(bench: Any) -> None:
    @dg.asset
    @stage
    def a_rows() -> pl.LazyFrame:
        current_measurement().count_rejected = lambda: 5
        return pl.LazyFrame({"a": range(15)})

    said = bench.run(a_rows).metadata("a_rows")

    assert (said["dagster/row_count"], said["rows_in"], said["removed_share"]) == (15, 20, 0.25)


def test_errors_are_counted_by_their_kind_the_most_frequent_first(bench: Any) -> None:
    @dg.asset
    @stage
    def a_rows(rejects: RejectFiles) -> pl.LazyFrame:
        log = rejects.log("a_rows")
        for rule, kind in (("late", RejectKind.ROW), ("odd", RejectKind.VALUE), ("odd", RejectKind.ROW)):
            log.add(Reject(kind, "a.csv:1", "so it is", rule))
        return pl.LazyFrame({"a": [1]})

    said = bench.run(a_rows).metadata("a_rows")

    assert list(said["errors_by_kind"].items()) == [("odd", 2), ("late", 1)]
    assert said["rows_in"] == 3


def test_where_nobody_counts_errors_none_are_told() -> None:
    assert "errors_by_kind" not in figures(1)


@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_what_was_left_for_a_written_stage_is_not_done_if_it_is_not_written(bench: Any, *, fails: bool) -> None:
    done = []

    @dg.asset
    @stage
    def a_rows() -> pl.LazyFrame:
        current_measurement().when_written.append(lambda: done.append(1))
        return pl.LazyFrame({"a": ["x"]}).select(pl.col("a").cast(pl.Int64) if fails else "a")

    assert bench.run(a_rows).success is not fails
    assert done == ([] if fails else [1])


def test_each_step_is_measured_by_itself(bench: Any) -> None:
    @dg.asset
    @stage
    def a_rows() -> pl.LazyFrame:
        current_measurement().rows_in = 100
        return pl.LazyFrame({"a": [1]})

    @dg.asset
    @stage
    def b_rows(a_rows: pl.LazyFrame) -> pl.LazyFrame:
        return a_rows

    ended = bench.run(a_rows, b_rows)

    assert ended.metadata("a_rows")["rows_in"] == 100
    assert ended.metadata("b_rows")["rows_in"] == 1


@pytest.mark.parametrize("fails", [False, True], ids=["succeeds", "fails"])
def test_what_was_left_for_the_end_is_done_once_however_a_step_ends(bench: Any, *, fails: bool) -> None:
    done = []

    @dg.asset
    @stage
    def a_rows() -> pl.LazyFrame:
        current_measurement().at_end.append(lambda: done.append(1))
        if fails:
            raise ValueError
        return pl.LazyFrame({"a": [1]})

    ended = bench.run(a_rows)

    assert ended.success is not fails
    assert done == [1]
