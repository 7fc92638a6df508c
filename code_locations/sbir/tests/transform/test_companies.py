"""Sums over firms, contracts and areas: they reconcile with the awards, in any order."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from millrace_sbir.transforms.companies import company_totals, company_years
from millrace_sbir.transforms.companies_parts import parts
from millrace_sbir.transforms.contracts_awarded import contract_number, contracts
from millrace_sbir.transforms.phases import ChainRules, follows, transitions
from millrace_sbir.transforms.profiles import profile_summaries, profiles

Frame = Callable[..., pl.LazyFrame]
AREAS = ["energy", "materials", "space"]
ROW = st.fixed_dictionaries(
    {
        "company_id": st.sampled_from(["F1", "F2", None]),
        "company_name": st.sampled_from(["One Inc", "ONE, INC.", None]),
        "agency": st.sampled_from(["DoD", "NASA", None]),
        "branch": st.sampled_from(["Navy", None]),
        "phase": st.sampled_from(["I", "II", None]),
        "contract": st.sampled_from(["N-1", "n1", "N-2", "TBD", None]),
        "award_date": st.none() | st.dates(date(2019, 1, 1), date(2022, 1, 1)),
        "award_year": st.none() | st.integers(2019, 2022),
        "award_amount_usd": st.none() | st.integers(0, 10**9).map(lambda cents: cents / 100),
        "award_title": st.sampled_from(["Cold Atom Clock", "Tin Can"]),
        "pi_name": st.sampled_from(["Dr. Jane Doe", "DOE, JANE", "Ann Poe", None]),
    }
)
ROWS = st.lists(ROW, max_size=20)


def classified(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Areas by the award's number: a primary one for two awards of three, a second for every other of those."""
    number = pl.col("award_id").str.slice(1).cast(pl.Int32)
    primary = (
        frame.filter(number % 3 > 0).select("award_id", number.alias("n")).with_columns(is_primary=pl.lit(value=True))
    )
    both = pl.concat([primary, primary.filter(pl.col("n") % 2 == 0).with_columns(is_primary=pl.lit(value=False))])
    area = (pl.col("n") + pl.when("is_primary").then(0).otherwise(1)) % 3
    return both.select(
        "award_id",
        area.replace_strict(dict(enumerate(AREAS)), return_dtype=pl.String).alias("area_id"),
        "is_primary",
        (50 + pl.col("n") / 10).alias("score"),
    )


def totals(frame: pl.LazyFrame) -> pl.DataFrame:
    chains = follows(frame, ChainRules())
    areas = profile_summaries(profiles(classified(frame), frame))
    patents = pl.LazyFrame({"company_id": ["F1", "F1", "F1", None], "patent_id": ["P1", "P1", "P2", "P3"]})
    return company_totals(frame, transitions(frame, chains), areas, patents).collect()


AGGREGATES: dict[str, Callable[[pl.LazyFrame], pl.DataFrame]] = {
    "totals": totals,
    "years": lambda frame: company_years(frame).collect(),
    "contracts": lambda frame: contracts(frame).collect(),
    "profiles": lambda frame: profiles(classified(frame), frame).collect(),
}


@pytest.mark.parametrize("name", AGGREGATES)
@settings(max_examples=15, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 1000))
def test_the_order_of_awards_changes_no_digit(awards: Frame, name: str, rows: list[dict[str, Any]], seed: int) -> None:
    frame = awards(*rows).collect()
    places = pl.Series(range(len(frame)), dtype=pl.UInt32).shuffle(seed=seed)

    assert_frame_equal(
        AGGREGATES[name](frame[places].lazy()), AGGREGATES[name](frame.lazy()), check_exact=True, check_dtypes=True
    )


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_firms_and_their_years_add_up_to_their_awards(awards: Frame, rows: list[dict[str, Any]]) -> None:
    frame = awards(*rows)
    of_firms = frame.filter(pl.col("company_id").is_not_null()).collect()
    cents = round(sum(round((amount or 0) * 100) for amount in of_firms["award_amount_usd"]))

    for found in (totals(frame), company_years(frame).collect()):
        assert found["awards"].sum() == len(of_firms)
        assert round(found["amount_usd"].sum() * 100) == cents


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_contracts_add_up_to_the_awards_that_name_one(awards: Frame, rows: list[dict[str, Any]]) -> None:
    frame = awards(*rows)
    numbered = frame.filter(pl.col("contract").is_in(["N-1", "n1", "N-2"])).collect()

    assert contracts(frame).collect()["awards"].sum() == len(numbered)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_a_firms_areas_add_up_to_its_classified_awards(awards: Frame, rows: list[dict[str, Any]]) -> None:
    frame = awards(*rows)
    profiled = profiles(classified(frame), frame).collect()
    primary = (
        classified(frame).filter("is_primary").join(frame, on="award_id").filter(pl.col("company_id").is_not_null())
    )

    assert profiled["awards"].sum() == len(primary.collect())
    assert profile_summaries(profiled.lazy()).collect()["classified_awards"].sum() == len(primary.collect())
    for _, firm in profiled.group_by("company_id"):
        if firm["awards"].sum():
            assert firm["share"].sum() == pytest.approx(1, abs=0.001)


def test_a_firm_is_described_by_all_of_its_awards(awards: Frame) -> None:
    frame = awards(
        {"award_id": "A1", "company_name": "Old", "agency": "NASA", "phase": "I", "award_date": date(2020, 1, 1),
         "award_year": 2020, "award_amount_usd": 0.1, "award_title": "Cold Atom Clock"},
        {"award_id": "A2", "company_name": "New", "agency": "NASA", "phase": "II", "award_date": date(2021, 1, 1),
         "award_year": 2021, "award_amount_usd": 0.2, "award_title": "Cold Atom Clock"},
        {"award_id": "A3", "company_name": None, "agency": "DoD", "award_date": date(2022, 1, 1), "award_year": 2022},
    )  # fmt: skip

    assert totals(frame).to_dicts() == [
        {
            "company_id": "F1",
            "company_name": "New",
            "awards": 3,
            "amount_usd": 0.3,
            "first_award_date": date(2020, 1, 1),
            "last_award_date": date(2022, 1, 1),
            "first_year": 2020,
            "last_year": 2022,
            "agencies": ["DoD", "NASA"],
            "phases": ["I", "II"],
            "phase_one_awards": 1,
            "phase_two_awards": 1,
            "phase_three_awards": 0,
            "followed_awards": 1,
            "transition_rate": 1.0,
            "median_months": 12.0,
            "patents": 2,
            "classified_awards": 2,
            "dominant_area_id": "space",
            "dominant_share": 0.5,
            "concentration": 0.5,
        }
    ]


def test_a_contract_is_its_number_at_its_agency(awards: Frame) -> None:
    frame = awards(
        {
            "agency": "DoD",
            "contract": "W31P4Q-20-C-0046",
            "award_amount_usd": 1.0,
            "award_date": date(2020, 1, 1),
            "award_year": 2020,
        },
        {
            "agency": "DoD",
            "contract": "w31p4q20c0046",
            "award_amount_usd": 2.0,
            "contract_end_date": date(2025, 1, 1),
            "award_year": 2022,
        },
        {"agency": "NASA", "contract": "W31P4Q20C0046", "company_id": "F2"},
        {"agency": "NASA", "contract": "W31P4Q20C0046", "company_id": "F3"},
        {"agency": "NASA", "contract": "00000"},
    )

    found = contracts(frame).drop("contract", "agency", "branch", "program").collect()

    assert found.rows(named=True) == [
        {
            "contract_id": "DoD/W31P4Q20C0046",
            "awards": 2,
            "company_id": "F1",
            "amount_usd": 3.0,
            "first_award_year": 2020,
            "last_award_year": 2022,
            "start_date": date(2020, 1, 1),
            "end_date": date(2025, 1, 1),
        },
        {
            "contract_id": "NASA/W31P4Q20C0046",
            "awards": 2,
            "company_id": None,
            "amount_usd": 0.0,
            "first_award_year": None,
            "last_award_year": None,
            "start_date": None,
            "end_date": None,
        },
    ]


def test_a_dominant_area_has_the_most_awards_then_the_most_money(awards: Frame) -> None:
    frame = awards(*({"award_amount_usd": amount, "award_year": 2020} for amount in (1.0, 5.0, 2.0, 1.0)))
    rows = [("A0", "energy"), ("A1", "space"), ("A2", "energy"), ("A3", "space")]
    areas = pl.LazyFrame(rows, schema={"award_id": pl.String, "area_id": pl.String}, orient="row")
    areas = areas.with_columns(is_primary=pl.lit(value=True), score=pl.lit(50.0))

    found = profile_summaries(profiles(areas, frame)).collect()

    assert found.rows() == [("F1", 4, 2, "space", 0.5, 0.5)]


@settings(max_examples=15, deadline=None)
@given(rows=ROWS)
def test_parts_make_together_what_the_whole_makes(awards: Frame, rows: list[dict[str, Any]]) -> None:
    frame = awards(*rows)
    number = contract_number(pl.col("contract"))
    by_firm = pl.concat(company_years(part).collect() for part in parts(frame, pl.col("company_id"), 3))
    by_contract = pl.concat(contracts(part).collect() for part in parts(frame, number, 3))

    assert_frame_equal(
        by_firm.sort("company_id", "award_year", nulls_last=True), company_years(frame).collect(), check_exact=True
    )
    assert_frame_equal(by_contract.sort("contract_id"), contracts(frame).collect(), check_exact=True)
    assert sum(part.collect().height for part in parts(frame, pl.col("company_id"), 3)) == len(rows)
