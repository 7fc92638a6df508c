"""Asset checks from thresholds, on real runs: names, severities, what blocks, and what a publication asks."""

from typing import Any
from uuid import uuid4

import dagster as dg
import polars as pl
import pytest

from millrace.errors import ConfigurationError, GateClosedError
from millrace.quality.gate import Gates, require_open_gates
from millrace.quality.threshold_checks import threshold_checks
from millrace.runs import stage
from millrace.thresholds import AssetThresholds, check_names

GOOD = pl.LazyFrame({"key": ["a", "b"], "name": ["x", "y"], "sam_gov_data": ["1", "2"]})
BAD = pl.LazyFrame({"key": ["a", "a"], "name": ["x", None], "sam_gov_data": ["1", None]})


def demands(severity: str, *rules: str) -> AssetThresholds:
    every = {
        "completeness": {"columns": ["name"], "min_coverage": 0.95},
        "uniqueness": {"key": ["key"]},
        "validity": {"ranges": {"weight": {"min": 0}}},
        "enrichment": {"column": "sam_gov_data", "min_rate": 0.9},
    }
    return AssetThresholds.model_validate({rule: {**every[rule], "severity": severity} for rule in rules})


class Stage:
    """An asset of a name of its own, since all tests share an instance."""

    def __init__(self, bench: Any) -> None:
        self.name = f"a_{uuid4().hex}"
        self.bench = bench

    def asset(self, frame: pl.LazyFrame, **more: Any) -> dg.AssetsDefinition:
        @dg.asset(name=self.name, **more)
        @stage
        def made() -> pl.LazyFrame:
            return frame

        return made

    def run(self, frame: pl.LazyFrame, thresholds: AssetThresholds | None) -> Any:
        checks = [threshold_checks(self.name, thresholds)] if thresholds is not None else []
        return self.bench.run(self.asset(frame), *checks)

    def passed(self, ended: Any) -> dict[str, bool]:
        return {name.removeprefix(f"{self.name}_"): one.passed for name, one in ended.checks.items()}


@pytest.fixture
def awards(bench: Any) -> Stage:
    return Stage(bench)


def test_each_demand_is_a_check_of_its_own(awards: Stage) -> None:
    rules = demands("error", "completeness", "uniqueness", "enrichment")

    good, bad = awards.run(GOOD, rules), awards.run(BAD.with_columns(key=pl.Series(["a", "b"])), rules)

    expected = dict.fromkeys(["completeness_check", "uniqueness_check", "enrichment_check"], True)
    assert awards.passed(good) == expected
    assert awards.passed(bad) == {**expected, "completeness_check": False, "enrichment_check": False}


def test_a_check_carries_the_figures_that_it_judged(awards: Stage) -> None:
    ended = awards.run(BAD, demands("warning", "completeness", "enrichment"))

    figures = {
        name.removeprefix(f"{awards.name}_"): {key: value.value for key, value in one.metadata.items()}
        for name, one in ended.checks.items()
    }
    assert figures == {
        "completeness_check": {"min_coverage": 0.95, "field_coverage": {"name": 0.5}, "total_count": 2},
        "enrichment_check": {"min_rate": 0.9, "enrichment_rate": 0.5, "enriched_count": 1, "total_count": 2},
    }


@pytest.mark.parametrize(("severity", "blocks"), [("error", True), ("warning", False)])
def test_an_error_stops_what_is_downstream_and_a_warning_does_not(
    awards: Stage, severity: str, *, blocks: bool
) -> None:
    @dg.asset(name=f"{awards.name}_next", ins={"frame": dg.AssetIn(awards.name)})
    @stage
    def following(frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame

    ended = awards.bench.run(
        awards.asset(BAD), threshold_checks(awards.name, demands(severity, "uniqueness")), following
    )

    assert awards.passed(ended) == {"uniqueness_check": False}
    assert ended.success is not blocks
    assert awards.bench.stages.store.has(f"{awards.name}_next.parquet") is not blocks
    (check,) = ended.checks.values()
    assert check.severity.value == {"error": "ERROR", "warning": "WARN"}[severity]


def test_a_publication_asks_what_the_checks_said_in_an_earlier_run(awards: Stage) -> None:
    thresholds = {awards.name: demands("error", "uniqueness")}
    ended = awards.run(BAD, thresholds[awards.name])

    with pytest.raises(GateClosedError, match=f"{awards.name}_uniqueness_check did not pass in run {ended.run_id}"):
        require_open_gates(awards.bench.instance, "mill.published", {}, thresholds=thresholds)
    awards.run(GOOD, thresholds[awards.name])
    require_open_gates(awards.bench.instance, "mill.published", {}, thresholds=thresholds)


def test_a_warning_of_an_earlier_run_stops_no_publication(awards: Stage) -> None:
    thresholds = {awards.name: demands("warning", "uniqueness")}
    assert awards.passed(awards.run(BAD, thresholds[awards.name])) == {"uniqueness_check": False}

    require_open_gates(awards.bench.instance, "mill.published", {}, thresholds=thresholds)


def test_a_threshold_that_has_not_judged_what_lies_there_stops_a_publication(awards: Stage) -> None:
    thresholds = {awards.name: demands("error", "uniqueness")}
    awards.run(GOOD, thresholds[awards.name])
    awards.run(GOOD, None)

    with pytest.raises(GateClosedError, match="uniqueness_check has not judged what run "):
        require_open_gates(awards.bench.instance, "mill.published", {}, thresholds=thresholds)


def test_the_gates_of_a_domain_ask_for_all_that_blocks(awards: Stage) -> None:
    rules = demands("error", "uniqueness", "completeness")
    gates = Gates(blocking={awards.name: list(check_names(awards.name, rules, blocking_only=True))})
    awards.run(BAD, rules)

    with pytest.raises(GateClosedError, match=r"_completeness_check did not pass .*; .*_uniqueness_check did not pass"):
        gates.require_open(awards.bench.instance, "mill.published", awards.name)
    awards.run(GOOD, rules)
    gates.require_open(awards.bench.instance, "mill.published", awards.name)


@pytest.mark.parametrize("assets", [(), ("unguarded",)], ids=["no_asset", "no_check"])
def test_a_gate_where_nothing_would_be_asked_is_an_error(bench: Any, assets: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="give it a contract or a threshold of severity error"):
        Gates(blocking={"other": ["other_contract_check"]}).require_open(bench.instance, "mill.published", *assets)


class Shelf(dg.IOManager):
    """Keeps frames in memory: an IO manager that is not the stages'."""

    frames: dict[str, pl.LazyFrame] = {}  # noqa: RUF012  # for all of them, as a store would be

    def handle_output(self, context: dg.OutputContext, obj: pl.LazyFrame) -> None:
        self.frames[context.asset_key.to_user_string()] = obj

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        return self.frames[context.asset_key.to_user_string()]


@pytest.mark.parametrize("alone", [False, True], ids=["with_its_asset", "alone"])
def test_an_asset_is_loaded_by_its_own_io_manager(awards: Stage, *, alone: bool) -> None:
    definitions = dg.Definitions(
        assets=[awards.asset(BAD, io_manager_key="shelf")],
        asset_checks=[threshold_checks(awards.name, demands("error", "uniqueness"))],
        resources={"shelf": Shelf()},
        jobs=[
            dg.define_asset_job("made", selection=dg.AssetSelection.assets(awards.name)),
            dg.define_asset_job("checked", selection=dg.AssetSelection.checks_for_assets(dg.AssetKey(awards.name))),
        ],
    )

    def run(job: str) -> dg.ExecuteInProcessResult:
        resolved = definitions.resolve_job_def(job)
        return resolved.execute_in_process(instance=awards.bench.instance, raise_on_error=False)

    result = run("made")
    if alone:
        result = run("checked")

    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert evaluation.description == "1 distinct keys (key) in 2 rows (50.00%, at least 100.00%)"


def test_one_check_can_be_run_without_the_others(awards: Stage) -> None:
    rules = demands("warning", "uniqueness", "completeness")
    awards.run(GOOD, rules)

    ended = awards.bench.run(
        awards.asset(GOOD), threshold_checks(awards.name, rules), select_checks=[f"{awards.name}_uniqueness_check"]
    )

    assert awards.passed(ended) == {"uniqueness_check": True}
