"""The gate before a publication: what the blocking checks said last, of what lies there now."""

from typing import Any
from uuid import uuid4

import dagster as dg
import dataframely as dy
import polars as pl
import pytest

from millrace.errors import GateClosedError
from millrace.quality import Contract
from millrace.quality.checks import generated_checks
from millrace.quality.gate import require_open_gates
from millrace.runs import stage


class Coin(dy.Schema):
    weight_grams = dy.Integer(nullable=False, min=0)


CONTRACT = Contract(Coin)


class Stage:
    """An asset of a name of its own, since all tests share an instance."""

    def __init__(self, bench: Any) -> None:
        self.name = f"a_{uuid4().hex}"
        self._bench = bench

    def _of_weight(self, weight_grams: int) -> dg.AssetsDefinition:
        @dg.asset(name=self.name)
        @stage
        def made() -> pl.LazyFrame:
            return pl.LazyFrame({"weight_grams": [weight_grams]})

        return made

    def make(self, weight_grams: int, *, checked: bool = True) -> Any:
        return self._bench.run(
            self._of_weight(weight_grams), *([generated_checks(self.name, CONTRACT, 0.05)] if checked else [])
        )

    def queue(self) -> None:
        """A run that would make it again waits; what it will check is on record from then on."""
        assets, checks = [self._of_weight(7)], [generated_checks(self.name, CONTRACT, 0.05)]
        jobs = [dg.define_asset_job("waits", selection=dg.AssetSelection.assets(self.name))]
        resources = {"io_manager": dg.FilesystemIOManager(), "rejects": self._bench.rejects}
        definitions = dg.Definitions(assets, asset_checks=checks, jobs=jobs, resources=resources)
        self._bench.instance.create_run_for_job(definitions.resolve_job_def("waits"))

    def check(self) -> Any:
        """Run the checks alone on what is stored."""
        checks = generated_checks(self.name, CONTRACT, 0.05)
        return self._bench.run(self._source(), checks, select_checks=[key.name for key in checks.check_keys])

    def _source(self) -> dg.AssetsDefinition:
        @dg.asset(name=self.name)
        @stage
        def made() -> pl.LazyFrame:
            raise AssertionError("only its checks were asked for")

        return made

    def check_by_hand(self, *, passed: bool, blocking: bool) -> dg.AssetChecksDefinition:
        """Make the stage with a check that is written by hand, and return that check."""

        @dg.asset_check(asset=self.name, name=f"{self.name}_hand_check", blocking=blocking)
        @stage
        def by_hand() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(passed=passed)

        self._bench.run(self._of_weight(5), generated_checks(self.name, CONTRACT, 0.05), by_hand)
        return by_hand

    def require(self, contract: Contract = CONTRACT, *checks: dg.AssetChecksDefinition) -> None:
        require_open_gates(self._bench.instance, "mill.published", {self.name: contract}, checks)


@pytest.fixture
def coins(bench: Any) -> Stage:
    return Stage(bench)


def test_it_is_open_where_every_blocking_check_passed(coins: Stage) -> None:
    assert coins.make(5).success

    coins.require()


def test_it_is_closed_where_no_check_has_judged(coins: Stage) -> None:
    coins.make(5, checked=False)

    with pytest.raises(GateClosedError, match=f"{coins.name}_contract_check has never judged"):
        coins.require()


def test_it_is_closed_where_a_check_failed_and_names_the_run(coins: Stage) -> None:
    ended = coins.make(-5)

    with pytest.raises(GateClosedError, match=f"{coins.name}_contract_check did not pass in run {ended.run_id}"):
        coins.require()


def test_it_opens_again_once_the_checks_pass(coins: Stage) -> None:
    coins.make(-5)
    coins.make(5)

    coins.require()


def test_a_verdict_on_what_lay_there_before_does_not_open_it(coins: Stage) -> None:
    coins.make(5)
    ended = coins.make(-5, checked=False)

    with pytest.raises(GateClosedError, match=f"_contract_check has not judged what run {ended.run_id} made"):
        coins.require()


def test_checks_that_run_later_on_their_own_open_it(coins: Stage) -> None:
    coins.make(5, checked=False)
    assert coins.check().success

    coins.require()


def test_a_run_that_waits_closes_nothing_and_opens_nothing(coins: Stage) -> None:
    coins.make(5)
    coins.queue()
    coins.require()

    ended = coins.make(-5)
    coins.queue()
    with pytest.raises(GateClosedError, match=f"{coins.name}_contract_check did not pass in run {ended.run_id}"):
        coins.require()


def test_a_contract_that_only_warns_closes_nothing(coins: Stage) -> None:
    coins.make(-5)

    coins.require(Contract(Coin, blocking=False))


@pytest.mark.parametrize(("passed", "blocking"), [(True, True), (False, False)], ids=["passed", "only_warns"])
def test_a_check_written_by_hand_that_passed_or_only_warns_closes_nothing(
    coins: Stage, *, passed: bool, blocking: bool
) -> None:
    by_hand = coins.check_by_hand(passed=passed, blocking=blocking)

    coins.require(CONTRACT, by_hand)


def test_a_check_written_by_hand_that_blocks_closes_it(coins: Stage) -> None:
    by_hand = coins.check_by_hand(passed=False, blocking=True)

    with pytest.raises(GateClosedError, match=f"{coins.name}_hand_check did not pass in run "):
        coins.require(CONTRACT, by_hand)
    coins.require(CONTRACT)  # control: nothing else is closed
