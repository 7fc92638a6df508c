"""Phase chains: what makes a pair, what does not, and that firms and order make no difference."""

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from millrace_sbir.transforms.phases import FOLLOWS, ChainRules, follows, transitions

RULES = ChainRules()
FIRST = {"phase": "I", "agency": "DoD", "award_date": date(2020, 1, 1), "award_title": "Cold Atom Clock"}
SECOND = FIRST | {"phase": "II", "award_date": date(2021, 1, 1)}


def pairs(frame: pl.LazyFrame) -> dict[str, str]:
    return dict(follows(frame, RULES).select("award_id", "follows_award_id").collect().iter_rows())


def test_the_same_title_at_the_same_agency_makes_a_pair(awards: Any) -> None:
    found = follows(awards(FIRST, SECOND | {"award_title": "SBIR Phase II: Cold-Atom Clock"}), RULES).collect()

    assert found.schema == FOLLOWS
    assert found.rows() == [("A1", "A0", "F1", "II", "I", "title", 0.55, 1.0, 12.0)]


def test_the_same_topic_makes_a_pair_whatever_the_title(awards: Any) -> None:
    frame = awards(FIRST | {"topic_code": "AF20-1"}, SECOND | {"topic_code": "AF20-1", "award_title": "Other"})

    assert follows(frame, RULES).select("method", "score").collect().rows() == [("topic", 0.45)]


@pytest.mark.parametrize(
    ("one", "other"),
    [("DE-SC0012345", "desc0012345"), ("1R43EY036753-01", "2R44EY036753-02A1"), ("R41DA061403", "5R42DA061403-03")],
)
def test_the_same_project_makes_a_pair_whatever_else(awards: Any, one: str, other: str) -> None:
    frame = awards(FIRST | {"contract": one}, SECOND | {"contract": other, "award_title": "Other", "agency": "x"})

    assert follows(frame, RULES).select("method", "score").collect().rows() == [("contract", 0.6)]


@pytest.mark.parametrize(
    "second",
    [
        {"award_title": "Warm Molecule Watch"},
        {"company_id": "F2"},
        {"company_id": None},
        {"award_date": date(2019, 12, 31)},
        {"award_date": date(2026, 2, 1)},
        {"phase": "I"},
        {"phase": None},
        {"contract": "N/A", "award_title": None},
        {"topic_code": "AF21-2"},
    ],
)
def test_what_is_too_unlike_too_late_or_another_firms_is_no_pair(awards: Any, second: dict[str, Any]) -> None:
    frame = awards(FIRST | {"topic_code": "AF20-1", "contract": "N/A"}, SECOND | second)

    assert pairs(frame) == {}


def test_an_unknown_date_is_taken_from_the_year(awards: Any) -> None:
    frame = awards(FIRST | {"award_date": None, "award_year": 2020}, SECOND | {"award_date": None, "award_year": 2021})

    assert follows(frame, RULES).select("follows_award_id", "months_between").collect().rows() == [("A0", None)]


def test_the_better_pair_is_made_first_and_leaves_the_other_what_remains(awards: Any) -> None:
    frame = awards(
        FIRST | {"pi_name": "Dr. Jane Doe"},
        FIRST | {"award_date": date(2020, 6, 1)},
        SECOND | {"pi_name": "Jane Doe"},
        SECOND,
    )

    assert pairs(frame) == {"A2": "A0", "A3": "A1"}


def test_a_phase_two_without_a_phase_one_left_follows_none(awards: Any) -> None:
    assert pairs(awards(FIRST, SECOND, SECOND | {"award_date": date(2022, 1, 1)})) == {"A1": "A0"}


def test_a_third_phase_follows_the_second_rather_than_the_first(awards: Any) -> None:
    third = FIRST | {"phase": "III", "award_date": date(2023, 1, 1)}

    assert pairs(awards(FIRST, SECOND, third)) == {"A1": "A0", "A2": "A1"}
    assert pairs(awards(FIRST, third)) == {"A1": "A0"}


def test_a_like_title_is_found_among_many_of_the_firm(awards: Any) -> None:
    others = [FIRST | {"award_title": f"Sensor Model {number} of a Plain Kind"} for number in range(40)]
    first, second = FIRST | {"pi_name": "Jane Doe"}, SECOND | {"pi_name": "Jane Doe"}
    frame = awards(*others, first, second | {"award_title": "Improved Cold Atom Clock"})

    assert pairs(frame) == {"A41": "A40"}


def test_transitions_count_what_was_followed(awards: Any) -> None:
    frame = awards(FIRST, FIRST | {"award_title": "Alone"}, SECOND, SECOND | {"company_id": "F2"})
    found = transitions(frame, follows(frame, RULES)).collect()

    assert found.rows() == [("F1", 2, 1, 1, 0.5, 12.0)]


ROW = st.fixed_dictionaries(
    {
        "company_id": st.sampled_from(["F1", "F2", "F3"]),
        "phase": st.sampled_from(["I", "II", "III"]),
        "agency": st.sampled_from(["DoD", "NASA"]),
        "award_date": st.dates(date(2018, 1, 1), date(2022, 1, 1)),
        "award_title": st.sampled_from(["Cold Atom Clock", "Cold Atom Clock Two", "Tin Can", "Tin Can Opener Kit"]),
        "topic_code": st.sampled_from([None, "T1", "T2"]),
        "pi_name": st.sampled_from([None, "Jane Doe", "Ann Poe"]),
    }
)


@settings(max_examples=25, deadline=None)
@given(rows=st.lists(ROW, max_size=14), order=st.randoms())
def test_neither_order_nor_a_split_by_firm_changes_a_chain(awards: Any, rows: list[dict[str, Any]], order: Any) -> None:
    frame = awards(*rows).collect()
    whole = follows(frame.lazy(), RULES).collect()
    places = list(range(len(frame)))
    order.shuffle(places)
    by_firm = [
        follows(frame.filter(pl.col("company_id") == firm).lazy(), RULES).collect() for firm in ("F1", "F2", "F3")
    ]

    assert_frame_equal(follows(frame[places].lazy(), RULES).collect(), whole)
    assert_frame_equal(pl.concat(by_firm).sort("award_id"), whole)
    assert whole["award_id"].is_unique().all()
    assert whole.select("follows_award_id", "phase").is_unique().all()
    assert (whole["phase"] > whole["follows_phase"]).all()
