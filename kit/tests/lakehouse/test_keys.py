"""Keys tell rows apart, or nothing is written."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.errors import PermanentError, TableRefusedError
from millrace.lakehouse import Changes, Declaration, Mode, Warehouse

UPSERT = Declaration(Mode.UPSERT, key=("firm", "year"))
ROWS = pl.LazyFrame({"firm": ["f1", "f1", "f2"], "year": [1, 2, 1], "usd": [1.0, 2.0, 3.0]})


@pytest.fixture
def table(local_warehouse: Warehouse) -> Any:
    made = local_warehouse.table("totals")
    made.write(ROWS, UPSERT)
    return made


def data_files(warehouse: Warehouse) -> list[Path]:
    return sorted(Path(warehouse.place.address).rglob("*.parquet"))


def test_a_key_that_comes_twice_is_one_permanent_error(table: Any, local_warehouse: Warehouse) -> None:
    before = data_files(local_warehouse)

    with pytest.raises(TableRefusedError) as refused:
        table.write(pl.concat([ROWS, ROWS.head(1)]), UPSERT)

    assert isinstance(refused.value, PermanentError)
    assert "1 keys come more than once, ('f1', 1) among them (expected rows that ['firm', 'year'] tells apart)" in str(
        refused.value
    )
    assert table.scan().collect().height == 3
    assert data_files(local_warehouse) == before


def test_part_of_a_key_may_repeat(table: Any) -> None:
    table.write(ROWS.with_columns(usd=pl.lit(9.0)), UPSERT)

    assert table.scan().collect()["usd"].to_list() == [9.0, 9.0, 9.0]


def test_a_null_in_a_key_is_refused(table: Any) -> None:
    with pytest.raises(TableRefusedError, match="1 rows have a null in the key"):
        table.write(ROWS.head(1).with_columns(year=pl.lit(None, pl.Int64)), UPSERT)


def test_keys_to_remove_must_have_the_keys_columns_and_types(table: Any) -> None:
    with pytest.raises(TableRefusedError, match=r"keys to remove lack 'year' \(Int64\)"):
        table.write(Changes(removed=pl.LazyFrame({"firm": ["f1"], "year": ["1"]})), UPSERT)


def test_changes_for_a_table_without_keys_are_refused(table: Any) -> None:
    with pytest.raises(TableRefusedError, match="changes came for mode overwrite"):
        table.write(Changes(ROWS, ROWS), Declaration())


def test_rows_that_an_append_has_repeated_are_one_after_an_upsert(table: Any) -> None:
    table.write(ROWS, Declaration(Mode.APPEND))

    table.write(ROWS.head(1), UPSERT)

    assert sorted(table.scan().collect().rows()) == sorted([*ROWS.collect().rows(), *ROWS.collect().rows()[1:]])
