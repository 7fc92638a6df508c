"""A write happens once, however often it is tried."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy.exc import OperationalError

from millrace.errors import StageMissingError
from millrace.lakehouse import Declaration, Mode, Warehouse

APPEND = Declaration(Mode.APPEND)
ROWS = pl.LazyFrame({"number": [1, 2]})


def test_a_write_with_the_same_id_adds_nothing(warehouse: Warehouse) -> None:
    table = warehouse.table("numbers")
    first = table.write(ROWS, APPEND, write_id="run 1")

    again = table.write(ROWS, APPEND, write_id="run 1")

    assert (again.snapshot_id, again.was_there) == (first.snapshot_id, True)
    assert table.scan().collect().height == 2


def test_a_write_is_known_when_others_have_written_since(history_warehouse: Warehouse) -> None:
    table = history_warehouse.table("numbers")
    table.write(ROWS, APPEND, write_id="run 1")
    table.write(ROWS, APPEND, write_id="run 2")

    table.write(ROWS, APPEND, write_id="run 1")

    assert table.scan().collect().height == 4


def test_a_published_write_is_known_on_a_new_branch(history_warehouse: Warehouse) -> None:
    table = history_warehouse.table("numbers")
    table.write(ROWS, APPEND, write_id="run 1")

    table.write(ROWS, APPEND, write_id="run 1", branch="audit")

    assert table.scan(branch="audit").collect().height == 2


def test_rows_written_without_a_commit_are_not_there(
    local_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = local_warehouse.table("numbers")
    table.write(ROWS, APPEND)

    def ends(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqlCatalog, "commit_table", ends)
        with pytest.raises(KeyboardInterrupt):
            table.write(ROWS, APPEND, write_id="run 1")

    assert len(list(Path(local_warehouse.place.address).rglob("*.parquet"))) == 2
    assert table.scan().collect().height == 2
    table.write(ROWS, APPEND, write_id="run 1")
    assert table.scan().collect().height == 4


def test_a_table_that_was_made_and_never_written_is_missing(
    local_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = local_warehouse.table("numbers")

    def ends(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(SqlCatalog, "commit_table", ends)
        with pytest.raises(KeyboardInterrupt):
            table.write(ROWS, APPEND)

    with pytest.raises(StageMissingError, match="nothing has been written to it; materialise numbers first"):
        table.scan()


def test_a_commit_whose_answer_is_lost_is_found(history_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    table = history_warehouse.table("numbers")
    table.write(ROWS, APPEND)
    real = SqlCatalog.commit_table

    def answers_nothing(self: Any, *arguments: Any) -> Any:
        real(self, *arguments)
        raise OperationalError("UPDATE", {}, Exception("server closed the connection unexpectedly"))

    with monkeypatch.context() as patch:
        patch.setattr(SqlCatalog, "commit_table", answers_nothing)
        written = table.write(ROWS, APPEND)

    assert written.table_rows == 4
    assert table.scan().collect().height == 4


def test_a_commit_that_never_arrived_is_raised(history_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    table = history_warehouse.table("numbers")
    table.write(ROWS, APPEND)

    def never_asks(*_: Any) -> Any:
        raise OperationalError("UPDATE", {}, Exception("server closed the connection unexpectedly"))

    with monkeypatch.context() as patch:
        patch.setattr(SqlCatalog, "commit_table", never_asks)
        with pytest.raises(OperationalError):
            table.write(ROWS, APPEND)

    assert table.scan().collect().height == 2
