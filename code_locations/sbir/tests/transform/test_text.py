"""Cleaning: what exports and forms add goes, and what authors wrote stays."""

import polars as pl
import pytest

from millrace_sbir.transforms.text import cleaned, with_cleaned_abstract


def clean(text: str | None) -> str | None:
    return pl.select(cleaned(pl.lit(text, dtype=pl.String))).item()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("R &amp; D of &quot;it&quot;&#039;s", 'R & D of "it"\'s'),
        ("&amp;quot;twice&amp;quot;", '"twice"'),
        ("5 &micro;m &#177; 2 &#x3BC;m &#129302;", "5 µm ± 2 μm"),
        ("a<br/>b <p class='x'>c</p><!-- no -->", "a b c"),
        ("canâ€™t, â€œso\u0393Ã©â€\x9d 3 Âµm", "can’t, “soΓé” 3 µm"),
        ("The Air ForceÆs plan", "The Air Force’s plan"),
        ("[[internal 12]] ABSTRACT: Text", "Text"),
        ("TECHNICAL ABSTRACT: Text BENEFIT: More", "Text More"),
        ("DESCRIPTION (provided by applicant): Text", "Text"),
        ("a\x00b\u200b c\r\n\t d\u00a0e", "a b c d e"),
    ],
)
def test_what_was_added_is_taken_away(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "p < 0.05 and 5 > 3, <10 nm",
        "Curaçao, Æther, naïve, “quoted”, AT&T",
        "abstract machines are no abstract",
        "The benefit: less weight",
        "a [1] and [2], list[[]",
        "None of these are used",
    ],
)
def test_what_an_author_wrote_stays(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("text", [None, "", "  ", "tbd", "N/A", "n.a.", "Redacted.", "ABSTRACT: None", "&nbsp;"])
def test_a_text_that_says_nothing_is_null(text: str | None) -> None:
    assert clean(text) is None


def test_the_abstract_as_published_is_kept_beside_the_clean_one() -> None:
    frame = with_cleaned_abstract(pl.LazyFrame({"award_id": ["A"], "abstract": ["ABSTRACT: x"]})).collect()

    assert frame.rows() == [("A", "ABSTRACT: x", "x")]
