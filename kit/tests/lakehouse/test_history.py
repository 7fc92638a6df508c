"""A table as it was, under a name, and on a branch that nobody reads yet."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from millrace.errors import CommitConflictError, StageMissingError, is_transient
from millrace.lakehouse import Declaration, Mode, Warehouse
from millrace.lakehouse.snapshots import drop_branch, drop_tag, publish, tag

APPEND = Declaration(Mode.APPEND)


def rows(number: int) -> pl.LazyFrame:
    return pl.LazyFrame({"version": [number]})


def versions(frame: pl.LazyFrame) -> list[int]:
    return sorted(frame.collect()["version"])


@pytest.fixture
def table(history_warehouse: Warehouse) -> Any:
    return history_warehouse.table("versions")


def test_a_snapshot_is_read_by_its_id_whatever_came_later(table: Any) -> None:
    first = table.write(rows(1), Declaration())
    table.write(rows(2), Declaration())

    assert versions(table.scan(snapshot_id=first.snapshot_id)) == [1]
    assert versions(table.scan()) == [2]


def test_a_moment_is_read_as_readers_saw_it_then(table: Any) -> None:
    table.write(rows(1), Declaration())
    time.sleep(0.01)
    between = datetime.now(UTC)
    time.sleep(0.01)
    table.write(rows(2), Declaration())

    assert versions(table.scan(as_of=between)) == [1]
    assert versions(table.scan(as_of=datetime.now(UTC))) == [2]


def test_a_moment_before_the_first_write_has_nothing(table: Any) -> None:
    table.write(rows(1), Declaration())

    with pytest.raises(StageMissingError, match="no snapshot for as_of"):
        table.scan(as_of=datetime.now(UTC) - timedelta(hours=1))


def test_a_moment_on_a_branch_is_none_of_main(table: Any) -> None:
    table.write(rows(1), APPEND)
    table.write(rows(2), APPEND, branch="audit")
    time.sleep(0.01)
    before_publishing = datetime.now(UTC)
    time.sleep(0.01)
    publish(table, "audit")

    assert versions(table.scan(as_of=before_publishing)) == [1]
    assert versions(table.scan()) == [1, 2]


def test_a_tag_names_a_snapshot_for_good(table: Any) -> None:
    table.write(rows(1), Declaration())
    tag(table, "released")
    table.write(rows(2), Declaration())

    assert versions(table.scan(tag="released")) == [1]


def test_a_tag_that_was_dropped_is_missing(table: Any) -> None:
    table.write(rows(1), Declaration())
    tag(table, "released")
    drop_tag(table, "released")

    with pytest.raises(StageMissingError, match=r"no snapshot for tag released; one of \['main'\]"):
        table.scan(tag="released")


def test_a_scan_stays_with_its_snapshot(table: Any) -> None:
    table.write(rows(1), Declaration())
    scan = table.scan()
    table.write(rows(2), Declaration())

    assert versions(scan) == [1]


def test_readers_of_main_see_no_row_of_a_branch(table: Any) -> None:
    table.write(rows(1), APPEND)

    table.write(rows(2), APPEND, branch="audit")

    assert versions(table.scan()) == [1]
    assert versions(table.scan(branch="audit")) == [1, 2]


@pytest.mark.parametrize("mode", [Mode.OVERWRITE, Mode.UPSERT])
def test_a_branch_is_rewritten_from_its_own_rows(table: Any, mode: Mode) -> None:
    declaration = Declaration(mode, key=("version",))
    table.write(rows(1), APPEND)
    table.write(rows(2), APPEND, branch="audit")
    table.write(rows(9), APPEND)

    table.write(pl.concat([rows(1), rows(3)]), declaration, branch="audit")

    assert versions(table.scan(branch="audit")) == ([1, 3] if mode is Mode.OVERWRITE else [1, 2, 3])
    assert versions(table.scan()) == [1, 9]


def test_the_first_rows_of_a_table_may_be_on_a_branch(table: Any) -> None:
    table.write(rows(1), APPEND, branch="audit")

    with pytest.raises(StageMissingError, match="nothing has been written to it"):
        table.scan()
    publish(table, "audit")
    assert versions(table.scan()) == [1]


def test_publishing_a_branch_makes_main_what_it_is(table: Any) -> None:
    table.write(rows(1), APPEND)
    written = table.write(rows(2), APPEND, branch="audit")

    assert publish(table, "audit") == written.snapshot_id

    assert versions(table.scan()) == [1, 2]
    assert set(table.load().metadata.refs) == {"main"}


def test_a_branch_is_not_published_over_what_others_wrote(table: Any) -> None:
    table.write(rows(1), APPEND)
    table.write(rows(2), APPEND, branch="audit")
    table.write(rows(3), APPEND)

    with pytest.raises(
        CommitConflictError, match=r"main has moved since 'audit' began .*; drop 'audit' and write"
    ) as no:
        publish(table, "audit")

    assert is_transient(no.value)
    assert versions(table.scan()) == [1, 3]


def test_a_branch_that_was_dropped_leaves_nothing(table: Any) -> None:
    table.write(rows(1), APPEND)
    table.write(rows(2), APPEND, branch="audit")

    drop_branch(table, "audit")

    assert versions(table.scan()) == [1]
    with pytest.raises(StageMissingError, match="no snapshot for branch audit"):
        table.scan(branch="audit")


def test_a_publication_that_was_killed_before_its_end_can_be_repeated(table: Any) -> None:
    table.write(rows(1), APPEND, branch="audit")
    table.load().manage_snapshots().set_current_snapshot(ref_name="audit").commit()

    publish(table, "audit")

    assert set(table.load().metadata.refs) == {"main"}
