"""What may go goes, and nothing that anybody can still read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from millrace.errors import StageMissingError
from millrace.lakehouse import Declaration, Mode, Warehouse, data_files
from millrace.lakehouse.retention import Forgotten, expire_snapshots, forget, remove_orphans
from millrace.lakehouse.snapshots import tag

DAY = timedelta(days=1)
TOMORROW_NEXT_WEEK = datetime.now(UTC) + timedelta(days=8)


def rows(number: int) -> pl.LazyFrame:
    return pl.LazyFrame({"version": [number]})


def versions(frame: pl.LazyFrame) -> list[int]:
    return sorted(frame.collect()["version"])


@pytest.fixture
def table(history_warehouse: Warehouse) -> Any:
    return history_warehouse.table("versions")


def write(table: Any, *numbers: int, branch: str = "main") -> list[int]:
    return [table.write(rows(number), Declaration(), branch=branch).snapshot_id for number in numbers]


def test_old_snapshots_go_and_the_last_ones_stay(table: Any) -> None:
    ids = write(table, 1, 2, 3, 4)

    gone = expire_snapshots(table, 7 * DAY, keep=2, now=TOMORROW_NEXT_WEEK)

    assert gone == sorted(ids[:2])
    assert versions(table.scan(snapshot_id=ids[2])) == [3]
    with pytest.raises(StageMissingError):
        table.scan(snapshot_id=ids[0])


def test_young_snapshots_stay(table: Any) -> None:
    write(table, 1, 2, 3)

    assert expire_snapshots(table, 7 * DAY, keep=1) == []


def test_what_has_a_tag_or_a_branch_stays_and_can_be_read(table: Any) -> None:
    write(table, 1)
    tag(table, "released")
    write(table, 2)
    write(table, 3, branch="audit")
    write(table, 4, 5)

    expire_snapshots(table, 7 * DAY, keep=1, now=TOMORROW_NEXT_WEEK)
    remove_orphans(table, DAY, now=TOMORROW_NEXT_WEEK)

    assert versions(table.scan(tag="released")) == [1]
    assert versions(table.scan(branch="audit")) == [3]
    assert versions(table.scan()) == [5]


def test_at_least_the_current_snapshot_is_kept(table: Any) -> None:
    with pytest.raises(ValueError, match="keep is 0"):
        expire_snapshots(table, DAY, keep=0)


def test_files_of_expired_snapshots_go_and_no_others(table: Any) -> None:
    write(table, 1, 2, 3)
    expire_snapshots(table, 7 * DAY, keep=1, now=TOMORROW_NEXT_WEEK)

    removed = remove_orphans(table, DAY, now=TOMORROW_NEXT_WEEK)

    assert sum(name.endswith(".parquet") for name in removed.names) == 2
    assert removed.size_bytes > 0
    assert versions(table.scan()) == [3]
    assert remove_orphans(table, DAY, now=TOMORROW_NEXT_WEEK).names == ()


def test_rows_that_were_appended_in_expired_snapshots_are_still_there(table: Any) -> None:
    for number in (1, 2, 3):
        table.write(rows(number), Declaration(Mode.APPEND))
    expire_snapshots(table, 7 * DAY, keep=1, now=TOMORROW_NEXT_WEEK)

    remove_orphans(table, DAY, now=TOMORROW_NEXT_WEEK)

    assert versions(table.scan()) == [1, 2, 3]


def test_what_a_killed_writer_left_goes_when_it_is_old(table: Any, history_warehouse: Warehouse) -> None:
    write(table, 1)
    store = history_warehouse.place.store()
    (left,) = data_files.write(table.load(), rows(2), store)

    assert remove_orphans(table, DAY).names == ()
    assert remove_orphans(table, DAY, now=TOMORROW_NEXT_WEEK).names == (left.file_path,)
    assert versions(table.scan()) == [1]


def test_a_file_that_a_write_may_be_about_to_name_is_never_asked_for(table: Any) -> None:
    with pytest.raises(ValueError, match="may belong to a write"):
        remove_orphans(table, timedelta(minutes=5))


def test_a_table_is_written_again_after_its_files_were_cleaned_up(table: Any) -> None:
    write(table, 1, 2)
    expire_snapshots(table, 7 * DAY, keep=1, now=TOMORROW_NEXT_WEEK)
    remove_orphans(table, DAY, now=TOMORROW_NEXT_WEEK)

    table.write(rows(3), Declaration(Mode.UPSERT, key=("version",)))

    assert versions(table.scan()) == [2, 3]


def test_several_tables_forget_what_is_old_and_one_that_was_never_written_has_nothing_to(
    table: Any, history_warehouse: Warehouse
) -> None:
    write(table, 1, 2, 3)
    names = ["never_written", "versions"]

    forgotten = forget(history_warehouse, names, DAY, keep=2, now=TOMORROW_NEXT_WEEK)

    assert forgotten.snapshots == 1
    assert forgotten.size_bytes > 0
    assert versions(table.scan()) == [3]
    assert forget(history_warehouse, names, DAY, keep=2, now=TOMORROW_NEXT_WEEK) == Forgotten(0, 0)
