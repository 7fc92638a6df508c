"""Keys of names and numbers: what is one is one, what is two stays two."""

import polars as pl
import pytest

from millrace_sbir.transforms.normalise_codes import award_number, contract_key
from millrace_sbir.transforms.normalise_names import firm_key, loose_key, trade_key


def of(expression: pl.Expr, text: str) -> str | None:
    return pl.DataFrame({"x": [text]}).select(expression).item()


@pytest.mark.parametrize(
    "name",
    [
        "The Smith & Sons Co., Inc.",
        "SMITH AND SONS",
        "Smith  &  Sons, LLC",
        "Smith + Sons L.L.C.",
        "smith&sons corp.",
        "Smith &amp; Sons Incorporated",
        "Smíth & Sons Ltd",
        "Smith & Sons, Inc. (SSI)",
        "Smith & Sons LLC d/b/a Quiet Lasers",
    ],
)
def test_spellings_of_one_firm_have_one_key(name: str) -> None:
    assert of(firm_key(pl.col("x")), name) == "SMITH AND SONS"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Advanced Optics Inc", "Advanced Optics Research Inc"),
        ("Company Watch Inc", "Watch Inc"),
        ("Lumera Technologies", "Lumera Technology"),
        ("3DT Holdings", "DT Holdings"),
    ],
)
def test_names_of_two_firms_have_two_keys(one: str, other: str) -> None:
    assert of(firm_key(pl.col("x")), one) != of(firm_key(pl.col("x")), other)


@pytest.mark.parametrize(
    ("name", "key"), [("Inc.", "INC"), ("The Company", "COMPANY"), ("...", None), ("DBA Systems, Inc.", "DBA SYSTEMS")]
)
def test_a_name_of_nothing_but_a_form_keeps_it(name: str, key: str | None) -> None:
    assert of(firm_key(pl.col("x")), name) == key


def test_what_a_firm_does_business_as_is_a_name_of_its_own() -> None:
    assert of(trade_key(pl.col("x")), "Foo Inc d/b/a Bar Labs") == "BAR LABORATORIES"
    assert of(trade_key(pl.col("x")), "DBA Systems, Inc.") is None


def test_usual_words_are_cut_short_for_likeness_alone() -> None:
    assert of(loose_key(pl.col("x")), "LUMERA TECHNOLOGIES") == of(loose_key(pl.col("x")), "LUMERA TECH")


@pytest.mark.parametrize("number", ["FA8649-24-P-0292", "FA864924P0292", "fa8649 24 p 0292", "FA8649.24.P.0292"])
def test_a_contract_has_one_key_however_it_is_written(number: str) -> None:
    assert of(contract_key(pl.col("x")), number) == "FA864924P0292"


@pytest.mark.parametrize("key", ["1R43GM12345601", "R43GM123456", "2R43GM12345602A1", "5R43GM12345603"])
def test_a_grant_is_one_grant_in_every_year_of_support(key: str) -> None:
    assert of(award_number(pl.col("x")), key) == "R43GM123456"


@pytest.mark.parametrize("key", ["1234567", "20200107", "ABCDEFGHIJ", "P0001", "FA8649"])
def test_a_number_that_could_be_anybodys_is_none(key: str) -> None:
    assert of(award_number(pl.col("x")), key) is None
