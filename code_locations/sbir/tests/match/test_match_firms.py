"""Firms and SAM.gov's entities: identifiers first, names with a state after, a review where it is not sure."""

from typing import Any

import polars as pl
import pytest

from millrace_sbir.transforms.match_decide import MatchConfig
from millrace_sbir.transforms.match_firms import match_firms
from millrace_sbir.transforms.match_names import Blocking

ENTITIES = pl.LazyFrame(
    [
        ("AAAAAAAAAAA1", "012345678", "1ABC5", "LUMERA PHOTONICS INC", None, "MA"),
        ("BBBBBBBBBBB1", None, None, "LUMERA PHOTONICS RESEARCH LLC", None, "MA"),
        ("CCCCCCCCCCC1", None, None, "QUIET LASERS CORP", "Silent Beams", "CO"),
        ("DDDDDDDDDDD1", "112345678", None, "TWIN WORKS", None, "TX"),
        ("EEEEEEEEEEE1", "112345678", None, "TWIN WORKS", None, "TX"),
        *((f"FFFFFFFFFF{n:02d}", None, None, f"ORDINARY BUILDERS {n}", None, "NY") for n in range(40)),
    ],
    schema=["uei", "duns", "cage", "legal_name", "dba_name", "state"],
    orient="row",
)
# Of fifty names no trigram is rare.
CONFIG = MatchConfig(blocking=Blocking(max_share=0.5, workers=1))


def matched(**firm: Any) -> dict[str, Any]:
    good = {"company_id": "X", "name_keys": ["NOBODY"], "states": ["MA"], "uei": None, "duns": None, "cage": None}
    strings = dict.fromkeys(("company_id", "uei", "duns", "cage"), pl.String)
    schema = {**strings, "name_keys": pl.List(pl.String), "states": pl.List(pl.String)}
    (row,) = match_firms(pl.DataFrame([{**good, **firm}], schema=schema), ENTITIES, CONFIG).rows(named=True)
    return row


@pytest.mark.parametrize(
    ("firm", "uei", "method"),
    [
        ({"uei": "CCCCCCCCCCC1", "duns": "012345678"}, "CCCCCCCCCCC1", "uei"),
        ({"duns": "012345678", "cage": "1ABC5"}, "AAAAAAAAAAA1", "duns"),
        ({"cage": "1ABC5"}, "AAAAAAAAAAA1", "cage"),
        ({"name_keys": ["LUMERA PHOTONICS"]}, "AAAAAAAAAAA1", "name_and_state"),
        ({"name_keys": ["SILENT BEAMS"], "states": ["CO"]}, "CCCCCCCCCCC1", "name_and_state"),
        ({"name_keys": ["QUIET LASERS"], "states": ["AZ", "CO"]}, "CCCCCCCCCCC1", "name_and_state"),
        ({"name_keys": ["LUMERA PHOTONCS"]}, "AAAAAAAAAAA1", "similar_name_and_state"),
    ],
)
def test_the_best_evidence_that_there_is_decides(firm: dict[str, Any], uei: str, method: str) -> None:
    row = matched(**firm)

    assert (row["sam_uei"], row["match_method"], row["match_status"]) == (uei, method, "accepted")


@pytest.mark.parametrize(
    ("firm", "method"),
    [
        ({"name_keys": ["QUIET LASERS"], "states": ["TX"]}, "name"),
        ({"name_keys": ["QUIET LASERS"], "states": []}, "name"),
        ({"name_keys": ["TWIN WORKS"], "states": ["TX"]}, "name_and_state"),
        ({"name_keys": ["LUMERA PHOTONICS"], "uei": "ZZZZZZZZZZZ1"}, "name_and_state"),
        ({"duns": "012345678", "uei": "ZZZZZZZZZZZ1"}, "duns"),
    ],
    ids=["another state", "no state", "two of that name", "another UEI", "its DUNS at another UEI"],
)
def test_what_is_not_sure_is_for_people_to_look_at(firm: dict[str, Any], method: str) -> None:
    row = matched(**firm)

    assert (row["match_method"], row["match_status"]) == (method, "review")


def test_a_duns_of_two_entities_leads_to_neither() -> None:
    assert matched(duns="112345678")["match_status"] == "none"


def test_a_name_that_is_part_of_another_is_not_it() -> None:
    """A set ratio gives 100 here."""
    row = matched(name_keys=["QUIET"], states=["CO"])

    assert row["match_status"] != "accepted"


def test_the_runner_up_is_told() -> None:
    row = matched(name_keys=["LUMERA PHOTONCS"])

    assert row["match_score"] > row["runner_up_score"] + CONFIG.min_gap


def test_a_name_like_nothing_matches_nothing() -> None:
    row = matched(name_keys=["ZXQV JKWQ"])

    assert (row["sam_uei"], row["match_method"], row["match_status"]) == (None, None, "none")


def test_thresholds_are_given_and_not_known() -> None:
    firms = pl.DataFrame({"company_id": ["X"], "name_keys": [["LUMERA PHOTONCS"]], "states": [["MA"]]}).with_columns(
        uei=pl.lit(None, dtype=pl.String), duns=pl.lit(None, dtype=pl.String)
    )

    strict = match_firms(firms, ENTITIES, MatchConfig(accept_score=99.9, blocking=CONFIG.blocking))

    assert strict["match_status"].to_list() == ["review"]


def test_order_and_chunks_decide_nothing() -> None:
    keys = ["LUMERA PHOTONCS", "QUIET LASRS", "ORDINARY BUILDRS 7", "TWIN WORK", "NOBODY"]
    firms = pl.DataFrame({"company_id": list("ABCDE"), "name_keys": [[key] for key in keys], "states": [["MA"]] * 5})
    firms = firms.with_columns(uei=pl.lit(None, dtype=pl.String), duns=pl.lit(None, dtype=pl.String))
    one = MatchConfig(blocking=Blocking(max_share=0.5, chunk_rows=1, workers=1))

    expected = match_firms(firms, ENTITIES, CONFIG)

    assert match_firms(firms.reverse(), ENTITIES.reverse(), one).equals(expected)
    assert expected["company_id"].to_list() == list("ABCDE")


def test_no_firm_gives_no_match() -> None:
    schema = {"company_id": pl.String, "name_keys": pl.List(pl.String), "states": pl.List(pl.String)}

    assert match_firms(
        pl.DataFrame(schema={**schema, "uei": pl.String, "duns": pl.String}), ENTITIES, CONFIG
    ).is_empty()


def test_no_entity_gives_no_match() -> None:
    firms = pl.DataFrame({"company_id": ["X"], "name_keys": [["LUMERA"]], "states": [["MA"]]}).with_columns(
        uei=pl.lit(None, dtype=pl.String), duns=pl.lit(None, dtype=pl.String)
    )

    assert match_firms(firms, ENTITIES.clear(), CONFIG)["match_status"].to_list() == ["none"]
