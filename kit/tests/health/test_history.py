"""Reading a real instance."""

import time
from typing import Any

import dagster as dg
import sqlalchemy as sa
from sqlalchemy import event

from millrace.health.history import read_history


@dg.asset
def harvested() -> None: ...


@dg.asset(deps=[harvested])
def cleaned(context: dg.AssetExecutionContext) -> None:
    if "fails" in context.run.tags:
        raise dg.Failure("the shelf is empty", allow_retries=False)


@dg.asset_check(asset=harvested)
def harvested_rejects_check() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, description="2 rows rejected")


@dg.asset_check(asset=cleaned)
def cleaned_contract_check() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def run(instance: dg.DagsterInstance, **tags: str) -> str:
    assets, checks = [harvested, cleaned], [harvested_rejects_check, cleaned_contract_check]
    definitions = dg.Definitions(assets=assets, asset_checks=checks, jobs=[dg.define_asset_job("shelf_job")])
    job = definitions.resolve_job_def("shelf_job")
    return job.execute_in_process(instance=instance, raise_on_error=False, tags=tags).run_id


def test_a_run_its_assets_and_its_checks_are_read(instance: dg.DagsterInstance) -> None:
    began = time.time()
    run_id = run(instance)

    history = read_history(instance, time.time() + 1)

    (found,) = [one for one in history.runs if one.run_id == run_id]
    assert (found.job, found.status) == ("shelf_job", "SUCCESS")
    assert found.seconds is not None
    assert began - 1 <= found.created <= time.time()
    events = [(one.asset, one.planned) for one in history.events if one.run_id == run_id]
    assert sorted(events) == [("cleaned", False), ("cleaned", True), ("harvested", False), ("harvested", True)]
    checks = {one.check: one for one in history.checks if one.run_id == run_id}
    assert checks["cleaned_contract_check"].passed
    failed = checks["harvested_rejects_check"]
    assert (failed.passed, failed.evaluated, failed.severity, failed.description) == (
        False,
        True,
        "warn",
        "2 rows rejected",
    )


def test_a_failed_run_says_why_and_its_check_was_not_evaluated(instance: dg.DagsterInstance) -> None:
    run_id = run(instance, fails="yes")

    history = read_history(instance, time.time() + 1)

    assert history.reasons[run_id] == "cleaned: the shelf is empty"
    (check,) = [one for one in history.checks if one.run_id == run_id and one.check == "cleaned_contract_check"]
    assert (check.passed, check.evaluated) == (False, False)
    made = [one.asset for one in history.events if one.run_id == run_id and not one.planned]
    assert made == ["harvested"]


def test_what_lies_before_the_window_is_left_out(instance: dg.DagsterInstance) -> None:
    run_id = run(instance)
    later = time.time() + 3 * 86400

    assert run_id in {one.run_id for one in read_history(instance, later, days=4).runs}
    history = read_history(instance, later, days=2)

    assert history.runs == []
    assert history.events == []
    assert history.checks == []


def test_reading_costs_what_the_window_holds_and_takes_no_body_of_an_event(instance: dg.DagsterInstance) -> None:
    run(instance)
    asked: list[str] = []

    def listen(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        read_history(instance, time.time() + 1)
    finally:
        event.remove(sa.Engine, "before_cursor_execute", listen)

    pages = [text for text in asked if "event_logs.dagster_event_type = " in text and "event_logs.run_id =" not in text]
    assert len(pages) >= 2
    assert all("LIMIT" in text and "ORDER BY event_logs.id DESC" in text for text in pages)
    assert all("event_logs.event " not in text and "event_logs.event," not in text for text in pages)
