"""Which differences between a frame and its table a writer may bring, and what becomes of the rows that are there."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from millrace.errors import TableRefusedError
from millrace.lakehouse import Declaration, Mode, SchemaPolicy, Warehouse

FIRMS = pl.LazyFrame({"firm": ["f1", "f2"], "awards": pl.Series([1, 2], dtype=pl.Int32)})
APPEND = Declaration(Mode.APPEND)
ADDING = Declaration(Mode.APPEND, schema_policy=SchemaPolicy.ADD_COLUMNS)


@pytest.fixture
def firms(local_warehouse: Warehouse) -> Any:
    table = local_warehouse.table("firms")
    table.write(FIRMS, APPEND)
    return table


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (FIRMS.with_columns(state=pl.lit("MA")), "column 'state' (String) is new"),
        (FIRMS.drop("awards"), "column 'awards' missing"),
        (FIRMS.cast({"awards": pl.Int64}), "column 'awards' is Int64, the table has Int32"),
        (FIRMS.cast({"awards": pl.String}), "column 'awards' is String, the table has Int32"),
    ],
    ids=["new", "missing", "wider", "other"],
)
def test_a_strict_writer_brings_no_difference(firms: Any, frame: pl.LazyFrame, problem: str) -> None:
    with pytest.raises(TableRefusedError) as refused:
        firms.write(frame, APPEND)

    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)
    assert firms.scan().collect().height == 2


def test_every_difference_is_named_at_once(firms: Any) -> None:
    with pytest.raises(TableRefusedError, match=r"'firm' missing; column 'name' \(String\) is new"):
        firms.write(FIRMS.rename({"firm": "name"}), APPEND)


def test_the_order_of_columns_is_no_difference(firms: Any) -> None:
    firms.write(FIRMS.select("awards", "firm"), APPEND)

    assert firms.scan().collect().columns == ["firm", "awards"]


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (FIRMS.drop("awards"), "column 'awards' missing"),
        (FIRMS.cast({"awards": pl.Float64}), "column 'awards' is Float64, the table has Int32"),
    ],
    ids=["missing", "other"],
)
def test_a_writer_that_adds_columns_may_neither_drop_nor_change_one(
    firms: Any, frame: pl.LazyFrame, problem: str
) -> None:
    with pytest.raises(TableRefusedError) as refused:
        firms.write(frame, ADDING)

    assert problem in str(refused.value)


def test_an_added_column_is_null_for_the_rows_that_were_there(history_warehouse: Warehouse) -> None:
    table = history_warehouse.table("firms")
    table.write(FIRMS, ADDING)
    nested = pl.lit([{"usd": 1.5}], pl.List(pl.Struct({"usd": pl.Float64})))

    table.write(FIRMS.head(1).with_columns(state=pl.lit("MA"), seen=nested), ADDING)

    found = table.scan().sort("state", nulls_last=True).collect()
    assert found["state"].to_list() == ["MA", None, None]
    assert found["seen"].to_list() == [[{"usd": 1.5}], None, None]


def test_a_wider_type_holds_for_all_rows(history_warehouse: Warehouse) -> None:
    table = history_warehouse.table("firms")
    table.write(FIRMS, ADDING)

    table.write(FIRMS.select("firm", awards=pl.lit(2**40)), ADDING)
    table.write(FIRMS, ADDING)

    assert sorted(table.scan().collect()["awards"]) == [1, 1, 2, 2, 2**40, 2**40]


def test_an_upsert_finds_keys_and_rows_in_files_with_older_columns(history_warehouse: Warehouse) -> None:
    table = history_warehouse.table("firms")
    declaration = Declaration(Mode.UPSERT, key=("awards",), schema_policy=SchemaPolicy.ADD_COLUMNS)
    table.write(FIRMS, declaration)

    table.write(FIRMS.head(1).select("firm", pl.col("awards").cast(pl.Int64), state=pl.lit("MA")), declaration)

    assert table.scan().sort("firm").collect().rows() == [("f1", 1, "MA"), ("f2", 2, None)]


def test_readers_meet_a_new_column_with_the_rows_that_bring_it(local_warehouse: Warehouse) -> None:
    table = local_warehouse.table("firms")
    table.write(FIRMS, ADDING)

    def fails(_: pl.DataFrame) -> pl.DataFrame:
        raise RuntimeError("while rows are computed")

    frame = FIRMS.with_columns(state=pl.lit("MA"))
    with pytest.raises(RuntimeError, match="while rows are computed"):
        table.write(frame.map_batches(fails, schema=frame.collect_schema()), ADDING)

    assert table.scan().collect().columns == ["firm", "awards"]


def test_types_that_iceberg_lacks_are_kept_in_the_next_wider_one(local_warehouse: Warehouse) -> None:
    table = local_warehouse.table("types")
    frame = pl.LazyFrame(
        {
            "small": pl.Series([7], dtype=pl.UInt8),
            "unsigned": pl.Series([2**32 - 1], dtype=pl.UInt32),
            "kind": pl.Series(["a"], dtype=pl.Enum(["a", "b"])),
            "money": pl.Series([Decimal("1.25")], dtype=pl.Decimal(12, 2)),
            "seen": pl.Series([datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)], dtype=pl.Datetime("ms", "Europe/Berlin")),
            "day": [date(2026, 1, 2)],
            "list": pl.Series([[1, None]], dtype=pl.List(pl.Int16)),
            "struct": pl.Series([{"a": 1, "b": ["x"]}], dtype=pl.Struct({"a": pl.Int8, "b": pl.List(pl.String)})),
        }
    )

    table.write(frame, Declaration())
    table.write(frame, Declaration())  # what was stored so is no difference

    found = table.scan().collect()
    assert dict(found.schema) == {
        "small": pl.Int32,
        "unsigned": pl.Int64,
        "kind": pl.String,
        "money": pl.Decimal(12, 2),
        "seen": pl.Datetime("us", "UTC"),
        "day": pl.Date,
        "list": pl.List(pl.Int32),
        "struct": pl.Struct({"a": pl.Int32, "b": pl.List(pl.String)}),
    }
    assert found.drop("seen").rows() == frame.drop("seen").collect().rows()
    assert found["seen"].dt.epoch().to_list() == frame.collect()["seen"].dt.epoch().to_list()


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([2**63], dtype=pl.UInt64),
        pl.Series([timedelta(1)]),
        pl.Series([1], dtype=pl.Datetime("ns")),
        pl.Series([None]),
        pl.Series([[timedelta(1)]]),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_type_that_no_table_keeps_is_refused_before_anything_is_made(
    local_warehouse: Warehouse, column: pl.Series
) -> None:
    with pytest.raises(TableRefusedError, match=r"no table keeps 'odd' \("):
        local_warehouse.table("types").write(pl.LazyFrame({"odd": column}), Declaration())


def test_another_partitioning_than_the_tables_is_refused(firms: Any) -> None:
    with pytest.raises(TableRefusedError, match=r"the writer partitions by bucket\[4\] of firm \(expected nothing"):
        firms.write(FIRMS, Declaration(Mode.APPEND, partition_by=("bucket(4, firm)",)))


def test_a_key_that_the_frame_lacks_is_refused(firms: Any) -> None:
    with pytest.raises(TableRefusedError, match=r"no column 'uei', 'state' \(expected every column of key"):
        firms.write(FIRMS, Declaration(Mode.UPSERT, key=("uei",), partition_by=("state",)))
