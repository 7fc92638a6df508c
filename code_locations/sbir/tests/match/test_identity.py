"""Which firm an award belongs to: identifiers first, safe rules after, the order of rows never."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace_sbir.transforms.identity import APPEARANCE, appearances, firms, identities, with_company

UEI, OTHER_UEI = "ABCDEFGH1234", "BBCDEFGH1234"
DUNS, OTHER_DUNS = "012345678", "112345678"
_SCHEMA = {**dict.fromkeys(APPEARANCE, pl.String), "award_year": pl.Int32, "award_id": pl.String}


def awards(*rows: dict[str, Any]) -> pl.LazyFrame:
    good = {"company_name": "Lumera, Inc.", "state": "MA", "city": "Cambridge", "award_year": 2020}
    return pl.LazyFrame([{**good, "award_id": str(n), **row} for n, row in enumerate(rows)], schema=_SCHEMA)


def companies_of(*rows: dict[str, Any]) -> list[str]:
    """`company_id` of each award, in their order."""
    frame = awards(*rows)
    identified = identities(appearances(frame).collect())
    order = with_company(frame, identified).select("award_id", "company_id").collect()
    return order.sort(pl.col("award_id").cast(pl.Int64))["company_id"].to_list()


def test_a_firm_that_moves_and_is_renamed_stays_itself_by_its_identifier() -> None:
    assert set(companies_of({"uei": UEI}, {"uei": UEI, "company_name": "Quiet Lasers", "state": "CO"})) == {
        f"UEI-{UEI}"
    }


def test_a_duns_that_came_with_a_uei_leads_to_it() -> None:
    assert set(companies_of({"uei": UEI, "duns": DUNS}, {"duns": DUNS, "company_name": "Other name"})) == {f"UEI-{UEI}"}


def test_a_duns_that_came_with_two_ueis_leads_to_neither() -> None:
    rows = [{"uei": UEI, "duns": DUNS}, {"uei": OTHER_UEI, "duns": DUNS, "company_name": "Other"}]

    assert companies_of(*rows, {"duns": DUNS, "company_name": "Third"})[2] == f"DUNS-{DUNS}"


def test_a_uei_follows_a_duns_of_the_same_name_and_state() -> None:
    assert set(companies_of({"duns": DUNS}, {"uei": UEI, "company_name": "LUMERA LLC"})) == {f"UEI-{UEI}"}


@pytest.mark.parametrize(
    "third",
    [{"uei": OTHER_UEI}, {"duns": OTHER_DUNS}],
)
def test_a_uei_does_not_follow_where_a_third_has_the_name(third: dict[str, str]) -> None:
    assert len(set(companies_of({"duns": DUNS}, {"uei": UEI}, third))) == 3


def test_a_uei_does_not_follow_a_duns_of_another_state() -> None:
    assert len(set(companies_of({"duns": DUNS}, {"uei": UEI, "state": "CO"}))) == 2


def test_a_name_without_identifier_is_the_one_firm_of_that_name_and_state() -> None:
    assert set(companies_of({"uei": UEI}, {"company_name": "LUMERA INCORPORATED", "city": "Woburn"})) == {f"UEI-{UEI}"}


def test_a_name_of_two_firms_of_a_state_goes_by_the_city_or_stays_alone() -> None:
    rows = [{"uei": UEI}, {"uei": OTHER_UEI, "city": "Woburn"}, {"city": "WOBURN"}, {"city": "Boston"}]

    assert companies_of(*rows)[2:] == [f"UEI-{OTHER_UEI}", "NAME-LUMERA-MA"]


def test_a_name_without_state_goes_to_the_only_firm_that_has_it() -> None:
    assert companies_of({"uei": UEI}, {"state": None})[1] == f"UEI-{UEI}"
    assert companies_of({"uei": UEI}, {"uei": OTHER_UEI, "state": "CO"}, {"state": None})[2] == "NAME-LUMERA--"


def test_a_likeness_unites_nobody() -> None:
    assert len(set(companies_of({"company_name": "Lumera Optics"}, {"company_name": "Lumera Optic"}))) == 2


def test_the_company_file_tells_which_duns_and_uei_are_one() -> None:
    listed = pl.LazyFrame(
        [{"company_name": "L", "uei": UEI, "duns": DUNS}], schema=dict.fromkeys(APPEARANCE, pl.String)
    )

    identified = identities(appearances(awards({"duns": DUNS}), listed).collect())

    assert identified["company_id"].unique().to_list() == [f"UEI-{UEI}"]


def test_a_firm_is_shown_by_the_name_of_most_awards_and_its_latest_state() -> None:
    renamed = {"uei": UEI, "company_name": "Quiet Lasers", "state": "CO", "award_year": 2024}
    rows: list[dict[str, Any]] = [*({"uei": UEI, "city": city} for city in ("A", "A", "B")), renamed]

    (firm,) = firms(identities(appearances(awards(*rows)).collect())).rows(named=True)

    assert (firm["company_name"], firm["state"], firm["awards"]) == ("Lumera, Inc.", "CO", 4)
    assert (firm["states"], firm["name_keys"]) == (["CO", "MA"], ["LUMERA", "QUIET LASERS"])


_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "company_name": st.sampled_from(["Lumera, Inc.", "LUMERA LLC", "Quiet Lasers"]),
            "uei": st.sampled_from([None, UEI, OTHER_UEI]),
            "duns": st.sampled_from([None, DUNS, OTHER_DUNS]),
            "state": st.sampled_from([None, "MA", "CO"]),
            "city": st.sampled_from(["A", "B"]),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=40)  # a busy machine takes as long as it takes
@given(rows=_ROWS, order=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_decides_nothing(rows: list[dict[str, Any]], order: Any) -> None:
    shuffled = rows.copy()
    order.shuffle(shuffled)

    first, second = (identities(appearances(awards(*some)).collect()) for some in (rows, shuffled))

    assert first.equals(second)
    assert firms(first).equals(firms(second))
    assert first["company_id"].null_count() == 0


@settings(deadline=None, max_examples=40)  # a busy machine takes as long as it takes
@given(rows=_ROWS)
def test_rows_of_one_uei_are_one_firm_and_rows_of_two_are_two(rows: list[dict[str, Any]]) -> None:
    of_uei: dict[str, set[str]] = {}
    for row, company in zip(rows, companies_of(*rows), strict=True):
        if row["uei"]:
            of_uei.setdefault(row["uei"], set()).add(company)

    assert of_uei == {uei: {f"UEI-{uei}"} for uei in of_uei}
