"""What makes an incremental run the same as a full one: each award is cleaned, described and classified by itself."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from millrace_sbir.taxonomy import load_taxonomy
from millrace_sbir.transforms.classify_terms import TermClassifier
from millrace_sbir.transforms.text import with_cleaned_abstract
from millrace_sbir.transforms.text_keywords import with_keywords

CLASSIFIER = TermClassifier(load_taxonomy())
VOCABULARY = """quantum sensor satellite satellites laser powder bed fusion free space machine learning, the of GaN é
“radar” &amp; <b> ABSTRACT: battery UAV. \x00 [[x]] high-power hypersonic"""
WORDS = st.sampled_from(VOCABULARY.split())
TEXT = st.none() | st.lists(WORDS, max_size=25).map(" ".join)
ROWS = st.lists(st.tuples(TEXT, TEXT), max_size=8)


def frame(rows: list[tuple[str | None, str | None]], first: int = 0) -> pl.DataFrame:
    numbered = [(f"A{first + number}", *row) for number, row in enumerate(rows)]
    schema = {"award_id": pl.String, "award_title": pl.String, "abstract": pl.String}
    return pl.DataFrame(numbered, schema=schema, orient="row")


def described(awards: pl.DataFrame) -> pl.DataFrame:
    return with_keywords(with_cleaned_abstract(awards.lazy()).collect())


@settings(max_examples=25, deadline=None)
@given(ROWS, ROWS)
def test_two_chunks_give_what_the_whole_gives(
    one: list[tuple[str | None, str | None]], other: list[tuple[str | None, str | None]]
) -> None:
    whole = described(frame(one + other))
    parts = [described(frame(one)), described(frame(other, len(one)))]

    assert_frame_equal(pl.concat(parts), whole)
    assert_frame_equal(pl.concat([CLASSIFIER.classify(part) for part in parts]), CLASSIFIER.classify(whole))


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_evidence_is_spelled_like_its_term(rows: list[tuple[str | None, str | None]]) -> None:
    awards = described(frame(rows))
    texts = {row["award_id"]: row for row in awards.iter_rows(named=True)}
    for row in CLASSIFIER.classify(awards).iter_rows(named=True):
        assert 0 < row["score"] <= 100
        assert row["evidence"]
        for place in row["evidence"]:
            text = texts[row["award_id"]][place["field"]][place["start"] : place["end"]]
            assert text.lower().replace("-", " ").startswith(place["term"].removesuffix("y"))


@settings(max_examples=25, deadline=None)
@given(ROWS)
def test_awards_keep_their_order_and_have_one_primary_area(rows: list[tuple[str | None, str | None]]) -> None:
    found = CLASSIFIER.classify(described(frame(rows)))
    places = [int(award_id[1:]) for award_id in found["award_id"]]

    assert places == sorted(places)
    assert found.filter(pl.col("is_primary"))["award_id"].is_unique().all()
    assert found["award_id"].n_unique() == found["is_primary"].sum()
