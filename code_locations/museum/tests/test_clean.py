"""Clean: what fits is typed, what does not is listed, each key stands once."""

from typing import Any

import pytest
from polars.testing import assert_frame_equal

from millrace_museum.model import ARTIST_FIELDS, OBJECT_FIELDS
from millrace_museum.transforms.clean import cleaned, repeated_keys, unusable_values


def one(harvested: Any, units: dict[str, float] | None = None, **fields: Any) -> dict[str, Any]:
    """The only row that cleaning an object with these fields gives."""
    frame = harvested("objects", {"object_id": "A", "title": "x", **fields})
    return cleaned(frame, "objects", units or {}).collect().row(0, named=True)


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("1922", 1922),
        (" 1922 ", 1922),
        ("1922.0", 1922),
        ("c.1922", 1922),
        ("[1922]", 1922),
        ("1922?", 1922),
        ("-500", -500),
        ("79", 79),
        ("2100", 2100),
        ("2101", None),
        ("-1000001", None),
        ("1826-7", None),
        ("c.1779–1820", None),
        ("19th century", None),
        ("date not known", None),
        ("", None),
        (None, None),
    ],
)
def test_a_text_that_names_one_year_is_that_year(harvested: Any, text: str | None, year: int | None) -> None:
    assert one(harvested, acquisition_year=text)["acquisition_year"] == year


@pytest.mark.parametrize(
    ("text", "factor", "millimetres"),
    [
        ("419", 1.0, 419.0),
        ("73.5", 1.0, 73.5),
        (" 12 ", 10.0, 120.0),
        ("0.3", 25.4, 7.62),
        ("1.1", 1000.0, 1100.0),
        ("0", 1.0, None),
        ("-3", 1.0, None),
        ("mm", 1.0, None),
        ("nan", 1.0, None),
        ("inf", 1.0, None),
        ("1000001", 1.0, None),
        ("1001", 1000.0, None),
        (None, 1.0, None),
    ],
)
def test_a_length_is_converted_to_millimetres(
    harvested: Any, text: str | None, factor: float, millimetres: float | None
) -> None:
    assert one(harvested, {"height_mm": factor}, height_mm=text)["height_mm"] == millimetres


@pytest.mark.parametrize(
    ("start", "end", "words", "expected"),
    [
        (None, None, "c.1819", (1819, None)),
        (None, None, "1819–21", (None, None)),
        ("1818", None, "1819", (1818, None)),
        (None, "1820", "1819", (None, 1820)),
        ("no idea", None, "1819", (1819, None)),
        (None, None, None, (None, None)),
    ],
)
def test_words_give_the_year_only_where_no_year_was_given(
    harvested: Any, start: str | None, end: str | None, words: str | None, expected: tuple[int | None, int | None]
) -> None:
    row = one(harvested, start_year=start, end_year=end, date_text=words)

    assert (row["start_year"], row["end_year"]) == expected


def test_an_end_before_the_start_is_dropped_and_listed(harvested: Any) -> None:
    frame = harvested("objects", {"object_id": "A", "title": "x", "start_year": "1900", "end_year": "1800"})

    row = cleaned(frame, "objects", {}).collect().row(0, named=True)
    listed = unusable_values(frame, "objects", {}).collect().rows(named=True)

    assert (row["start_year"], row["end_year"]) == (1900, None)
    assert [(value["field"], value["value"], value["reason"]) for value in listed] == [
        ("end_year", "1800", "before start_year")
    ]


def test_text_is_stripped_and_lists_stay_as_they_came(harvested: Any) -> None:
    artists = [{"artist_id": "1", "name": " A ", "role": None}]

    row = one(harvested, medium="  Oil \n", artists=artists)

    assert (row["medium"], row["artists"]) == ("Oil", artists)


def test_the_first_row_of_a_key_stays_and_the_others_are_listed(harvested: Any) -> None:
    frame = harvested(
        "objects",
        {"object_id": "A", "title": "first"},
        {"object_id": "B", "title": "only"},
        {"object_id": " A ", "title": "second"},
        {"object_id": "A", "title": "third"},
    )

    kept = cleaned(frame, "objects", {}).collect()
    repeated = repeated_keys(frame, "objects").collect()

    assert kept.select("object_id", "title").rows() == [("A", "first"), ("B", "only")]
    first = "made.ndjson:1"
    assert repeated.select("source_line", "object_id", "first_place").rows() == [(3, "A", first), (4, "A", first)]


def test_unusable_values_are_listed_with_their_place(harvested: Any) -> None:
    frame = harvested(
        "objects",
        {"object_id": "A", "title": "x", "acquisition_year": "unknown", "height_mm": "419"},
        {"object_id": "B", "title": "x", "height_mm": "mm", "width_mm": "0"},
    )

    listed = unusable_values(frame, "objects", {}).collect()

    assert listed.select("source_line", "field", "value").rows() == [
        (1, "acquisition_year", "unknown"),
        (2, "height_mm", "mm"),
        (2, "width_mm", "0"),
    ]
    assert set(listed["source_file"]) == {"made.ndjson"}


def test_a_row_that_is_left_out_has_no_unusable_values(harvested: Any) -> None:
    repeated = {"object_id": "A", "title": "x", "height_mm": "mm"}
    frame = harvested("objects", repeated, repeated)

    assert unusable_values(frame, "objects", {}).collect()["source_line"].to_list() == [1]


def test_a_value_that_became_null_is_listed_and_no_other(harvested: Any) -> None:
    texts = ["1922", "c.1922", "unknown", None, "19th century"]
    frame = harvested(
        "artists", *({"artist_id": str(n), "name": "x", "birth_year": text} for n, text in enumerate(texts))
    )

    became_null = [
        text
        for text, year in zip(texts, cleaned(frame, "artists", {}).collect()["birth_year"], strict=True)
        if text is not None and year is None
    ]

    assert unusable_values(frame, "artists", {}).collect()["value"].to_list() == became_null


@pytest.mark.parametrize(("entity", "fields"), [("objects", OBJECT_FIELDS), ("artists", ARTIST_FIELDS)])
def test_the_cleaned_schema_is_the_models(harvested: Any, entity: str, fields: dict[str, Any]) -> None:
    frame = cleaned(harvested(entity), entity, {}).collect()

    assert {name: frame.schema[name] for name in fields} == {
        name: field.cleaned_dtype for name, field in fields.items()
    }
    assert frame.columns == ["source_file", "source_line", *fields]


def test_cleaning_twice_gives_the_same(harvested: Any) -> None:
    frame = harvested("objects", *({"object_id": str(n % 7), "title": "x", "height_mm": str(n)} for n in range(50)))

    assert_frame_equal(cleaned(frame, "objects", {}).collect(), cleaned(frame, "objects", {}).collect())
