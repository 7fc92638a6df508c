"""What a stored stage says of itself."""

from typing import Any

import dagster as dg
import polars as pl

from millrace.resources.stage_files import COLUMN_SCHEMA
from millrace.runs import stage


def test_a_stage_carries_figures_of_its_frame_and_of_its_step(bench_at: Any) -> None:
    @dg.asset
    @stage
    def a_rows() -> pl.LazyFrame:
        return pl.LazyFrame({"a": [1, None, 3]})

    said = bench_at.run(a_rows).metadata("a_rows")

    assert {"dagster/row_count", "null_counts", "preview", "completeness"} <= set(said)
    assert {"seconds", "rows_per_second", "peak_memory_bytes", "rows_in", "rows_removed", "removed_share"} <= set(said)
    assert said["dagster/row_count"] == 3


def test_columns_keep_the_meaning_that_the_asset_promised(bench_at: Any) -> None:
    promised = dg.TableSchema([dg.TableColumn("a", "int", description="How many")])

    @dg.asset(metadata={COLUMN_SCHEMA: promised})
    @stage
    def a_rows() -> pl.LazyFrame:
        return pl.LazyFrame({"a": [1], "b": [2]})

    schema = bench_at.run(a_rows).metadata("a_rows")[COLUMN_SCHEMA]

    assert [(column.name, column.type, column.description) for column in schema.columns] == [
        ("a", "Int64", "How many"),
        ("b", "Int64", None),
    ]


def test_what_an_asset_says_itself_stands_beside_it(bench_at: Any) -> None:
    @dg.asset
    @stage
    def a_rows() -> dg.MaterializeResult:
        return dg.MaterializeResult(value=pl.LazyFrame({"a": [1]}), metadata={"source": "here"})

    said = bench_at.run(a_rows).metadata("a_rows")

    assert (said["source"], said["dagster/row_count"]) == ("here", 1)
