"""Stages are read lazily from where they lie: no more than a step asks for, and only when it asks."""

from typing import Any

import dagster as dg
import polars as pl

from millrace.runs import stage

ROWS = 400_000


@dg.asset
@stage
def a_rows() -> pl.LazyFrame:
    return pl.LazyFrame({"number": range(ROWS), "name": [f"name {number}" for number in range(ROWS)]})


def test_a_step_gets_a_scan_of_the_stage_and_reads_only_what_it_asks_for(bench_at: Any) -> None:
    plans: list[str] = []

    @dg.asset
    @stage
    def b_rows(a_rows: pl.LazyFrame) -> pl.LazyFrame:
        asked = a_rows.filter(pl.col("number") >= ROWS - 5).select("number")
        plans.append(asked.explain())
        return asked

    ended = bench_at.run(a_rows, b_rows)

    assert ended.success, ended.failures
    assert ended.metadata("b_rows")["dagster/row_count"] == 5
    (plan,) = plans
    assert f"Parquet SCAN [{bench_at.stages.address}/a_rows.parquet]" in plan
    assert "PROJECT 1/2 COLUMNS" in plan
    assert "SELECTION:" in plan


def test_a_stage_has_the_same_bytes_in_a_folder_and_in_a_bucket(
    bench: Any, instance: dg.DagsterInstance, bucket_spot: Any
) -> None:
    in_bucket = type(bench)(instance, bucket_spot.place)
    assert bench.run(a_rows).success
    assert in_bucket.run(a_rows).success

    assert in_bucket.stages.contents() == bench.stages.contents()
