"""A record's hash is that of its values: the same everywhere, and another for every other record."""

import math
import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import ConfigurationError
from millrace.processing import content_hash, content_key

AWARE = datetime(2024, 2, 29, 12, tzinfo=UTC)
MOMENT = AWARE.replace(tzinfo=None)
BEFORE_1970 = MOMENT.replace(1969, 12, 31, 23, 59, 59, 999_999)
WIDE = pl.Struct({"x": pl.Int64, "y": pl.Int64})
NARROW = pl.Struct({"y": pl.Int8, "x": pl.Int8})
AWARD = pl.DataFrame(
    {
        "award_id": ["A-1", "A-2", None],
        "title": ["Größe", "", None],
        "amount_usd": [150_000.5, -0.0, float("nan")],
        "phase": [1, 2, None],
        "is_woman_owned": [True, False, None],
        "awarded_on": [date(2024, 2, 29), date(1969, 12, 31), None],
        "seen_at": [MOMENT, BEFORE_1970, None],
        "keywords": [["a", None, "b"], [], None],
        "place": [{"city": "Kew", "zip": None}, {"city": "", "zip": "02139"}, None],
    }
)

KNOWN = [
    "5ca33405b41274ecceae9bc82ccc268f",
    "9129a3560e4e60e38d5f10cf41ebb958",
    "49c0d24c5917e379edc19fbb1218192c",
]


def hashes(frame: pl.DataFrame) -> list[str]:
    return frame.select(content_hash(frame.columns).alias("hash"))["hash"].to_list()


def one(values: Mapping[str, Any], **dtypes: Any) -> str:
    (found,) = hashes(pl.DataFrame({name: [value] for name, value in values.items()}, schema_overrides=dtypes))
    return found


def test_the_hash_of_known_records_never_changes() -> None:
    """These were written down once: should they change, every stored hash would be worthless, and all data new."""
    assert hashes(AWARD) == KNOWN


def test_another_process_with_another_seed_and_one_thread_has_the_same_hashes() -> None:
    code = (
        "import polars as pl; from millrace.processing import content_hash;"
        "f = pl.DataFrame({'a': ['x', None], 'b': [1.5, 2.0]});"
        "print(*f.select(h=content_hash(['a', 'b']))['h'])"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "POLARS_MAX_THREADS": "1"}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert said.stdout.split() == hashes(pl.DataFrame({"a": ["x", None], "b": [1.5, 2.0]}))


def encoded(value: object, kind: str) -> bytes:
    """The canonical bytes of a value, written down a second time, without Polars."""
    if kind in ("text", "list[text]"):
        if value is None:
            return b"~:"
        text = b"".join(encoded(one, "text") for one in value) if isinstance(value, list) else str(value).encode()
        return b"%d:%s" % (len(text), text)
    if value is None:
        return b"~;"
    if isinstance(value, float):
        bits = struct.unpack("<q", struct.pack("<d", value + 0.0))[0]
        return b"nan;" if math.isnan(value) else b"%d;" % bits
    return b"%d;" % ((value - date(1970, 1, 1)).days if isinstance(value, date) else value)


KINDS: dict[str, tuple[Any, str, st.SearchStrategy[Any]]] = {
    "a": (pl.String, "text", st.text(st.characters(exclude_categories=["Cs"]))),
    "b": (pl.Float64, "float", st.floats()),
    "c": (pl.Int64, "integer", st.integers(-(2**63), 2**63 - 1)),
    "d": (pl.Date, "date", st.dates()),
    "e": (pl.Boolean, "boolean", st.booleans()),
    "f": (pl.List(pl.String), "list[text]", st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])))),
}


@given(
    st.lists(
        st.fixed_dictionaries({name: st.none() | strategy for name, (_, _, strategy) in KINDS.items()}), max_size=8
    )
)
@settings(max_examples=200, deadline=None)
def test_any_record_is_hashed_as_its_definition_says(records: list[dict[str, Any]]) -> None:
    frame = pl.DataFrame(records, schema={name: dtype for name, (dtype, _, _) in KINDS.items()})
    header = "".join(f"{len(name)}:{name};{kind};" for name, (_, kind, _) in KINDS.items())
    person = blake2b(header.encode(), digest_size=16).digest()

    expected = [
        blake2b(
            b"".join(encoded(record[name], KINDS[name][1]) for name in KINDS), digest_size=16, person=person
        ).hexdigest()
        for record in records
    ]

    assert hashes(frame) == expected


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": None}, {"a": ""}),
        ({"a": None}, {"a": "~"}),
        ({"a": "a", "b": "b"}, {"a": "ab", "b": ""}),
        ({"a": "1:a", "b": ""}, {"a": "", "b": "1:a"}),
        ({"a": None, "b": "x"}, {"a": "x", "b": None}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": "1"}),
        ({"a": True}, {"a": 1}),
        ({"a": "x"}, {"b": "x"}),
        ({"a": ["x", "y"]}, {"a": ["xy"]}),
        ({"a": ["x", None]}, {"a": ["x"]}),
        ({"a": []}, {"a": None}),
        ({"a": [[1], [2]]}, {"a": [[1, 2]]}),
        ({"a": {"x": None}}, {"a": None}),
        ({"a": {"x": "1", "y": None}}, {"a": {"x": None, "y": "1"}}),
        ({"a": MOMENT.date()}, {"a": MOMENT}),
        ({"a": b"\x00"}, {"a": b""}),
    ],
    ids=str,
)
def test_records_that_differ_have_different_hashes(left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    dtypes = dict.fromkeys(("a", "b"), pl.String)
    assert one(left, **{n: d for n, d in dtypes.items() if left.get(n, 0) is None}) != one(
        right, **{n: d for n, d in dtypes.items() if right.get(n, 0) is None}
    )


@pytest.mark.parametrize(
    ("value", "dtype", "other", "other_dtype"),
    [
        (7, pl.Int8, 7, pl.UInt64),
        (0.5, pl.Float32, 0.5, pl.Float64),
        (0.0, pl.Float64, -0.0, pl.Float64),
        (float("nan"), pl.Float64, -float("nan"), pl.Float64),
        ("x", pl.String, "x", pl.Categorical),
        ("x", pl.String, "x", pl.Enum(["y", "x"])),
        (Decimal("1.5"), pl.Decimal(10, 1), Decimal("1.500"), pl.Decimal(20, 3)),
        (Decimal(150), pl.Decimal(10, 0), Decimal("150.00"), pl.Decimal(10, 2)),
        (MOMENT, pl.Datetime("ms"), MOMENT, pl.Datetime("ns")),
        (AWARE, pl.Datetime("us", "UTC"), AWARE, pl.Datetime("us", "Asia/Tokyo")),
        (timedelta(days=1), pl.Duration("ms"), timedelta(days=1), pl.Duration("us")),
        ([1, 2], pl.List(pl.Int8), [1, 2], pl.Array(pl.Int64, 2)),
        ({"x": 1, "y": 2}, WIDE, {"y": 2, "x": 1}, NARROW),
    ],
    ids=str,
)  # fmt: skip
def test_the_same_value_in_another_width_has_the_same_hash(
    value: Any, dtype: Any, other: Any, other_dtype: Any
) -> None:
    assert one({"a": value}, a=dtype) == one({"a": other}, a=other_dtype)


def test_a_time_of_day_and_the_year_9996_can_be_hashed() -> None:
    assert one({"a": time(23, 59)}) != one({"a": time(23, 58)})
    late = MOMENT.replace(year=9996)
    assert one({"a": late}) != one({"a": late - timedelta(microseconds=1)})


def test_the_order_in_which_columns_are_named_does_not_count() -> None:
    first, second = (
        AWARD.select(h=content_hash(names))["h"].to_list() for names in (["title", "phase"], ["phase", "title"])
    )

    assert first == second


def test_columns_that_are_not_named_do_not_count() -> None:
    changed = AWARD.with_columns(phase=pl.lit(9))

    assert AWARD.select(content_hash(["title"])).equals(changed.select(content_hash(["title"])))
    assert hashes(AWARD) != hashes(changed)


def test_a_frame_that_is_computed_in_a_stream_has_the_hashes_of_one_in_memory() -> None:
    frame = pl.DataFrame({"a": range(200_000)}).with_columns(b=pl.format("name {}", "a"))

    streamed = frame.lazy().select(h=content_hash(["a", "b"])).collect(engine="streaming")["h"]

    assert streamed.to_list() == hashes(frame)
    assert streamed.n_unique() == 200_000


def test_a_frame_without_rows_has_no_hashes() -> None:
    assert hashes(AWARD.clear()) == []


def test_no_column_at_all_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no column is named"):
        content_hash([])


def test_what_is_no_data_is_refused() -> None:
    with pytest.raises(pl.exceptions.InvalidOperationError):
        hashes(pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}))


ROWS = pl.LazyFrame({"a": ["x", "y"], "b": [1, 2]})


@pytest.mark.parametrize(
    "other",
    [
        (ROWS.head(1),),
        (ROWS.reverse(),),
        (ROWS.drop("b"),),
        (ROWS.with_columns(b=pl.lit(1)),),
        (ROWS, "2"),
        (ROWS, "1", None),
        ("1", ROWS),
        (ROWS.head(1), ROWS.tail(1), "1"),
    ],
    ids=["fewer_rows", "another_order", "fewer_columns", "other_values", "version", "none", "order", "in_two"],
)
def test_a_key_is_that_of_the_whole(other: tuple[Any, ...]) -> None:
    assert content_key(*other) != content_key(ROWS, "1")


def test_a_key_does_not_depend_on_how_the_frame_came_about() -> None:
    long = pl.LazyFrame({"a": range(150_000)})

    assert content_key(long, 1) == content_key(pl.concat([long.head(70_001), long.slice(70_001)]), 1)
