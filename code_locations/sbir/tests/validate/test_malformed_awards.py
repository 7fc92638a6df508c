"""Every way in which an award row is known to be wrong ends in the fail side, with column, value and rule."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from millrace.quality import RejectKind
from millrace_sbir.contracts import CONTRACTS

ROW, VALUE = RejectKind.ROW, RejectKind.VALUE


@dataclass(frozen=True)
class Case:
    """A way to be wrong: what is done to a good row, and what must be reported."""

    name: str
    column: str
    text: str | None
    problem: str = "_unusable"
    others: dict[str, str | None] = field(default_factory=dict)

    @property
    def cells(self) -> dict[str, str | None]:
        return {**self.others, self.column: self.text}

    @property
    def rule(self) -> str:
        return self.column + self.problem

    @property
    def kind(self) -> RejectKind:
        """A broken contract costs the row."""
        return ROW if "|" in self.problem else VALUE


CASES = [
    # What an award cannot be without.
    Case("no company", "company_name", None, "|nullability"),
    Case("a blank for a company", "company_name", "   ", "|nullability"),
    Case("a placeholder for a company", "company_name", "N/A", "|nullability"),
    Case("a company of dots", "company_name", "..!", "|nullability"),
    Case("no agency", "agency", None, "|nullability"),
    Case("an agency unknown", "agency", "Ministry of Funny Walks", "|nullability"),
    Case("no tracking number", "agency_tracking_number", "", "|nullability"),
    Case("a tracking number without digits", "agency_tracking_number", "see file", "|nullability"),
    Case("no amount", "award_amount", None, "|nullability"),
    Case("an amount in words", "award_amount", "see contract", "|nullability"),
    Case("an amount of nothing", "award_amount", "0.00", "|min_exclusive"),
    Case("an amount below nothing", "award_amount", "-5000", "|min_exclusive"),
    Case("an amount in brackets", "award_amount", "($5,000.00)", "|min_exclusive"),
    Case("an amount beyond any award", "award_amount", "100000000.01", "|max"),
    Case("an amount with a comma for a point", "award_amount", "1.234,56", "|nullability"),
    Case("an amount that is no number", "award_amount", "NaN", "|nullability"),
    Case("an endless amount", "award_amount", "inf", "|nullability"),
    Case("no year and no date", "award_year", "soon", "|nullability", {"award_date": None}),
    # What it can be without.
    Case("a year before the programme", "award_year", "1899"),
    Case("a year to come", "award_year", "2029"),
    Case("a day that does not exist", "award_date", "02/30/2015"),
    Case("a thirteenth month", "award_date", "2024-13-01"),
    Case("a date to come", "award_date", "2027-01-01"),
    Case("a date before the law", "award_date", "1/1/70"),
    Case("a date of zeros", "contract_end_date", "0000-00-00"),
    Case("a date of a spreadsheet", "award_date", "45355"),
    Case("a date in words", "notification_date", "last spring"),
    Case("an end before the award", "contract_end_date", "2023-01-01", "_before_award_date"),
    Case(
        "a proposal after the award",
        "proposal_receipt_date",
        "3/5/2024",
        "_after_award_date",
        {"notification_date": None},
    ),
    Case("proposals closed after the award", "solicitation_close_date", "2024-06-01", "_after_award_date"),
    Case("told before the proposal came", "notification_date", "2023-10-31", "_before_proposal_receipt_date"),
    Case(
        "a date years from the award's year",
        "award_date",
        "2019-03-04",
        "_years_away_from_award_year",
        {
            "contract_end_date": None,
            "proposal_receipt_date": None,
            "notification_date": None,
            "solicitation_close_date": None,
        },
    ),
    Case("a UEI too short", "uei", "ABCDEFGH123"),
    Case("a UEI with the letter O", "uei", "OBCDEFGH1234"),
    Case("a UEI that begins with zero", "uei", "0BCDEFGH1234"),
    Case("a DUNS too short", "duns", "123456"),
    Case("a DUNS with a letter", "duns", "12345678X"),
    Case("a DUNS of one digit", "duns", "999999999"),
    Case("a DUNS as a power of ten", "duns", "1.23E+08"),
    Case("a state unknown", "state", "ZZ"),
    Case("a province", "state", "Ontario"),
    Case("a ZIP code in letters", "zip", "ABCDE"),
    Case("a ZIP code of zeros", "zip", "00000"),
    Case("a ZIP code of six digits", "zip", "021390"),
    Case("a phase unknown", "phase", "Other"),
    Case("a program unknown", "program", "SBTT"),
    Case("neither yes nor no", "is_woman_owned", "maybe"),
    Case("fewer than no employees", "employees", "-15"),
    Case("more employees than a small firm has", "employees", "250000"),
    Case("part of an employee", "employees", "2.5"),
    Case("a telephone number too short", "contact_phone", "555-0123"),
    Case("an area code that cannot be", "pi_phone", "(123) 555-0123"),
    Case("an e-mail without a host", "contact_email", "pi@"),
    Case("an e-mail without a domain", "pi_email", "pi@lumera"),
    Case("a website of words", "company_website", "under construction"),
    Case("a contract without digits", "contract", "pending"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_a_malformed_award_is_reported_with_column_value_and_rule(validated: Callable[..., Any], case: Case) -> None:
    outcome = validated("awards", case.cells)

    (reject,) = outcome.rejects
    came = (case.text or "").strip()
    assert (reject.kind, reject.rule, reject.place) == (case.kind, case.rule, "made.csv:2")
    assert (reject.column, reject.excerpt.strip()) == (case.column, came)
    assert case.column in reject.reason
    assert came in reject.reason or f"{case.column} is missing" in reject.reason
    assert outcome.passed.height == (case.kind is VALUE)
    if case.kind is VALUE and case.column != "award_year":  # which is derived from the date then
        assert outcome.passed[case.column].to_list() == [None]


def test_a_good_award_is_reported_for_nothing(validated: Callable[..., Any]) -> None:
    outcome = validated("awards", {})

    assert outcome.rejects == []
    assert outcome.passed["award_id"].to_list() == ["DOD_F241-0004-0385_FA865124PB017"]


def test_all_malformed_awards_together_add_up_and_keep_the_contract(validated: Callable[..., Any]) -> None:
    rows = [{"agency_tracking_number": f"F{number}-1"} | case.cells for number, case in enumerate(CASES)]

    outcome = validated("awards", *rows, batch_rows=7)

    expected = sum(case.kind is ROW for case in CASES)
    assert (outcome.rejected, outcome.values_rejected) == (expected, len(CASES) - expected)
    verdict = CONTRACTS["validated_sbir_awards"].judge(outcome.passed.lazy())
    assert verdict.holds, (verdict.violations, verdict.schema_problem)


def test_a_row_names_all_columns_that_cost_it(validated: Callable[..., Any]) -> None:
    (reject,) = validated("awards", {"award_amount": "none", "company_name": None, "uei": "wrong"}).rejects

    assert reject.kind is ROW
    assert reject.reason == "company_name is missing; award_amount is missing"


@pytest.mark.parametrize("nothing", ["", " ", "N/A", "none", "NULL", "-", "unknown"])
def test_words_for_having_nothing_are_no_wrong_values(validated: Callable[..., Any], nothing: str) -> None:
    outcome = validated("awards", dict.fromkeys(("uei", "duns", "employees", "zip", "is_woman_owned"), nothing))

    assert outcome.rejects == []
    assert outcome.passed.select("uei", "duns", "employees", "zip", "is_woman_owned").row(0) == (None,) * 5


def test_the_size_of_a_batch_changes_nothing(validated: Callable[..., Any]) -> None:
    rows = [{"agency_tracking_number": f"F{number % 40}-1"} | case.cells for number, case in enumerate(CASES)]

    small, large = (validated("awards", *rows, batch_rows=size) for size in (3, 1_000))

    assert small.passed.equals(large.passed)
    assert sorted(map(repr, small.rejects)) == sorted(map(repr, large.rejects))


def test_an_empty_source_gives_an_empty_stage(validated: Callable[..., Any]) -> None:
    assert validated("awards").passed.is_empty()
