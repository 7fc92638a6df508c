"""How a contract parts the rows that pass from those that do not."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
from dataframely.exc import SchemaError

from millrace.quality import Contract, Reject, RejectKind, RejectLog, read_rejects
from millrace.stores import FolderStore


class Coin(dy.Schema):
    key = dy.String(primary_key=True)
    weight_grams = dy.Integer(nullable=False, min=0)
    note = dy.String(nullable=True)


MIXED = pl.LazyFrame(
    {
        "key": ["a", "b", "b", "c", "d"],
        "weight_grams": [1, 2, -3, None, 5],
        "note": ["fine", None, "twice", None, None],
    }
)
Split = Callable[[pl.LazyFrame], tuple[pl.DataFrame, list[Reject]]]


def place(row: Mapping[str, object]) -> str:
    return f"coins.csv:{row['key']}"


@pytest.fixture
def split(tmp_path: Path) -> Split:
    """Rows that pass, and what was logged."""

    def run(frame: pl.LazyFrame) -> tuple[pl.DataFrame, list[Reject]]:
        with RejectLog(FolderStore(tmp_path), "coins.ndjson") as log:
            passed = Contract(Coin).split(frame, log, place).collect()
        return passed, list(read_rejects(FolderStore(tmp_path), "coins.ndjson"))

    return run


def test_rows_that_pass_go_on_in_their_order_and_untouched(split: Split) -> None:
    passed, _ = split(MIXED)

    assert passed.rows() == [("a", 1, "fine"), ("d", 5, None)]


def test_a_split_stays_lazy(tmp_path: Path) -> None:
    with RejectLog(FolderStore(tmp_path), "coins.ndjson") as log:
        assert isinstance(Contract(Coin).split(MIXED, log, place), pl.LazyFrame)


def test_every_row_either_passes_or_is_logged_once(split: Split) -> None:
    passed, rejects = split(MIXED)

    assert len(passed) + len(rejects) == 5
    assert {reject.kind for reject in rejects} == {RejectKind.ROW}


def test_a_reject_has_its_place_and_every_rule_that_it_broke(split: Split) -> None:
    _, rejects = split(MIXED)

    assert [(reject.place, reject.reason, reject.rule) for reject in rejects] == [
        ("coins.csv:b", "breaks primary_key of Coin", "primary_key"),
        ("coins.csv:b", "breaks primary_key, weight_grams|min of Coin", "primary_key"),
        ("coins.csv:c", "breaks weight_grams|nullability of Coin", "weight_grams|nullability"),
    ]


def test_the_excerpt_is_the_row_and_nothing_but_the_row(split: Split) -> None:
    _, rejects = split(MIXED)

    assert json.loads(rejects[1].excerpt) == {"key": "b", "weight_grams": -3, "note": "twice"}


def test_columns_that_the_contract_does_not_name_are_dropped(split: Split) -> None:
    passed, _ = split(MIXED.with_columns(colour=pl.lit("red")))

    assert passed.columns == ["key", "weight_grams", "note"]


def test_where_all_rows_pass_nothing_is_logged(split: Split) -> None:
    passed, rejects = split(MIXED.filter(pl.col("key").is_in(["a", "d"])))

    assert len(passed) == 2
    assert rejects == []


@pytest.mark.parametrize(
    "frame", [MIXED.drop("note"), MIXED.with_columns(note=pl.lit(1))], ids=["missing_column", "wrong_dtype"]
)
def test_a_frame_of_another_shape_is_refused_whole(split: Split, frame: pl.LazyFrame) -> None:
    with pytest.raises(SchemaError, match="note"):
        split(frame)
