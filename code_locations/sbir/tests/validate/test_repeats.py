"""Rows of one key: duplicates collapse, versions give way to the newest, keys used again are turned away."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

import polars as pl
import pytest

from millrace.quality import RejectKind


def contents(outcome: Any) -> list[tuple[object, ...]]:
    return outcome.passed.drop("source_file", "line").sort("award_id", "award_amount").rows()


def test_rows_with_the_same_content_collapse_and_are_counted(validated: Callable[..., Any]) -> None:
    outcome = validated("awards", {}, {"award_amount": "$149998.50"}, {"agency": "DOD"})

    assert (outcome.passed["line"].to_list(), outcome.duplicates, outcome.rejects) == ([2], 2, [])


def test_the_newest_version_of_an_award_stays_and_the_other_is_reported(validated: Callable[..., Any]) -> None:
    outcome = validated("awards", {"award_date": "2024-04-04", "award_amount": "1"}, {"award_amount": "2"})

    assert outcome.passed["award_amount"].to_list() == [1.0]
    (reject,) = outcome.of(RejectKind.ROW)
    assert (reject.place, reject.rule) == ("made.csv:3", "award_id_superseded")
    assert "DOD_F241-0004-0385_FA865124PB017 has a newer version at made.csv:2" in reject.reason


@pytest.mark.parametrize("other", [{"company_name": "Other LLC"}, {"phase": "II"}, {"agency": "NASA"}])
def test_a_number_used_again_costs_all_its_rows(validated: Callable[..., Any], other: dict[str, str]) -> None:
    outcome = validated("awards", {}, other, {"agency_tracking_number": "B-1"})

    assert outcome.passed["line"].to_list() == [4]
    assert [(reject.place, reject.rule) for reject in outcome.rejects] == [
        ("made.csv:2", "award_id_collision"),
        ("made.csv:3", "award_id_collision"),
    ]


def test_another_spelling_of_the_firm_and_the_contract_is_no_other_award(validated: Callable[..., Any]) -> None:
    outcome = validated("awards", {}, {"company_name": "LUMERA PHOTONICS INCORPORATED", "contract": "FA865124PB017"})

    assert outcome.passed.height == 1
    assert [reject.rule for reject in outcome.rejects] == ["award_id_superseded"]


def test_a_tracking_number_with_another_contract_is_another_award(validated: Callable[..., Any]) -> None:
    assert validated("awards", {}, {"contract": "FA8651-25-C-0001"}).passed.height == 2


def test_without_a_contract_the_agency_tells_tracking_numbers_apart(validated: Callable[..., Any]) -> None:
    outcome = validated("awards", {"contract": None}, {"contract": None, "agency": "NASA"})

    assert outcome.passed["award_id"].to_list() == ["DOD_F241-0004-0385", "NASA_F241-0004-0385"]


def test_a_row_that_breaks_the_contract_holds_no_key(validated: Callable[..., Any]) -> None:
    outcome = validated("awards", {"award_amount": "0"}, {"company_name": "Other LLC"})

    assert outcome.passed["line"].to_list() == [3]
    assert [reject.rule for reject in outcome.rejects] == ["award_amount|min_exclusive"]


def test_the_order_of_the_rows_decides_nothing(validated: Callable[..., Any]) -> None:
    rows = [
        {"award_amount": "3"},
        {"award_amount": "3"},
        {"award_amount": "4", "award_title": "Louder lasers"},
        {"award_amount": "4"},
    ]

    outcomes = [validated("awards", *order) for order in permutations(rows)]

    assert {tuple(map(tuple, contents(outcome))) for outcome in outcomes} == {tuple(map(tuple, contents(outcomes[0])))}
    assert {(outcome.duplicates, outcome.rejected) for outcome in outcomes} == {(1, 2)}


def test_rows_of_a_key_meet_across_batches_and_files(validated: Callable[..., Any]) -> None:
    rows = [{"agency_tracking_number": f"A-{number % 5}", "source_file": f"{number // 5}.csv"} for number in range(20)]

    outcome = validated("awards", *rows, batch_rows=4)

    assert (outcome.passed.height, outcome.duplicates) == (5, 15)
    assert outcome.passed["source_file"].unique().to_list() == ["0.csv"]


def test_the_newest_registration_of_an_entity_stays(validated: Callable[..., Any]) -> None:
    rows = [{"expiration_date": "2024-01-01"}, {"expiration_date": "2025-01-01"}, {"expiration_date": "2025-01-01"}]

    outcome = validated("entities", *rows)

    assert outcome.passed["line"].to_list() == [3]
    assert (outcome.duplicates, [reject.rule for reject in outcome.rejects]) == (1, ["uei_superseded"])


def test_a_patent_stands_once_for_each_assignee(validated: Callable[..., Any]) -> None:
    outcome = validated("patents", {}, {"assignee_name": "LUMERA INC"}, {"assignee_name": "Other LLC"})

    assert outcome.passed["patent_assignee_id"].sort().to_list() == ["10123456/LUMERA", "10123456/OTHER"]
    assert isinstance(outcome.passed, pl.DataFrame)
