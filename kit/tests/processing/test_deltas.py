"""Two states of a table compared by key and content hash."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import KeyRepeatedError
from millrace.processing import CONTENT_HASH, Delta, content_hash, delta

SCHEMA = {"agency": pl.String, "number": pl.Int64, "title": pl.String}
Records = Mapping[tuple[str, int], str | None]
RECORDS = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.integers(0, 5)), st.none() | st.sampled_from(["", "x", "y"])
)


def state(records: Records) -> pl.LazyFrame:
    rows = [(agency, number, title) for (agency, number), title in records.items()]
    frame = pl.LazyFrame(rows, schema=SCHEMA, orient="row")
    return frame.with_columns(content_hash(["title"]).alias(CONTENT_HASH))


def rows(frame: pl.LazyFrame) -> dict[tuple[Any, ...], Any]:
    found = frame.collect()
    assert found.columns == [*SCHEMA, CONTENT_HASH]
    return {row[:2]: row[2] for row in found.iter_rows()}


def compared(before: Records, after: Records) -> Delta:
    return delta(state(before), state(after), ["agency", "number"])


@given(RECORDS, RECORDS)
@settings(max_examples=150, deadline=None)
def test_any_two_states_are_compared_as_dictionaries_are(before: Records, after: Records) -> None:
    found = compared(before, after)

    expected = {
        "added": {key: value for key, value in after.items() if key not in before},
        "changed": {key: value for key, value in after.items() if key in before and before[key] != value},
        "removed": {key: value for key, value in before.items() if key not in after},
        "unchanged": {key: value for key, value in after.items() if key in before and before[key] == value},
    }
    assert {name: rows(getattr(found, name)) for name in expected} == expected
    assert found.counts == {name: len(of_kind) for name, of_kind in expected.items()}
    assert found.is_empty is (before == after)


@given(RECORDS, RECORDS)
@settings(max_examples=50, deadline=None)
def test_a_state_with_its_delta_applied_is_the_next_state(before: Records, after: Records) -> None:
    found = compared(before, after)

    assert rows(found.unchanged) | rows(found.added) | rows(found.changed) == after


def test_without_an_earlier_state_everything_is_added() -> None:
    found = delta(None, state({("a", 1): "x", ("b", 1): "y"}), ["agency", "number"])

    assert found.counts == {"added": 2, "changed": 0, "removed": 0, "unchanged": 0}
    assert rows(found.removed) == {}


@pytest.mark.parametrize("side", ["previous", "current"])
@pytest.mark.parametrize("number", [1, None], ids=["repeated", "null"])
def test_a_key_that_identifies_nothing_is_one_clear_error(side: str, number: int | None) -> None:
    good = state({("a", 1): "x", ("b", 2): "y"})
    bad = pl.concat([good, state({("a", number): "z"})])  # ty: ignore[invalid-argument-type]  # a null key, on purpose
    previous, current = (bad, good) if side == "previous" else (good, bad)

    with pytest.raises(KeyRepeatedError) as caught:
        delta(previous, current, ["agency", "number"], subject="mill.loaded_rows")

    repeats = 2 if number is not None else 1
    now, before = (number is not None, repeats) if side == "previous" else (repeats, number is not None)
    assert str(caught.value) == (
        "mill.loaded_rows: 1 keys or more of agency, number repeat or are null: "
        f"a, {number} ({now:d} times now, {before:d} before) "
        "(expected each key once in each state); reject repeated keys before the states are compared"
    )


def test_more_records_than_are_held_at_once_are_compared_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.processing.deltas._ROWS_AT_ONCE", 7)
    before = {("a", number): "x" for number in range(100)}
    after = {("a", number): "y" if number % 3 == 0 else "x" for number in range(50, 150)}

    assert compared(before, after).counts == {"added": 50, "changed": 17, "removed": 50, "unchanged": 33}


def test_a_key_may_be_one_column_and_the_hash_may_have_another_name() -> None:
    before = pl.LazyFrame({"key": [1, 2], "digest": ["x", "y"]})
    after = pl.LazyFrame({"key": [2, 3], "digest": ["z", "z"]})

    assert delta(before, after, "key", "digest").counts == {"added": 1, "changed": 1, "removed": 1, "unchanged": 0}
