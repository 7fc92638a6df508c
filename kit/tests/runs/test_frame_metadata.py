"""What is read off a frame that was written."""

from datetime import date
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.runs.metadata import PREVIEW_CHARACTERS, PREVIEW_ROWS, describe_frame


def described(frame: pl.DataFrame, descriptions: dict[str, str | None] | None = None) -> tuple[int, dict[str, Any]]:
    rows, metadata = describe_frame(frame.lazy(), descriptions)
    return rows, metadata


def records(metadata: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [dict(record.data) for record in metadata[name].records]


def test_rows_and_columns_are_counted() -> None:
    rows, metadata = described(pl.DataFrame({"a": range(7), "b": range(7)}))

    assert (rows, metadata["dagster/row_count"].value, metadata["columns"].value) == (7, 7, 2)


def test_the_schema_has_each_columns_dtype_and_meaning() -> None:
    frame = pl.DataFrame({"a": [1], "b": [["x"]]}, schema={"a": pl.Int16, "b": pl.List(pl.String)})

    columns = described(frame, {"a": "How many"})[1]["dagster/column_schema"].schema.columns

    assert [(column.name, column.type) for column in columns] == [("a", "Int16"), ("b", "List(String)")]
    assert [column.description for column in columns] == ["How many", None]


def test_nulls_are_counted_by_column_with_their_share() -> None:
    frame = pl.DataFrame({"rows": [1, None, None], "len": ["", "x", None], "full": [1, 2, 3]})

    assert records(described(frame)[1], "null_counts") == [
        {"column": "rows", "nulls": 2, "share": 0.6667},
        {"column": "len", "nulls": 1, "share": 0.3333},
        {"column": "full", "nulls": 0, "share": 0.0},
    ]


def test_the_filled_share_is_that_of_all_cells() -> None:
    frame = pl.DataFrame({"a": [1, None, None], "b": ["", "x", None], "c": [[], [], []], "d": [1, 2, 3]})

    assert described(frame)[1]["filled_share"].value == 0.75


def test_the_preview_has_the_first_rows_as_text() -> None:
    frame = pl.DataFrame({"a": range(100), "b": [None, *["x"] * 99]})

    preview = records(described(frame)[1], "preview")

    assert len(preview) == PREVIEW_ROWS
    assert preview[:2] == [{"a": "0", "b": ""}, {"a": "1", "b": "x"}]


@pytest.mark.parametrize(
    ("length", "shown"),
    [(PREVIEW_CHARACTERS, "é" * PREVIEW_CHARACTERS), (PREVIEW_CHARACTERS + 1, "é" * (PREVIEW_CHARACTERS - 1) + "…")],
    ids=["just_fits", "one_too_long"],
)
def test_a_long_value_is_cut_and_says_so(length: int, shown: str) -> None:
    (row,) = records(described(pl.DataFrame({"a": ["é" * length]}))[1], "preview")

    assert row["a"] == shown


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"a": [[1, 2]]}),
        pl.DataFrame({"a": [{"x": 1, "y": None}]}),
        pl.DataFrame({"a": [b"\xff"]}),
        pl.DataFrame({"a": [None]}),
        pl.DataFrame({"a": ["1.5"]}).cast(pl.Decimal(10, 2)),
        pl.DataFrame({"a": [date(2026, 1, 1)]}),
        pl.DataFrame({"a|\"<&>'": [1]}),
    ],
    ids=["list", "struct", "binary", "null", "decimal", "date", "odd_name"],
)
def test_any_dtype_can_be_described(frame: pl.DataFrame) -> None:
    rows, metadata = described(frame)

    assert rows == 1
    assert len(records(metadata, "preview")) == 1


def test_an_empty_frame_has_counts_and_schema_and_no_pictures() -> None:
    rows, metadata = described(pl.DataFrame(schema={"a": pl.Int64, "b": pl.String}))

    assert rows == 0
    assert set(metadata) == {"dagster/row_count", "dagster/column_schema", "columns", "null_counts"}
    assert [record["share"] for record in records(metadata, "null_counts")] == [0.0, 0.0]


def test_a_frame_without_columns_is_empty() -> None:
    rows, metadata = described(pl.DataFrame())

    assert (rows, records(metadata, "null_counts")) == (0, [])


def test_what_is_described_can_be_stored_in_an_event() -> None:
    _, metadata = describe_frame(pl.LazyFrame({"a": [1, None], "b": ["x", "y"]}))
    event = dg.AssetMaterialization("a", metadata=metadata)

    assert dg.deserialize_value(dg.serialize_value(event), dg.AssetMaterialization).metadata == metadata
