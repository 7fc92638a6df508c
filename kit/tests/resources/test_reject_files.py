"""Rejects of a step reach their file however the step ends, and its figures count them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from millrace.quality import Reject, RejectKind
from millrace.resources import RejectFiles
from millrace.runs import stage

FIRST = Reject(RejectKind.ROW, "a.csv:2", "too short", "length")
SECOND = Reject(RejectKind.VALUE, "a.csv:3", "no number", "number")


@dg.asset(name="a_rows")
@stage
def lazily(rejects: RejectFiles) -> pl.LazyFrame:
    log = rejects.log("a_rows")
    log.add(FIRST)

    def rows(*_: Any) -> Any:
        log.add(SECOND)
        yield pl.DataFrame({"a": [1, 2, 3]})

    return register_io_source(rows, schema={"a": pl.Int64})


@dg.asset(name="a_rows")
@stage
def failing(rejects: RejectFiles) -> pl.LazyFrame:
    log = rejects.log("a_rows")
    log.add(FIRST)
    log.add(SECOND)
    raise ValueError("broke off")


@dg.asset(name="a_rows")
@stage
def failing_lazily(rejects: RejectFiles) -> pl.LazyFrame:
    log = rejects.log("a_rows")
    log.add(FIRST)

    def rows(*_: Any) -> Any:
        log.add(SECOND)
        raise ValueError("broke off")
        yield

    return register_io_source(rows, schema={"a": pl.Int64})


@dg.asset(name="a_rows")
@stage
def storing_nothing(rejects: RejectFiles) -> None:
    log = rejects.log("a_rows")
    log.add(FIRST)
    log.add(SECOND)


@dg.asset(name="a_rows")
@stage
def storing_elsewhere(rejects: RejectFiles) -> dg.MaterializeResult:
    log = rejects.log("a_rows")
    log.add(FIRST)
    log.add(SECOND)
    return dg.MaterializeResult(metadata={"dagster/row_count": 0})


@dg.asset(name="a_rows")
@stage
def yielding(rejects: RejectFiles) -> Iterator[dg.MaterializeResult]:
    log = rejects.log("a_rows")
    log.add(FIRST)
    log.add(SECOND)
    yield dg.MaterializeResult()


@pytest.mark.parametrize(
    "asset",
    [lazily, failing, failing_lazily, storing_nothing, storing_elsewhere, yielding],
    ids=lambda asset: asset.op.compute_fn.decorated_fn.__name__,
)
def test_what_was_rejected_is_in_the_file_however_the_step_ends(bench_at: Any, asset: dg.AssetsDefinition) -> None:
    bench_at.run(asset)

    assert list(bench_at.rejects.read("a_rows")) == [FIRST, SECOND]
    assert set(bench_at.rejects_spot.stamps()) == {"a_rows.ndjson"}


def test_rejected_rows_count_as_removed_and_rejected_values_do_not(bench_at: Any) -> None:
    said = bench_at.run(lazily).metadata("a_rows")

    assert (said["rows_in"], said["rows_removed"]) == (4, 1)


def test_the_score_falls_with_rejected_rows_and_with_nulls(bench_at: Any) -> None:
    @dg.asset(name="a_rows")
    @stage
    def with_nulls(rejects: RejectFiles) -> pl.LazyFrame:
        rejects.log("a_rows").add(FIRST)
        return pl.LazyFrame({"a": [1, 2, 3], "b": ["x", None, None]})

    said = bench_at.run(with_nulls).metadata("a_rows")

    assert (said["accepted_share"], said["filled_share"]) == (0.75, 0.666667)
    assert said["quality_score"] == 0.5  # 4 of the 8 cells of 3 rows written and 1 rejected


def test_a_second_run_begins_its_rejects_anew(bench_at: Any) -> None:
    bench_at.run(lazily)
    bench_at.run(lazily)

    assert list(bench_at.rejects.read("a_rows")) == [FIRST, SECOND]
