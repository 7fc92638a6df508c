"""Reshape: one JSON document per object, the same for the same content."""

import os
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from millrace.quality import RejectKind
from millrace_museum.contracts import CONTRACTS
from millrace_museum.mapping import load_mapping
from millrace_museum.transforms.clean import cleaned, repeated_keys
from millrace_museum.transforms.join import joined, unused_artists
from millrace_museum.transforms.reshape import objects_by_century, reshaped


def joined_of(harvested: Any, *rows: dict[str, Any]) -> pl.LazyFrame:
    artists = harvested("artists", {"artist_id": "1", "name": "Ønè", "birth_year": "1801"})
    return joined(cleaned(harvested("objects", *rows), "objects", {}), cleaned(artists, "artists", {}))


FULL: dict[str, Any] = {
    "object_id": "A/1",
    "title": 'She said "無題" \\ and\nleft',
    "artists": [{"artist_id": "1", "name": "x", "role": "artist"}],
    "date_text": "c.1819",
    "height_mm": "12.5",
    "acquisition_year": "1900",
    "movements": [{"movement_id": "7", "name": "Op Art"}],
    "image_url": "http://a/1.jpg",
}


def test_a_document_is_json_that_says_what_the_row_says(harvested: Any) -> None:
    frame = reshaped(joined_of(harvested, FULL), "small", "Small, CC0").collect()

    document = orjson.loads(frame["document"].item())
    assert frame.select("object_id", "title").row(0) == (FULL["object_id"], FULL["title"])
    assert (document["id"], document["title"]) == (FULL["object_id"], FULL["title"])
    assert (document["museum"], document["attribution"]) == ("small", "Small, CC0")
    assert document["dates"] == {"text": "c.1819", "start_year": 1819, "end_year": None}
    assert document["dimensions"]["height_mm"] == 12.5
    assert document["acquisition"] == {"year": 1900, "credit_line": None}
    assert document["artists"][0]["name"] == "Ønè"
    assert document["artists"][0]["birth_year"] == 1801
    assert document["movements"] == [{"movement_id": "7", "name": "Op Art"}]
    assert document["links"] == {"page": None, "image": "http://a/1.jpg", "image_copyright": None}


def test_a_list_is_empty_rather_than_null(harvested: Any) -> None:
    document = orjson.loads(
        reshaped(joined_of(harvested, {"object_id": "A", "title": "x"}), "small", "").collect()["document"].item()
    )

    assert (document["artists"], document["movements"], document["subjects"]) == ([], [], [])


def test_every_document_has_the_same_keys_in_the_same_order(harvested: Any) -> None:
    frame = reshaped(joined_of(harvested, FULL, {"object_id": "B", "title": "x"}), "small", "").collect()

    first, second = (list(orjson.loads(document)) for document in frame["document"])
    assert first == second


def test_the_same_objects_in_another_order_give_the_same_documents(harvested: Any) -> None:
    rows = [FULL, {"object_id": "B", "title": "x"}, {"object_id": "Ä", "title": "x"}, {"object_id": "10", "title": "x"}]

    forwards = reshaped(joined_of(harvested, *rows), "small", "").collect()
    backwards = reshaped(joined_of(harvested, *reversed(rows)), "small", "").collect()

    assert_frame_equal(forwards, backwards)
    assert forwards["object_id"].to_list() == sorted(row["object_id"] for row in rows)


def test_documents_keep_their_contract(harvested: Any) -> None:
    verdict = CONTRACTS["reshaped_objects"].judge(reshaped(joined_of(harvested, FULL), "small", ""))

    assert verdict.holds
    assert verdict.unexpected_columns == []


def test_objects_are_counted_by_the_century_of_their_first_year(harvested: Any) -> None:
    years = ["1900", "1999", "1899", "-1", None]
    frame = joined_of(
        harvested, *({"object_id": str(n), "title": "x", "start_year": year} for n, year in enumerate(years))
    )

    assert objects_by_century(frame).collect().rows() == [(-100, 1), (1800, 1), (1900, 2)]


VARIABLE = "MILLRACE_REAL_DATA"
ARTWORKS, ARTISTS = 69_202, 3_532


@pytest.fixture
def tate() -> Path:
    given = os.environ.get(VARIABLE)
    if not given:
        pytest.skip(f"{VARIABLE} is not set; it names the folder that holds tate/")
    return Path(given) / "tate"


def test_tates_collection_comes_through_whole(tate: Path, harvest: Any) -> None:
    mapping = load_mapping("tate")

    objects, object_rejects = harvest(mapping, "objects", tate)
    artists, artist_rejects = harvest(mapping, "artists", tate)
    kept = cleaned(objects.lazy(), "objects", {}).collect().lazy()
    people = cleaned(artists.lazy(), "artists", {}).collect().lazy()
    verdict = CONTRACTS["reshaped_objects"].judge(reshaped(joined(kept, people), "tate", mapping.attribution))

    assert (objects.height, artists.height) == (ARTWORKS, ARTISTS)
    assert [reject for reject in object_rejects + artist_rejects if reject.kind is not RejectKind.FIELD] == []
    assert repeated_keys(objects.lazy(), "objects").collect().is_empty()
    assert CONTRACTS["cleaned_objects"].judge(kept).holds
    assert CONTRACTS["cleaned_artists"].judge(people).holds
    assert (verdict.holds, verdict.rows) == (True, ARTWORKS)
    assert 0 < unused_artists(kept, people).collect().height < ARTISTS
