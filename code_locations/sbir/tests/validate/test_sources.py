"""Entities, patents and companies: what is malformed is reported, and what is abroad is not malformed."""

from collections.abc import Callable
from typing import Any

import pytest

from millrace.quality import RejectKind
from millrace_sbir.contracts import CONTRACTS

ROW, VALUE = RejectKind.ROW, RejectKind.VALUE


@pytest.mark.parametrize(
    ("source", "cells", "rule", "kind"),
    [
        ("entities", {"uei": None}, "uei|nullability", ROW),
        ("entities", {"uei": "SHORT"}, "uei|nullability", ROW),
        ("entities", {"legal_name": " "}, "legal_name|nullability", ROW),
        ("entities", {"cage": "1O060"}, "cage_unusable", VALUE),
        ("entities", {"duns": "12"}, "duns_unusable", VALUE),
        ("entities", {"state": "ZZ"}, "state_unusable", VALUE),
        ("entities", {"zip": "x"}, "zip_unusable", VALUE),
        ("entities", {"naics": "research"}, "naics_unusable", VALUE),
        ("entities", {"expiration_date": "20251340"}, "expiration_date_unusable", VALUE),
        (
            "entities",
            {"registration_date": "20240102", "expiration_date": "20230101"},
            "expiration_date_before_registration_date",
            VALUE,
        ),
        ("patents", {"patent_id": None}, "patent_id|nullability", ROW),
        ("patents", {"patent_id": "unknown number"}, "patent_id|nullability", ROW),
        ("patents", {"title": ""}, "title|nullability", ROW),
        ("patents", {"grant_date": "2019-02-31"}, "grant_date_unusable", VALUE),
        ("patents", {"assignee_state": "Bavaria"}, "assignee_state_unusable", VALUE),
        ("companies", {"company_name": "-"}, "company_name|nullability", ROW),
        ("companies", {"uei": "0BCDEFGH1234"}, "uei_unusable", VALUE),
        ("companies", {"award_count": "many"}, "award_count_unusable", VALUE),
        ("companies", {"is_woman_owned": "2"}, "is_woman_owned_unusable", VALUE),
    ],
)
def test_a_malformed_row_is_reported_with_column_value_and_rule(
    validated: Callable[..., Any], source: str, cells: dict[str, str | None], rule: str, kind: RejectKind
) -> None:
    outcome = validated(source, cells)

    (reject,) = outcome.rejects
    column = rule.partition("|")[0].removesuffix("_unusable").removesuffix("_before_registration_date")
    assert (reject.kind, reject.rule) == (kind, rule)
    assert column in reject.reason
    assert (cells[column] or "").strip() in reject.reason or "is missing" in reject.reason
    assert outcome.passed.height == (kind is VALUE)


@pytest.mark.parametrize("source", ["entities", "patents", "companies"])
def test_a_good_row_keeps_the_contract(validated: Callable[..., Any], source: str) -> None:
    outcome = validated(source, {})

    stage = {"entities": "sam_entities", "patents": "uspto_patents", "companies": "sbir_companies"}[source]
    assert outcome.rejects == []
    assert CONTRACTS[f"validated_{stage}"].judge(outcome.passed.lazy()).holds


def test_a_state_and_a_postal_code_abroad_are_left_out_and_not_reported(validated: Callable[..., Any]) -> None:
    outcome = validated("entities", {"country": "CAN", "state": "ON", "zip": "K1A 0B1"})

    assert outcome.rejects == []
    assert outcome.passed.select("country", "state", "zip").row(0) == ("CAN", None, None)


@pytest.mark.parametrize(
    ("cells", "key"),
    [
        ({}, "ABCDEFGH1234"),
        ({"uei": None, "duns": "12345678"}, "012345678"),
        ({"uei": None}, "LUMERA PHOTONICS|MA"),
    ],
)
def test_a_company_is_known_by_the_best_that_it_has(
    validated: Callable[..., Any], cells: dict[str, str | None], key: str
) -> None:
    assert validated("companies", cells).passed["company_key"].to_list() == [key]


def test_a_patent_of_its_inventors_passes(validated: Callable[..., Any]) -> None:
    assert validated("patents", {"assignee_name": None}).passed["patent_assignee_id"].to_list() == ["10123456/"]
