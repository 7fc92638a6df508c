"""Classification by terms: what a match is, what it weighs, and what is shown for it."""

import math
from typing import Any

import polars as pl
import pytest

from millrace_sbir.taxonomy import load_taxonomy
from millrace_sbir.transforms.classify import CLASSIFIED
from millrace_sbir.transforms.classify_terms import TermClassifier


def score(points: float) -> float:
    return round(100 * (1 - math.exp(-points / 10)), 1)


def scores(frame: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {(award, area): value for award, area, value in frame.select("award_id", "area_id", "score").iter_rows()}


def terms(frame: pl.DataFrame, area: str) -> list[str]:
    return [found["term"] for found in frame.filter(pl.col("area_id") == area)["evidence"].to_list()[0]]


def test_a_term_is_found_as_a_word_in_any_case_and_plural(classifier: TermClassifier, awards: Any) -> None:
    texts = ["SATELLITE", "satellites,", "(Satellite)", "nano-satellite"]
    found = classifier.classify(awards(*((None, text) for text in texts)))

    assert scores(found) == {(f"A{number}", "space"): score(6) for number in range(len(texts))}


def test_a_term_within_a_word_or_across_a_sentence_is_not_found(classifier: TermClassifier, awards: Any) -> None:
    texts = ["aerospacecraft", "orbital", "satelliteship", "the empty space. battery"]
    found = classifier.classify(awards(*((None, text) for text in texts)))

    assert "space battery" not in terms(found, "space")
    assert found["award_id"].unique().to_list() == ["A3"]


@pytest.mark.parametrize("text", ["space battery", "space-battery", "Space/Battery", "space\nbattery"])
def test_a_pair_of_words_is_found_however_it_is_joined(classifier: TermClassifier, awards: Any, text: str) -> None:
    found = classifier.classify(awards((None, text)))

    assert terms(found, "space") == ["space battery"]


def test_further_occurrences_add_half_of_the_one_before(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards((None, "orbit"), (None, "orbit orbit"), (None, "orbit, orbit, orbit")))

    assert list(scores(found).values()) == [score(5), score(7.5), score(8.75)]


def test_the_title_counts_by_its_factor_and_beside_the_abstract(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards(("Orbit", None), ("Orbit", "orbit"), (None, "orbit")))

    assert list(scores(found).values()) == [score(10), score(15), score(5)]


def test_overlapping_terms_of_an_area_count_once_by_the_longest(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards((None, "a space battery and a space")))

    assert scores(found)["A0", "space"] == score(4 + 3)
    assert sorted(terms(found, "space")) == ["space", "space battery"]


def test_a_term_of_two_areas_counts_for_both(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards((None, "space battery")))

    assert scores(found) == {("A0", "energy"): score(5), ("A0", "space"): score(4)}


def test_a_negative_keyword_takes_points_away_and_covers_what_is_in_it(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(
        awards((None, "orbit, satellite"), (None, "orbit, satellite, parking space"), (None, "orbit, space heater"))
    )

    assert list(scores(found).values()) == [score(11), score(7), score(5)]
    assert all("parking" not in term for term in terms(found.filter(pl.col("award_id") == "A1"), "space"))


def test_evidence_points_at_the_very_characters(classifier: TermClassifier, awards: Any) -> None:
    title, abstract = "Über–satellite “Ω”", "é\u00a0中文 orbit… SPACE-batteries; naïve"
    found = classifier.classify(awards((title, abstract)))
    texts = {"award_title": title, "cleaned_abstract": abstract}
    spans = {
        (texts[place["field"]][place["start"] : place["end"]], place["term"])
        for evidence in found["evidence"].to_list()
        for place in evidence
    }

    assert spans == {
        ("satellite", "satellite"),
        ("orbit", "orbit"),
        ("SPACE-batteries", "space battery"),
    }


def test_evidence_shows_each_term_once_before_any_twice(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards((None, "orbit orbit orbit space satellite")))

    assert terms(found, "space") == ["orbit", "satellite", "space"]


def test_areas_far_below_the_first_are_left_out(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards(("Satellites in orbit", "satellite orbit space. A battery")))

    assert found["area_id"].to_list() == ["space"]


def test_the_first_area_is_primary_and_bands_follow_the_thresholds(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards(("Satellite", "orbit and battery"), (None, "satellite"), (None, "space")))

    assert found.select("award_id", "area_id", "rank", "is_primary", "band").rows() == [
        ("A0", "space", 1, True, "high"),
        ("A0", "energy", 2, False, "medium"),
        ("A1", "space", 1, True, "medium"),
        ("A2", "space", 1, True, "low"),
    ]


def test_an_award_without_text_or_area_has_no_row(classifier: TermClassifier, awards: Any) -> None:
    found = classifier.classify(awards((None, None), ("", ""), ("Sandwiches", "of the common kind")))

    assert found.is_empty()
    assert found.schema == CLASSIFIED
    assert classifier.classify(awards()).schema == CLASSIFIED


def test_rows_say_by_what_they_were_classified(awards: Any) -> None:
    taxonomy = load_taxonomy()
    found = TermClassifier(taxonomy).classify(awards(("Trapped ion quantum computer", None)))

    assert found.schema == CLASSIFIED
    assert found.row(0, named=True)["area_id"] == "quantum_information"
    assert found.row(0, named=True)["method"] == "terms"
    assert found.row(0, named=True)["version"] == taxonomy.stamp
