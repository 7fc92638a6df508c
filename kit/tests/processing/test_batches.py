"""Each row once, in order, from whichever row on."""

from pathlib import Path

import polars as pl
import pytest

from millrace.processing import batches

ROWS = 25


@pytest.fixture(params=["file", "memory"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> pl.LazyFrame:
    frame = pl.DataFrame({"number": range(ROWS), "text": [f"row {number}" for number in range(ROWS)]})
    if request.param == "memory":
        return frame.lazy()
    frame.write_parquet(tmp_path / "stage.parquet", row_group_size=7)
    return pl.scan_parquet(tmp_path / "stage.parquet").select("number", "text")


@pytest.mark.parametrize(("rows", "sizes"), [(10, [10, 10, 5]), (25, [25]), (100, [25]), (7, [7, 7, 7, 4])])
def test_all_rows_come_in_order_and_no_batch_has_more(stage: pl.LazyFrame, rows: int, sizes: list[int]) -> None:
    found = list(batches(stage, rows))

    assert [batch.height for batch in found] == sizes
    assert pl.concat(found)["number"].to_list() == list(range(ROWS))


@pytest.mark.parametrize("start", [0, 1, 7, 24, 25, 30])
def test_rows_before_the_start_are_left_out(stage: pl.LazyFrame, start: int) -> None:
    assert [number for batch in batches(stage, 4, start=start) for number in batch["number"]] == list(
        range(start, ROWS)
    )


def test_a_stage_without_a_row_has_no_batch(stage: pl.LazyFrame) -> None:
    assert list(batches(stage.clear(), 4)) == []
