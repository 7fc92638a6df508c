"""What a history comes to."""

from typing import Any

import pytest

from millrace.health.history import CheckResult
from millrace.health.judgement import judge
from millrace.health.monitoring import Alert, Policy

POLICY = {"published": Policy(26 * 3600.0, 50 * 3600.0)}


@pytest.mark.parametrize(
    ("days_ago", "state", "severities"),
    [(0.5, "fresh", []), (1.5, "late", ["warning"]), (2.5, "stale", ["error"])],
)
def test_an_asset_is_late_and_then_stale_by_its_policy(
    month: Any, now: float, days_ago: float, state: str, severities: list[str]
) -> None:
    month.run(days_ago, assets=("published",))

    health = judge(month.history(), now, policies=POLICY)

    (asset,) = health.assets["museum"]
    assert asset.state == state
    assert [problem.severity for problem in health.problems] == severities


def test_an_asset_with_a_policy_that_nobody_made_is_told_and_one_without_a_policy_is_not_judged(
    month: Any, now: float
) -> None:
    month.run(20, assets=("cleaned",))

    health = judge(month.history(), now, policies=POLICY)

    assert [(one.asset, one.state) for assets in health.assets.values() for one in assets] == [
        ("cleaned", ""),
        ("published", "never made"),
    ]
    assert [problem.title for problem in health.problems] == ["Asset published was never made, or not for four weeks"]


def test_a_day_shows_what_was_made_and_what_a_failed_run_left_out(month: Any, now: float) -> None:
    month.run(1, "FAILURE", assets=("cleaned", "published"), made=("cleaned",))
    month.run(0.2, assets=("cleaned", "published"))
    month.run(0.1, assets=("cleaned", "published"))

    health = judge(month.history(), now, policies={})

    days = {one.asset: [(day.made, day.failed) for day in one.days] for one in health.assets["museum"]}
    assert len(health.days) == len(days["cleaned"]) == 28
    assert days["cleaned"][-2:] == [(1, 0), (2, 0)]
    assert days["published"][-2:] == [(0, 1), (2, 0)]
    assert set(days["published"][:-2]) == {(0, 0)}


def test_assets_stand_in_the_order_in_which_they_are_made(month: Any, now: float) -> None:
    month.run(1, assets=("published", "cleaned", "harvested"), made=("harvested", "cleaned", "published"))

    health = judge(month.history(), now, policies={})

    assert [one.asset for one in health.assets["museum"]] == ["harvested", "cleaned", "published"]


def test_a_job_fails_until_it_succeeds_and_says_why_and_since_when(month: Any, now: float) -> None:
    month.run(4)
    first = month.run(3, "FAILURE")
    month.run(2, "CANCELED")
    last = month.run(1, "FAILURE", reason="cleaned: no such file")

    (problem,) = judge(month.history(), now, policies={}).problems

    assert problem.severity == "error"
    assert problem.title == "Job nightly_job of museum fails: its last 2 runs"
    assert problem.detail == "cleaned: no such file"
    assert problem.path == f"/runs/{last}"
    assert problem.since == next(run.ended for run in month.runs if run.run_id == first)
    assert problem.steps

    month.run(0.5)
    assert judge(month.history(), now, policies={}).problems == []


def test_a_run_that_takes_three_times_as_long_as_usual_or_waits_is_told(month: Any, now: float) -> None:
    for day in (4, 3, 2):
        month.run(day, seconds=100)
    month.run(250 / 86400, "STARTED")
    assert judge(month.history(), now, policies={}).problems == []

    month.runs.pop()
    month.run(350 / 86400, "STARTED")
    month.run(1000 / 86400, "QUEUED", job="other_job")

    titles = {problem.title for problem in judge(month.history(), now, policies={}).problems}
    assert titles == {
        "A run of nightly_job takes more than 3 times as long as usual",
        "A run of other_job waits since long",
    }


def test_a_failed_check_counts_by_its_severity_from_its_first_failure_in_a_row(month: Any, now: float) -> None:
    for day, passed in ((5, False), (4, True), (3, False), (2, False)):
        month.check(day, passed=passed, severity="warn", description="3 rows rejected")

    (problem,) = judge(month.history(), now, policies={}).problems

    assert (problem.severity, problem.detail, problem.since) == ("warning", "3 rows rejected", now - 3 * 86400)
    month.check(1, passed=False, severity="error")
    assert [problem.severity for problem in judge(month.history(), now, policies={}).problems] == ["error"]


def test_a_check_that_its_run_did_not_reach_is_no_failure_of_the_check(month: Any, now: float) -> None:
    month.checks.append(CheckResult("cleaned", "cleaned_contract_check", False, False, now - 60, "run-0"))

    health = judge(month.history(), now, policies={})

    assert health.problems == []
    assert [check.state for check in health.checks] == ["unknown"]

    month.check(1, passed=False, severity="warn")
    health = judge(month.history(), now, policies={})
    assert [check.state for check in health.checks] == ["warned"]
    assert len(health.problems) == 1


def test_alerts_come_first_if_they_call_and_those_that_tell_nothing_new_are_left_out(month: Any, now: float) -> None:
    month.check(1, passed=False, severity="warn")
    alerts = [
        Alert("DiskFull", "critical", now - 60, "The disk is full", "", "/runbooks/DiskFull"),
        Alert("JobSucceeded", "info", now, "A job succeeded", "", ""),
        Alert("CheckWarns", "warning", now, "It warns", "", "", ("check_name", "cleaned_contract_check")),
        Alert("CheckWarns", "warning", now, "Another one warns", "", "", ("check_name", "made_long_ago_check")),
    ]

    problems = judge(month.history(), now, policies={}, alerts=alerts).problems

    assert [(problem.severity, problem.title) for problem in problems] == [
        ("error", "The disk is full"),
        ("warning", "Check cleaned_contract_check failed"),
        ("warning", "Another one warns"),
    ], "what an alert and the history know is told once"
    assert problems[0].path == "/runbooks/DiskFull"
