"""A step that reads a stage that nobody has written says which, and what to do."""

from typing import Any

import dagster as dg
import polars as pl

from millrace.runs import stage


@dg.asset
@stage
def a_rows() -> pl.LazyFrame:
    return pl.LazyFrame({"a": [1]})


@dg.asset
@stage
def b_rows(a_rows: pl.LazyFrame) -> pl.LazyFrame:
    return a_rows


def test_a_missing_stage_is_named_with_its_path_and_the_next_step(bench_at: Any) -> None:
    ended = bench_at.run(a_rows, b_rows, select="b_rows", max_retries=2)

    path = f"{bench_at.stages.address}/a_rows.parquet"
    assert ended.failures == {"b_rows": f"a_rows: no stage file at {path}; materialise a_rows first"}
    assert ended.retries == 0


def test_a_stage_that_an_earlier_run_wrote_is_found(bench_at: Any) -> None:
    assert bench_at.run(a_rows, b_rows, select="a_rows").success

    assert bench_at.run(a_rows, b_rows, select="b_rows").success
