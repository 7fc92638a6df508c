"""Every query of every committed dashboard: its metrics exist, Prometheus takes it, and it says something."""

from pathlib import Path

import pytest

from millrace.alerts.exposed import load_exposed
from millrace.alerts.expressions import selectors
from millrace.errors import PlatformRefusedError, SourceUnavailableError
from millrace_exporter.families import FAMILIES, exposed_names
from millrace_grafana.queries import Asked, Prometheus, ask_all, asked_by


def everything(shown: dict[str, dict]) -> list[Asked]:
    return [asked for dashboard in shown.values() for asked in asked_by(dashboard)]


def a_query(expr: str) -> Asked:
    return Asked("page", "panel", expr, expr, instant=True)


def test_every_metric_label_and_value_that_a_query_names_is_exposed(root: Path, shown: dict[str, dict]) -> None:
    known = load_exposed(root)

    assert [problem for asked in everything(shown) for problem in known.problems_of(asked.expr, asked.place)] == []


@pytest.mark.parametrize(
    ("expr", "problem"),
    [
        ("sum(dagster_runs_inflight)", "no exporter exposes dagster_runs_inflight"),
        ('dagster_asset_rows{job_name="x"}', "dagster_asset_rows has no label job_name"),
        (
            'dagster_asset_check_status{severity="warning"}',
            "dagster_asset_check_status has no severity='warning' (expected error, warn)",
        ),
    ],
)
def test_a_metric_label_or_value_that_nobody_exposes_is_found(root: Path, expr: str, problem: str) -> None:
    asked = a_query(expr)

    assert load_exposed(root).problems_of(asked.expr, asked.place) == [f"page: panel: {problem}"]


def test_every_family_of_the_exporter_is_on_a_dashboard(shown: dict[str, dict]) -> None:
    """A metric that no panel shows is either needed by an alert alone, which is said here, or not needed."""
    asked = {selector.metric for one in everything(shown) for selector in selectors(one.expr, one.place)}
    elsewhere = {
        "dagster_asset_freshness_window_seconds": "the deadline is its sum with the materialisation",
        "dagster_asset_freshness_partitions": "an alert says how many; the asset's page shows which",
        "dagster_asset_last_observation_timestamp_seconds": "external assets, of which no domain has one yet",
        "dagster_backfill_oldest_timestamp_seconds": "an alert's threshold",
        "dagster_job_known_since_timestamp_seconds": "an alert's, where a job has never succeeded",
        "dagster_storage_schema_known": "an alert",
        "container_start_time_seconds": "containers of one service come and go: restarts are counted",
        "container_cpu_cfs_throttled_seconds_total": "the share of periods says the same",
        "neo4j_gc_collections_total": "the share of time says more",
        "millrace_exporter_collector_counting_since_timestamp_seconds": "an alert",
        "millrace_exporter_collector_unreadable_total": "an alert",
        "millrace_exporter_source_queries_total": "the rows follow it",
        "millrace_exporter_checkpoint_bytes": "of a few kilobytes",
        "process_cpu_seconds_total": "its container's says the same",
        "process_start_time_seconds": "its container's says the same",
        "process_open_fds": "of some dozen",
    }
    unseen = {family.name for family in FAMILIES.values() if not asked.intersection(exposed_names(family))}

    assert unseen == set(elsewhere)


def test_every_query_is_answered_by_a_prometheus_that_has_scraped_every_family(
    shown: dict[str, dict], prometheus: str, expected_empty: dict[str, dict[str, str]]
) -> None:
    answers = ask_all(Prometheus(prometheus), everything(shown), expected_empty)

    assert answers.refused == []
    assert [f"{asked.place}: {asked.expr}" for asked in answers.empty] == []
    assert len(answers.answered) > 10 * len(answers.expected_empty)


def test_what_may_be_empty_is_still_asked(shown: dict[str, dict], expected_empty: dict[str, dict[str, str]]) -> None:
    written = {uid: {asked.written for asked in asked_by(dashboard)} for uid, dashboard in shown.items()}

    assert set(expected_empty) == set(shown)
    assert {uid: lost for uid, found in expected_empty.items() if (lost := set(found) - written[uid])} == {}


def test_a_query_that_is_empty_or_refused_is_told(prometheus: str) -> None:
    empty, wrong, may = a_query("no_such_metric"), a_query("sum("), a_query("no_such_metric_either")

    answers = ask_all(Prometheus(prometheus), [empty, wrong, may], {"page": {may.written: "nobody has it"}})

    assert answers.empty == [empty]
    assert answers.expected_empty == [(may, "nobody has it")]
    assert len(answers.refused) == 1
    assert "page: panel: " in answers.refused[0]
    assert "parse error" in answers.refused[0]


def test_a_prometheus_that_does_not_answer_is_one_line() -> None:
    with pytest.raises(SourceUnavailableError, match=r"prometheus at http://127\.0\.0\.1:9: "):
        Prometheus("http://127.0.0.1:9").series(a_query("up"))


def test_a_choice_that_the_dashboard_does_not_have_is_told(shown: dict[str, dict]) -> None:
    dashboard = {**shown["overview"], "panels": [
        {"type": "stat", "title": "Broken", "targets": [{"expr": "up{job=~\"$nobody\"}", "instant": True}]}
    ]}  # fmt: skip

    with pytest.raises(PlatformRefusedError, match=r"overview: Broken: uses \$nobody"):
        list(asked_by(dashboard))
