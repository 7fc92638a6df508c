"""Join: objects keep their artists and their order, and what does not meet is counted on both sides."""

from typing import Any

import polars as pl
import pytest

from millrace_museum.transforms.clean import cleaned
from millrace_museum.transforms.join import ARTIST_COLUMNS, joined, unknown_artists, unused_artists


def credit(artist_id: str | None, name: str | None = None, role: str | None = None) -> dict[str, str | None]:
    return {"artist_id": artist_id, "name": name, "role": role}


@pytest.fixture
def objects(harvested: Any) -> pl.LazyFrame:
    credited: dict[str, list[dict[str, str | None]] | None] = {
        "C": [credit("2", "Second, as the object words it"), credit("1"), credit("99", "Unknown")],
        "A": [credit("1", "First", "artist"), credit("1", "First", "publisher")],
        "B": None,
        "D": [credit(None, "British School")],
        "E": [credit("99", "An unknown one"), credit("98")],
    }
    rows = ({"object_id": key, "title": key, "artists": artists} for key, artists in credited.items())
    return cleaned(harvested("objects", *rows), "objects", {})


@pytest.fixture
def artists(harvested: Any) -> pl.LazyFrame:
    return cleaned(
        harvested(
            "artists",
            {"artist_id": "2", "name": "Two", "birth_year": "1802", "gender": "Female", "page_url": "http://a/2"},
            {"artist_id": "1", "name": "One", "birth_year": "1801", "death_place": "Rome"},
            {"artist_id": "3", "name": "Three"},
        ),
        "artists",
        {},
    )


def artists_of(frame: pl.LazyFrame, object_id: str) -> list[dict[str, Any]] | None:
    return frame.filter(pl.col("object_id") == object_id).collect()["artists"].to_list()[0]


def test_the_join_neither_loses_nor_doubles_an_object(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    frame = joined(objects, artists).collect()

    assert frame["object_id"].to_list() == ["C", "A", "B", "D", "E"]
    assert set(frame.columns) == set(objects.collect_schema().names())


def test_artists_stay_in_their_order_and_bring_their_record(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    found = artists_of(joined(objects, artists), "C")

    assert found is not None
    assert [artist["artist_id"] for artist in found] == ["2", "1", "99"]
    assert found[0] == {
        "artist_id": "2", "name": "Two", "role": None, "gender": "Female", "birth_year": 1802, "death_year": None,
        "birth_place": None, "death_place": None, "page_url": "http://a/2",
    }  # fmt: skip


def test_an_artist_without_a_record_keeps_the_objects_wording(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    found = artists_of(joined(objects, artists), "C")

    assert found is not None
    assert found[2]["name"] == "Unknown"
    assert [found[2][name] for name in ARTIST_COLUMNS] == [None] * len(ARTIST_COLUMNS)


def test_an_artist_without_an_identifier_meets_no_record(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    found = artists_of(joined(objects, artists), "D")

    assert found is not None
    assert [(artist["artist_id"], artist["name"]) for artist in found] == [(None, "British School")]


def test_one_artist_in_two_roles_stands_twice(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    found = artists_of(joined(objects, artists), "A")

    assert found is not None
    assert [(artist["name"], artist["role"]) for artist in found] == [("One", "artist"), ("One", "publisher")]


def test_an_object_without_artists_has_none(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    assert artists_of(joined(objects, artists), "B") is None


def test_unknown_artists_are_counted_by_object_and_sorted(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    assert unknown_artists(objects, artists).collect().rows() == [("98", None, 1), ("99", "An unknown one", 2)]


def test_unused_artists_are_those_that_no_object_names(objects: pl.LazyFrame, artists: pl.LazyFrame) -> None:
    assert unused_artists(objects, artists).collect().rows() == [("3", "Three")]


def test_a_museum_without_records_of_artists_is_joined_all_the_same(objects: pl.LazyFrame, harvested: Any) -> None:
    nobody = cleaned(harvested("artists"), "artists", {})

    frame = joined(objects, nobody)

    found = artists_of(frame, "C")
    assert found is not None
    assert [artist["name"] for artist in found] == ["Second, as the object words it", None, "Unknown"]
    assert unused_artists(objects, nobody).collect().is_empty()
    assert unknown_artists(objects, nobody).collect()["artist_id"].to_list() == ["1", "2", "98", "99"]


def test_objects_that_name_nobody_are_joined_all_the_same(artists: pl.LazyFrame, harvested: Any) -> None:
    alone = cleaned(harvested("objects", {"object_id": "A", "title": "x"}), "objects", {})

    assert joined(alone, artists).collect()["artists"].to_list() == [None]
    assert unused_artists(alone, artists).collect()["artist_id"].to_list() == ["1", "2", "3"]
