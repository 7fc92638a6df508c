"""How a stored frame stands against its contract."""

from random import Random

import dataframely as dy
import polars as pl
import pytest

from millrace.quality import Contract


class Coin(dy.Schema):
    key = dy.String(primary_key=True)
    weight_grams = dy.Integer(nullable=False, min=0)

    @dy.rule()
    def light(cls) -> pl.Expr:  # noqa: N805  # dataframely's rules are class methods
        return pl.col("weight_grams") < 100


GOOD = pl.LazyFrame({"key": ["a", "b"], "weight_grams": [1, 2]})


def test_a_frame_that_keeps_its_promise_holds() -> None:
    verdict = Contract(Coin).judge(GOOD)

    assert verdict.holds
    assert (verdict.rows, dict(verdict.violations), verdict.schema_problem) == (2, {}, "")
    assert verdict.examples.is_empty()


def test_a_missing_column_is_named_in_one_short_line() -> None:
    verdict = Contract(Coin).judge(GOOD.drop("weight_grams"))

    assert not verdict.holds
    assert verdict.schema_problem == "1 missing columns for schema 'Coin': 'weight_grams'"


def test_a_wrong_dtype_is_named_with_what_came_and_what_was_expected() -> None:
    verdict = Contract(Coin).judge(GOOD.with_columns(weight_grams=pl.lit("heavy")))

    assert not verdict.holds
    problem = "1 columns with invalid dtype for schema 'Coin': - 'weight_grams', got: String, expected: integer"
    assert verdict.schema_problem == problem


def test_each_broken_rule_is_counted() -> None:
    frame = pl.LazyFrame({"key": ["a", "a", "b", "c", "d"], "weight_grams": [1, 2, -1, None, 500]})

    verdict = Contract(Coin).judge(frame)

    assert not verdict.holds
    assert dict(verdict.violations) == {
        "primary_key": 2,
        "weight_grams|min": 1,
        "weight_grams|nullability": 1,
        "light": 1,
    }
    assert verdict.rows == 5


def test_at_most_five_examples_are_shown_with_the_contracts_columns() -> None:
    verdict = Contract(Coin).judge(pl.LazyFrame({"key": map(str, range(50)), "weight_grams": [-1] * 50}))

    assert verdict.violations["weight_grams|min"] == 50
    assert verdict.examples.columns == ["key", "weight_grams"]
    assert len(verdict.examples) == 5


def test_an_unexpected_column_is_named_and_does_not_break_the_contract() -> None:
    verdict = Contract(Coin).judge(GOOD.with_columns(colour=pl.lit("red")))

    assert verdict.holds
    assert list(verdict.unexpected_columns) == ["colour"]


def test_an_unexpected_column_is_named_also_where_another_is_missing() -> None:
    verdict = Contract(Coin).judge(GOOD.rename({"weight_grams": "weight"}))

    assert verdict.schema_problem
    assert list(verdict.unexpected_columns) == ["weight"]


@pytest.mark.parametrize("allow_empty", [False, True])
def test_no_row_at_all_breaks_a_contract_unless_it_allows_that(*, allow_empty: bool) -> None:
    verdict = Contract(Coin, allow_empty=allow_empty).judge(GOOD.clear())

    assert verdict.holds is allow_empty
    assert verdict.schema_problem == ("" if allow_empty else "no row at all")


def test_an_empty_frame_that_is_allowed_must_still_have_its_columns() -> None:
    verdict = Contract(Coin, allow_empty=True).judge(GOOD.clear().drop("key"))

    assert not verdict.holds
    assert "'key'" in verdict.schema_problem


@pytest.mark.parametrize("seed", range(20))
def test_the_counts_are_those_of_dataframely_itself(seed: int) -> None:
    random = Random(seed)  # noqa: S311  # rows, no secret
    rows = random.randrange(1, 40)
    frame = pl.LazyFrame(
        {
            "key": [random.choice(["a", "b", None, str(number)]) for number in range(rows)],
            "weight_grams": [random.choice([None, -1, 5, 500]) for _ in range(rows)],
        },
        schema={"key": pl.String, "weight_grams": pl.Int64},
    )

    verdict = Contract(Coin).judge(frame)

    _, failed = Coin.filter(frame)
    assert dict(verdict.violations) == failed.counts()
    if verdict.violations:
        assert verdict.examples.join(failed.invalid(), on=["key", "weight_grams"], nulls_equal=True).height > 0
