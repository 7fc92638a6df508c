"""The four checks that a contract gives its asset, on real runs."""

from collections.abc import Sequence
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl
import pytest

from millrace.quality import Contract, Reject, RejectKind
from millrace.quality.checks import generated_checks
from millrace.resources import RejectFiles
from millrace.runs import stage


class Coin(dy.Schema):
    key = dy.String(primary_key=True)
    weight_grams = dy.Integer(nullable=False, min=0)


GOOD = pl.LazyFrame({"key": map(str, range(19)), "weight_grams": range(19)})
BROKEN = GOOD.with_columns(weight_grams=-1)
ROW = Reject(RejectKind.ROW, "coins.csv:20", "too light", "light", "20;0")
VALUE = Reject(RejectKind.VALUE, "coins.csv:7", "no number", "number", "x")
FIELD = Reject(RejectKind.FIELD, "colour", "no mapping names it", "unmapped")
CUT_SHORT = Reject(RejectKind.SOURCE, "coins.csv.gz", "ends within a record", "truncated")


def coins(frame: pl.LazyFrame, *rejects_made: Reject) -> dg.AssetsDefinition:
    @dg.asset
    @stage
    def a_coins(rejects: RejectFiles) -> pl.LazyFrame:
        log = rejects.log("a_coins")
        for reject in rejects_made:
            log.add(reject)
        return frame

    return a_coins


def checks(limit: float = 0.05, **contract: Any) -> dg.AssetChecksDefinition:
    return generated_checks("a_coins", Contract(Coin, **contract), limit)


def failed(ended: Any) -> list[str]:
    return sorted(name for name, evaluation in ended.checks.items() if not evaluation.passed)


def test_an_asset_has_four_checks_and_good_data_passes_them_all(bench: Any) -> None:
    ended = bench.run(coins(GOOD), checks())

    assert ended.success
    assert sorted(ended.checks) == [
        "a_coins_contract_check",
        "a_coins_intake_check",
        "a_coins_rejects_check",
        "a_coins_unexpected_fields_check",
    ]
    assert failed(ended) == []


@pytest.mark.parametrize(
    ("frame", "rejects", "name", "description"),
    [
        (BROKEN, [], "contract", "19 rows break weight_grams|min"),
        (GOOD.clear(), [], "contract", "no row at all"),
        (GOOD.drop("key"), [], "contract", "1 missing columns for schema 'Coin': 'key'"),
        (GOOD, [CUT_SHORT], "intake", "coins.csv.gz: ends within a record"),
        (GOOD.with_columns(colour=pl.lit("red")), [], "unexpected_fields", "column colour"),
        (GOOD, [FIELD], "unexpected_fields", "colour (no mapping names it)"),
    ],
    ids=["rule", "empty", "missing_column", "cut_short", "unexpected_column", "unexpected_field"],
)
def test_each_kind_of_fault_fails_its_own_check_and_no_other(
    bench: Any, frame: pl.LazyFrame, rejects: Sequence[Reject], name: str, description: str
) -> None:
    ended = bench.run(coins(frame, *rejects), checks())

    assert failed(ended) == [f"a_coins_{name}_check"]
    assert ended.checks[f"a_coins_{name}_check"].description == description


@pytest.mark.parametrize("reject", [ROW, VALUE], ids=["row", "value"])
def test_whatever_was_rejected_warns_with_the_first_place_and_the_file(bench: Any, reject: Reject) -> None:
    ended = bench.run(coins(GOOD, reject), checks(limit=1))

    assert failed(ended) == ["a_coins_rejects_check"]
    description = ended.checks["a_coins_rejects_check"].description
    assert f"first {reject.place}: {reject.reason}; all in {bench.rejects.address('a_coins')}" in description
    assert ended.checks["a_coins_rejects_check"].metadata["rules"].value == {reject.rule: 1}


@pytest.mark.parametrize(
    ("limit", "passes"),
    [(0.05, True), (0.04999, False), (0.0, False), (1.0, True)],
    ids=["just_as_many", "one_too_many", "none_allowed", "all_allowed"],
)
def test_as_many_rejected_rows_as_allowed_pass_and_more_do_not(bench: Any, limit: float, *, passes: bool) -> None:
    ended = bench.run(coins(GOOD, ROW), checks(limit))  # 1 of 20

    intake = ended.checks["a_coins_intake_check"]
    assert intake.passed is passes
    assert intake.metadata["rejected_share"].value == 0.05


def test_a_rejected_value_is_no_rejected_row(bench: Any) -> None:
    ended = bench.run(coins(GOOD, VALUE), checks(limit=0))

    assert ended.checks["a_coins_intake_check"].passed


@pytest.mark.parametrize(
    ("frame", "rejects"),
    [(BROKEN, []), (GOOD, [CUT_SHORT]), (GOOD, [ROW, ROW])],
    ids=["contract", "cut_short", "too_many_rejects"],
)
def test_a_failed_error_check_stops_what_is_downstream_and_fails_the_run(
    bench: Any, frame: pl.LazyFrame, rejects: Sequence[Reject]
) -> None:
    ended, downstream = run_with_downstream(bench, coins(frame, *rejects), checks())

    assert not ended.success
    assert not downstream


@pytest.mark.parametrize(
    ("frame", "rejects"),
    [(GOOD, [ROW]), (GOOD, [VALUE]), (GOOD, [FIELD]), (GOOD.with_columns(colour=pl.lit("red")), [])],
    ids=["row", "value", "field", "column"],
)
def test_a_failed_warning_check_stops_nothing(bench: Any, frame: pl.LazyFrame, rejects: Sequence[Reject]) -> None:
    ended, downstream = run_with_downstream(bench, coins(frame, *rejects), checks())

    assert failed(ended), "nothing was warned of"
    assert ended.success
    assert downstream


def test_a_broken_contract_that_does_not_block_lets_downstream_run(bench: Any) -> None:
    ended, downstream = run_with_downstream(bench, coins(BROKEN), checks(blocking=False))

    assert failed(ended) == ["a_coins_contract_check"]
    assert downstream


def run_with_downstream(bench: Any, *definitions: Any) -> tuple[Any, bool]:
    """The run, and whether the asset after the gate was materialised."""

    @dg.asset
    @stage
    def b_coins(a_coins: pl.LazyFrame) -> pl.LazyFrame:
        return a_coins.head(1)

    ended = bench.run(*definitions, b_coins)
    return ended, bench.stages.store.has("b_coins.parquet")


def test_severities_are_those_of_the_table(bench: Any) -> None:
    frame = BROKEN.with_columns(colour=pl.lit("red"))

    ended = bench.run(coins(frame, ROW, ROW, FIELD), checks())

    assert {name: evaluation.severity.value for name, evaluation in ended.checks.items()} == {
        "a_coins_contract_check": "ERROR",
        "a_coins_intake_check": "ERROR",
        "a_coins_rejects_check": "WARN",
        "a_coins_unexpected_fields_check": "WARN",
    }
    assert len(failed(ended)) == 4


def test_a_broken_rule_is_shown_with_examples(bench: Any) -> None:
    ended = bench.run(coins(BROKEN), checks())

    examples = ended.checks["a_coins_contract_check"].metadata["examples"].records
    assert [record.data["weight_grams"] for record in examples] == ["-1"] * 5


def test_one_check_can_be_run_without_the_others(bench: Any) -> None:
    definitions = (coins(GOOD), checks())
    assert bench.run(*definitions).success

    ended = bench.run(*definitions, select_checks=["a_coins_intake_check"])

    assert list(ended.checks) == ["a_coins_intake_check"]
