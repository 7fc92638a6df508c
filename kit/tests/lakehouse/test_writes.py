"""What each mode leaves of the rows that were there."""

from datetime import date
from typing import Any

import polars as pl
import pytest

from millrace.errors import StageMissingError, TableRefusedError
from millrace.lakehouse import Changes, Declaration, Mode, Warehouse

AWARDS = pl.LazyFrame(
    {
        "award": ["a1", "a2", "a3", "a4", "a5"],
        "year": [2001, 2001, 2002, 2002, None],
        "day": [date(2001, 1, 5), date(2001, 2, 5), None, date(2002, 1, 5), date(2002, 1, 6)],
        "usd": [1.0, 2.0, 3.0, 4.0, 5.0],
    }
)
PARTITIONS: list[tuple[str, ...]] = [
    (),
    ("year",),
    ("bucket(4, award)",),
    ("month(day)",),
    ("truncate(1, award)", "year"),
]


def rows(frame: pl.LazyFrame) -> list[tuple[Any, ...]]:
    """Its rows, in order of all columns."""
    found = frame.collect()
    return found.sort(found.columns, nulls_last=True).rows()


def upsert(*partition_by: str) -> Declaration:
    return Declaration(Mode.UPSERT, key=("award",), partition_by=partition_by)


def test_what_was_written_is_read(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")

    written = table.write(AWARDS, Declaration())

    assert rows(table.scan()) == rows(AWARDS)
    assert (written.rows_written, written.table_rows, written.files_added, written.files_removed) == (5, 5, 1, 0)
    assert written.parent_snapshot_id is None
    assert written.table_bytes == written.bytes_added > 0


def test_an_append_keeps_what_is_there(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")
    table.write(AWARDS, Declaration(Mode.APPEND))

    table.write(AWARDS, Declaration(Mode.APPEND))

    assert rows(table.scan()) == rows(pl.concat([AWARDS, AWARDS]))


def test_an_overwrite_leaves_the_new_rows_alone(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")
    table.write(AWARDS, Declaration())

    written = table.write(AWARDS.head(2), Declaration())

    assert rows(table.scan()) == rows(AWARDS.head(2))
    assert (written.rows_replaced, written.files_removed, written.table_rows) == (5, 1, 2)


@pytest.mark.parametrize("partition_by", PARTITIONS, ids=str)
def test_an_upsert_replaces_by_key_wherever_the_row_was(warehouse: Warehouse, partition_by: tuple[str, ...]) -> None:
    table = warehouse.table("awards")
    table.write(AWARDS, upsert(*partition_by))
    moved = AWARDS.filter(pl.col("award").is_in(["a1", "a5"])).with_columns(
        year=pl.lit(2003, pl.Int64), day=pl.lit(date(2003, 7, 1)), usd=pl.col("usd") * 10
    )

    table.write(moved, upsert(*partition_by))

    others = AWARDS.filter(~pl.col("award").is_in(["a1", "a5"]))
    assert rows(table.scan()) == rows(pl.concat([others, moved]))


@pytest.mark.parametrize("partition_by", PARTITIONS, ids=str)
def test_changes_of_every_kind_go_in_together(warehouse: Warehouse, partition_by: tuple[str, ...]) -> None:
    table = warehouse.table("awards")
    table.write(AWARDS, upsert(*partition_by))
    changed = AWARDS.filter(pl.col("award") == "a3").with_columns(usd=pl.lit(30.0))
    added = AWARDS.filter(pl.col("award") == "a4").with_columns(award=pl.lit("a9"))
    removed = pl.LazyFrame({"award": ["a5", "a2", "unknown"]})

    written = table.write(Changes(pl.concat([changed, added]), removed), upsert(*partition_by))

    kept = AWARDS.filter(pl.col("award").is_in(["a1", "a4"]))
    assert rows(table.scan()) == rows(pl.concat([kept, changed, added]))
    assert (written.rows_written, written.rows_replaced, written.table_rows) == (2, 3, 4)


def test_changes_go_in_as_one_snapshot(history_warehouse: Warehouse) -> None:
    table = history_warehouse.table("awards")
    first = table.write(AWARDS, upsert("year"))

    written = table.write(Changes(AWARDS.head(1), AWARDS.tail(1).select("award")), upsert("year"))

    assert written.parent_snapshot_id == first.snapshot_id
    assert {one.snapshot_id for one in table.load().metadata.snapshots} == {first.snapshot_id, written.snapshot_id}


def test_keys_may_go_without_any_row_coming(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")
    table.write(AWARDS, upsert("year"))

    table.write(Changes(removed=AWARDS.select("award").filter(pl.col("award") > "a2")), upsert("year"))

    assert rows(table.scan()) == rows(AWARDS.head(2))


def test_a_key_that_goes_and_comes_is_there(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")
    table.write(AWARDS, upsert())

    table.write(Changes(AWARDS.head(1), AWARDS.select("award")), upsert())

    assert rows(table.scan()) == rows(AWARDS.head(1))


def test_an_upsert_leaves_the_files_of_other_partitions_alone(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")
    table.write(AWARDS, upsert("year"))

    written = table.write(AWARDS.filter(pl.col("year") == 2002), upsert("year"))

    assert written.files_removed == 1
    assert written.table_files == 3


@pytest.mark.parametrize(
    ("partition_by", "same_partition"),
    [
        (("year",), ["a3", "a4"]),
        (("month(day)",), ["a4", "a5"]),
        (("truncate(1, award)",), ["a1", "a2", "a3", "a4", "a5"]),
        (("truncate(2, award)", "year"), ["a4"]),
    ],
    ids=str,
)
def test_partitions_that_the_frame_has_are_replaced_and_no_others(
    warehouse: Warehouse, partition_by: tuple[str, ...], same_partition: list[str]
) -> None:
    table = warehouse.table("awards")
    declaration = Declaration(Mode.OVERWRITE_PARTITION, partition_by=partition_by)
    table.write(AWARDS, declaration)
    fourth = AWARDS.filter(pl.col("award") == "a4").with_columns(usd=pl.lit(40.0))

    written = table.write(fourth, declaration)

    assert rows(table.scan()) == rows(pl.concat([AWARDS.filter(~pl.col("award").is_in(same_partition)), fourth]))
    assert written.rows_replaced == len(same_partition)


def test_a_partition_that_was_asked_for_and_has_no_row_becomes_empty(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")
    declaration = Declaration(Mode.OVERWRITE_PARTITION, partition_by=("year",))
    table.write(AWARDS, declaration)

    table.write(AWARDS.filter(False), declaration, only=[{"year": "2002"}])

    assert rows(table.scan()) == rows(AWARDS.filter(pl.col("year").is_null() | (pl.col("year") == 2001)))


def test_a_row_of_a_partition_that_was_not_asked_for_is_refused(local_warehouse: Warehouse) -> None:
    table = local_warehouse.table("awards")
    declaration = Declaration(Mode.OVERWRITE_PARTITION, partition_by=("year",))
    table.write(AWARDS, declaration)

    with pytest.raises(TableRefusedError, match=r"rows of other partitions came: Record\[2001\]"):
        table.write(AWARDS.head(3), declaration, only=[{"year": "2002"}])

    assert rows(table.scan()) == rows(AWARDS)


def test_a_partition_of_null_is_a_partition(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")
    declaration = Declaration(Mode.OVERWRITE_PARTITION, partition_by=("year",))
    table.write(AWARDS, declaration)

    written = table.write(AWARDS.tail(1).with_columns(award=pl.lit("a6")), declaration)

    assert (written.rows_replaced, written.table_rows) == (1, 5)
    assert rows(table.scan().filter(pl.col("year").is_null()).select("award")) == [("a6",)]


def test_a_frame_without_rows_makes_a_table_without_rows(warehouse: Warehouse) -> None:
    table = warehouse.table("awards")

    written = table.write(AWARDS.filter(False), Declaration())

    assert rows(table.scan()) == []
    assert table.scan().collect_schema() == AWARDS.collect_schema()
    assert written.table_files == 0


def test_a_table_that_nobody_wrote_is_missing(warehouse: Warehouse) -> None:
    with pytest.raises(StageMissingError, match=r"awards: no such table; materialise awards first"):
        warehouse.table("awards").scan()
