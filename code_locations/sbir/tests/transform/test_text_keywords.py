"""Keywords: phrases of the award itself, by rules that can be followed by hand."""

import polars as pl

from millrace_sbir.transforms.text_keywords import with_keywords


def keywords(title: str | None, abstract: str | None, most: int = 8) -> list[str]:
    schema = {"award_title": pl.String, "cleaned_abstract": pl.String}
    frame = pl.DataFrame([(title, abstract)], schema=schema, orient="row")
    return with_keywords(frame, most)["keywords"].to_list()[0]


def test_phrases_end_at_stop_words_and_punctuation() -> None:
    assert keywords(None, "The laser beam of a solid state amplifier, and wide aperture optics") == [
        "solid state amplifier",
        "wide aperture optics",
        "laser beam",
    ]


def test_what_is_in_the_title_or_repeated_comes_first() -> None:
    assert keywords("Corrosion of bridges", "solid state amplifier; corrosion; tin box; tin box") == [
        "corrosion",
        "tin box",
        "bridges",
        "solid state amplifier",
    ]


def test_a_single_word_said_once_is_no_keyword() -> None:
    assert keywords(None, "corrosion of the bridges") == []
    assert keywords(None, "bridges and bridges") == ["bridges"]


def test_words_that_every_award_uses_are_none() -> None:
    assert keywords("Innovative Technology Development for Phase II", "The proposed project will develop results") == []


def test_hyphens_hold_words_together() -> None:
    assert keywords(None, "A high-power amplifier, state-of-the-art low-loss - cheap - filter") == [
        "high-power amplifier",
    ]


def test_no_more_than_asked_for_and_an_empty_list_for_nothing() -> None:
    assert keywords(None, "a tin box, the tin lid, some tin feet", most=1) == ["tin box"]
    assert keywords(None, None) == []


def test_rows_and_columns_are_kept() -> None:
    frame = pl.DataFrame(
        {"award_id": ["B", "A"], "award_title": ["Tin box", None], "cleaned_abstract": [None, "x"], "row": [1, 2]}
    )

    found = with_keywords(frame.drop("row"))

    assert found.columns == ["award_id", "award_title", "cleaned_abstract", "keywords"]
    assert found["award_id"].to_list() == ["B", "A"]
