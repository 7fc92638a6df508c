"""What `config.yaml`, contracts and settings add to a domain's own definitions."""

import os
from pathlib import Path
from typing import Any

import dagster as dg
import dataframely as dy
import pytest
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.freshness import TimeWindowFreshnessPolicy

from millrace.config import FreshnessConfig
from millrace.location import assemble
from millrace.quality import Contract
from millrace.settings import Settings

DEFS = '''
import dagster as dg
import polars as pl
from millrace.runs import stage

@dg.asset(group_name="clean")
@stage
def a_rows() -> pl.LazyFrame:
    """Rows."""
    return pl.LazyFrame({"key": ["a"]})

@dg.asset(group_name="clean", owners=["team:other"])
@stage
def b_rows(a_rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows."""
    return a_rows
'''
CONFIG = {
    "main_job": "nightly_job",
    "jobs": {
        "nightly_job": {
            "selection": "*",
            "description": "Everything",
            "schedule": {"cron": "15 2 * * *", "timezone": "Europe/Berlin"},
            "timeout_seconds": 7200,
            "limits": {"memory": "1GiB", "cpus": 1.5, "pids": 64},
        },
        "first_job": {"selection": "a_rows", "description": "The first"},
        "anew_job": {"selection": "*", "description": "Everything anew", "full_refresh": True},
    },
    "freshness": {"b_rows": {"warn_hours": 26, "fail_hours": 50}},
    "max_rejected_share": {"a_rows": 0.05},
    "data_quality": {
        "thresholds": {
            "b_rows": {
                "uniqueness": {"key": ["key"]},
                "completeness": {"columns": ["key"], "min_coverage": 0.9, "severity": "warning"},
            }
        }
    },
    "trends": {"b_rows": {"runs": 5}},
    "retry": {"max_retries": 4, "delay_seconds": 7},
}


class Row(dy.Schema):
    key = dy.String(primary_key=True, description="What it is called")


@pytest.fixture
def definitions(workshop: Any, tmp_path: Path) -> dg.Definitions:
    domain = workshop.write(DEFS, config=CONFIG, contracts={"a_rows": Contract(Row)})
    return assemble(domain, Settings(home=tmp_path))


def spec(definitions: dg.Definitions, asset: str) -> dg.AssetSpec:
    return definitions.resolve_asset_graph().get(dg.AssetKey(asset)).to_asset_spec()


def test_each_job_carries_its_description(definitions: dg.Definitions) -> None:
    descriptions = {name: definitions.resolve_job_def(name).description for name in ("nightly_job", "first_job")}

    assert descriptions == {"nightly_job": "Everything", "first_job": "The first"}


def test_a_job_says_which_it_is_and_what_its_runs_may_take(definitions: dg.Definitions) -> None:
    jobs = {name: definitions.resolve_job_def(name) for name in ("nightly_job", "first_job")}

    assert {name: dict(job.run_tags) for name, job in jobs.items()} == {
        "nightly_job": {
            "dagster/max_runtime": "7200",
            "millrace/queue": "mill.nightly_job",
            "millrace/memory": "1GiB",
            "millrace/cpus": "1.5",
            "millrace/pids": "64",
        },
        "first_job": {"dagster/max_runtime": "3600", "millrace/queue": "mill.first_job"},
    }


def test_a_full_refresh_says_so_and_queues_with_the_main_job(definitions: dg.Definitions) -> None:
    tags = definitions.resolve_job_def("anew_job").run_tags

    assert (tags["millrace/full_refresh"], tags["millrace/queue"]) == ("true", "mill.nightly_job")


def test_a_job_runs_what_it_selects(definitions: dg.Definitions) -> None:
    selected = definitions.resolve_job_def("first_job").asset_layer.selected_asset_keys

    assert selected == {dg.AssetKey("a_rows")}


def test_every_step_of_a_job_has_the_retry_policy(definitions: dg.Definitions) -> None:
    job = definitions.resolve_job_def("nightly_job")

    policies = {name: job.get_retry_policy_for_handle(NodeHandle(name, None)) for name in job.graph.node_dict}

    assert {"a_rows", "b_rows", "a_rows_checks", "b_rows_thresholds", "b_rows_b_rows_trend_check"} == set(policies)
    assert {(policy.max_retries, policy.delay) for policy in policies.values() if policy is not None} == {(4, 7)}
    assert None not in policies.values()


def test_only_a_job_with_a_schedule_is_scheduled(definitions: dg.Definitions) -> None:
    (schedule,) = list(definitions.schedules or ())

    assert isinstance(schedule, dg.ScheduleDefinition)
    assert (schedule.name, schedule.job_name) == ("nightly_schedule", "nightly_job")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("15 2 * * *", "Europe/Berlin")


def test_an_asset_without_an_owner_gets_the_domains_and_one_with_keeps_its_own(definitions: dg.Definitions) -> None:
    assert list(spec(definitions, "a_rows").owners) == ["team:mill"]
    assert list(spec(definitions, "b_rows").owners) == ["team:other"]


def test_the_freshness_policy_stands_where_it_was_asked_for_and_nowhere_else(definitions: dg.Definitions) -> None:
    policy = spec(definitions, "b_rows").freshness_policy

    assert isinstance(policy, TimeWindowFreshnessPolicy)
    assert policy.warn_window is not None
    assert policy.warn_window.to_timedelta().total_seconds() == 26 * 3600
    assert policy.fail_window.to_timedelta().total_seconds() == 50 * 3600
    assert spec(definitions, "a_rows").freshness_policy is None


def test_freshness_is_asked_for_in_whole_seconds_which_is_all_that_dagsters_api_gives() -> None:
    warn, fail = FreshnessConfig(warn_hours=0.0167, fail_hours=1.001).windows

    assert (warn.total_seconds(), fail.total_seconds()) == (60, 3604)


def test_an_asset_with_a_contract_shows_its_promised_columns(definitions: dg.Definitions) -> None:
    columns = spec(definitions, "a_rows").metadata["dagster/column_schema"].columns

    assert [(column.name, column.type, column.description) for column in columns] == [
        ("key", "String", "What it is called")
    ]
    assert "dagster/column_schema" not in spec(definitions, "b_rows").metadata


def test_contracts_thresholds_and_trends_give_checks_and_errors_block(definitions: dg.Definitions) -> None:
    checks = {spec.name: spec.blocking for check in definitions.asset_checks or () for spec in check.check_specs}

    assert checks == {
        "b_rows_completeness_check": False,
        "b_rows_uniqueness_check": True,
        "b_rows_trend_check": False,
        "a_rows_contract_check": True,
        "a_rows_intake_check": True,
        "a_rows_rejects_check": False,
        "a_rows_unexpected_fields_check": False,
    }


def test_the_gates_are_the_checks_that_block(definitions: dg.Definitions) -> None:
    resources: dict[str, Any] = dict(definitions.resources or {})

    assert resources["gates"].blocking == {
        "a_rows": ["a_rows_contract_check", "a_rows_intake_check"],
        "b_rows": ["b_rows_uniqueness_check"],
    }


def test_files_lie_below_the_home_of_the_settings(definitions: dg.Definitions, tmp_path: Path) -> None:
    resources: dict[str, Any] = dict(definitions.resources or {})

    assert resources["io_manager"].base_dir == str(tmp_path / "stages" / "mill")
    assert resources["rejects"].place.address == str(tmp_path / "rejects" / "mill")
    assert resources["parts"].place.address == str(tmp_path / "parts" / "mill")


@pytest.mark.parametrize(
    ("parallelism", "executor", "at_once"),
    [(1, "in_process", None), (2, "multiprocess", min(2, os.cpu_count() or 1)), (999, "multiprocess", os.cpu_count())],
    ids=["one", "two", "more_than_there_are"],
)
def test_steps_run_in_one_process_or_in_at_most_as_many_as_there_are_cpus(
    workshop: Any, tmp_path: Path, parallelism: int, executor: str, at_once: int | None
) -> None:
    domain = workshop.write(DEFS, config={"step_parallelism": parallelism})

    chosen = assemble(domain, Settings(home=tmp_path)).executor

    assert isinstance(chosen, dg.ExecutorDefinition)
    assert executor in (chosen.name or "")
    if at_once is not None:
        schema: Any = chosen.config_schema
        context = schema.resolve_config({})
        assert context.value["config"]["max_concurrent"] == at_once, context.value
