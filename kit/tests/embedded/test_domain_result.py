"""What a domain's run comes to, message by message."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from millrace.embedded.demo import AssetResult, DomainResult


def result_of(*messages: Mapping[str, Any]) -> DomainResult:
    result = DomainResult("mill")
    for message in messages:
        result.take(message)
    return result


def check(*, passed: bool, severity: str = "error") -> dict[str, Any]:
    return {
        "event": "check",
        "asset": "a_rows",
        "check": "a_rows_intake_check",
        "passed": passed,
        "severity": severity,
        "description": "too many",
    }


def test_an_environment_is_kept_for_the_webserver_and_is_not_printed() -> None:
    result = result_of({"event": "environment", "variables": {"MILL_SOURCE": "/data"}})

    assert result.variables == {"MILL_SOURCE": "/data"}
    assert "variables" not in json.loads(result.as_json())


def test_a_run_gives_its_id() -> None:
    assert result_of({"event": "run", "run_id": "4f", "assets": []}).run_id == "4f"


def test_an_asset_gives_rows_seconds_and_the_rest_of_its_figures() -> None:
    figures = {"dagster/row_count": 12, "seconds": 0.5, "rows_in": 13}

    result = result_of({"event": "asset", "asset": "a_rows", "figures": figures})

    assert result.assets == [AssetResult("a_rows", "written", 12, 0.5, figures={"seconds": 0.5, "rows_in": 13})]
    assert result.outputs == []


def test_an_asset_without_figures_has_none() -> None:
    result = result_of({"event": "asset", "asset": "a_rows", "figures": {}})

    assert result.assets == [AssetResult("a_rows", "written", 0, 0.0)]


def test_an_asset_that_publishes_adds_its_folder_to_the_outputs() -> None:
    message = {"event": "asset", "asset": "a_rows", "figures": {"output": "/out"}}

    assert result_of(message).outputs == ["/out"]


@pytest.mark.parametrize(
    ("message", "counted", "failures", "warnings"),
    [
        (check(passed=True), (1, 0, 0), [], []),
        (check(passed=False), (0, 0, 1), ["a_rows_intake_check: too many"], []),
        (check(passed=False, severity="warn"), (0, 1, 0), [], ["a_rows_intake_check: too many"]),
    ],
    ids=["passed", "error", "warning"],
)
def test_a_check_counts_for_its_asset_and_a_failed_one_is_a_line(
    message: Mapping[str, Any], counted: tuple[int, int, int], failures: list[str], warnings: list[str]
) -> None:
    result = result_of(message)

    asset = result.asset("a_rows")
    assert (asset.checks_passed, asset.checks_warned, asset.checks_failed) == counted
    assert (result.failures, result.warnings) == (failures, warnings)


def test_figures_and_checks_of_an_asset_meet_in_one_result_in_either_order() -> None:
    asset = {"event": "asset", "asset": "a_rows", "figures": {"dagster/row_count": 3}}

    for messages in ([asset, check(passed=True)], [check(passed=True), asset]):
        result = result_of(*messages)
        assert result.assets == [AssetResult("a_rows", "written", 3, checks_passed=1)]


@pytest.mark.parametrize(("step", "line"), [("a_rows", "a_rows: broke"), (None, "broke")], ids=["step", "run"])
def test_a_failure_is_a_line_with_its_step_where_it_has_one(step: str | None, line: str) -> None:
    assert result_of({"event": "failure", "step": step, "error": "broke"}).failures == [line]


def test_every_asset_of_a_run_is_listed_and_says_whether_it_was_written_failed_or_never_run() -> None:
    result = result_of(
        {"event": "run", "run_id": "4f", "assets": ["a_rows", "b_rows", "c_rows"]},
        {"event": "asset", "asset": "a_rows", "figures": {}},
        {"event": "failure", "step": "b_rows", "error": "broke"},
    )

    states = [(asset.asset, asset.state) for asset in result.assets]
    assert states == [("a_rows", "written"), ("b_rows", "failed"), ("c_rows", "not run")]


def test_that_a_run_failed_because_a_step_failed_is_said_once() -> None:
    result = result_of(
        {"event": "failure", "step": "a_rows", "error": "broke"},
        {"event": "failure", "step": None, "error": "Steps failed: ['a_rows']"},
    )

    assert result.failures == ["a_rows: broke"]


def test_the_end_says_whether_it_went_well_and_what_it_took() -> None:
    result = result_of({"event": "end", "success": True, "seconds": 1.5, "peak_memory_bytes": 7})

    assert (result.success, result.seconds, result.peak_memory_bytes) == (True, 1.5, 7)


@pytest.mark.parametrize(
    "message",
    [
        {"event": "step", "step": "a_rows"},
        {"event": "progress", "text": "half"},
        {"event": "retry", "step": "a_rows", "error": "busy"},
    ],
    ids=lambda message: message["event"],
)
def test_what_only_shows_that_something_moves_leaves_the_result_alone(message: Mapping[str, Any]) -> None:
    assert result_of(message) == DomainResult("mill")


def test_without_an_end_a_run_did_not_go_well() -> None:
    assert not result_of({"event": "run", "run_id": "4f", "assets": []}).success
