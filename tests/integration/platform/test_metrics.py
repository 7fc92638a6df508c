"""What the records of metrics say is what the platform's exporters expose: alerts stand on these names."""

import json
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT
from tests.integration.platform.conftest import Platform, docker, eventually

from millrace.alerts.build import load
from millrace.alerts.exposed import EXPORTER, read_record, series_on
from millrace.alerts.expressions import selectors
from millrace_exporter.families import FAMILIES

JOBS = {
    job["job_name"]: f"http://{job['static_configs'][0]['targets'][0]}{job.get('metrics_path', '/metrics')}"
    for job in yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
}
# What a platform on which the museum has run need not have, and why.
MAY_BE_ABSENT = {
    "dagster_runs_oldest_in_status_timestamp_seconds": "no run goes on",
    "dagster_job_expected_duration_seconds": "no job has succeeded three times",
    "dagster_schedule_expected_tick_timestamp_seconds": "schedules are off",
    "dagster_instigator_last_tick_timestamp_seconds": "schedules are off",
    "dagster_instigator_running_since_timestamp_seconds": "schedules are off",
    "dagster_sensor_min_interval_seconds": "no domain has a sensor",
    "dagster_backfill_oldest_timestamp_seconds": "no backfill goes on",
    "dagster_pool_slots": "no pool has a limit",
    "dagster_pool_pending_steps": "no pool has a limit",
    "dagster_asset_last_observation_timestamp_seconds": "nothing was observed",
    "dagster_asset_partitions": "no asset has partitions",
    "dagster_asset_freshness_partitions": "no asset has partitions",
    "asset:dagster_asset_rows:history": "recorded every half an hour",
    "asset:dagster_asset_metadata_value:history": "recorded every half an hour",
    "neo4j_transactions_oldest_start_timestamp_seconds": "no transaction is open",
    "neo4j_nodes": "no label is asked for",
    "neo4j_relationships": "no type is asked for",
    "iceberg_table_rows": "no domain has tables yet",
    "iceberg_table_files": "no domain has tables yet",
    "iceberg_table_bytes": "no domain has tables yet",
    "iceberg_table_snapshots": "no domain has tables yet",
    "iceberg_table_last_commit_timestamp_seconds": "no domain has tables yet",
    "iceberg_table_small_files": "no domain has tables yet",
    "iceberg_table_delete_files": "no domain has tables yet",
    "millrace_exporter_series_dropped_total": "none was dropped",
}
RECORDS = sorted((ROOT / "infra/metrics").glob("*.txt"))
# Their names follow the machine's kernel and disks, and the requests that were sent so far.
THAT_VARY = {"node", "object-store"}


def alerted() -> set[str]:
    """Names that an alert or a record of the catalogue asks for."""
    areas = load(ROOT).areas
    expressions = [alert.expr.replace("$threshold", "1") for area in areas for alert in area.alerts]
    expressions += [record.expr for area in areas for record in area.records]
    return {selector.metric for expression in expressions for selector in selectors(expression, "")}


def test_each_exporter_but_ours_has_a_record() -> None:
    assert {path.stem for path in RECORDS} == set(JOBS) - {EXPORTER}


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_an_exporter_exposes_what_its_record_says(path: Path, platform: Platform) -> None:
    expected = set(read_record(path))
    if path.stem in THAT_VARY:
        expected &= alerted()
    assert expected

    def exposed() -> None:
        page = docker("exec", platform.container("prometheus")["Id"], "wget", "-q", "-O", "-", JOBS[path.stem])
        assert expected - set(series_on(page)) == set()

    eventually(exposed, 60)


def test_every_family_of_ours_has_a_series_or_a_reason(sampled: Platform) -> None:
    assert sampled.ended(sampled.launch()) == "SUCCESS"

    def exposed() -> None:
        prometheus = sampled.container("prometheus")["Id"]
        page = docker("exec", prometheus, "wget", "-q", "-O", "-", JOBS[EXPORTER])
        lines = [line for line in page.splitlines() if not line.startswith("#")]
        names = {line.partition("{")[0].partition(" ")[0].removesuffix("_bucket") for line in lines}
        assert FAMILIES.keys() - names - MAY_BE_ABSENT.keys() == set()

    eventually(exposed, 90)


def test_every_query_of_every_dashboard_answers_on_the_running_platform(sampled: Platform) -> None:
    def asked() -> None:
        answered = sampled.millrace("grafana", "queries")
        assert answered.returncode == 0, answered.stdout + answered.stderr

    eventually(asked, 180)


def test_what_rules_ask_for_is_known_to_the_running_prometheus(sampled: Platform) -> None:
    def known() -> None:
        _, body = sampled.get("/prometheus/api/v1/label/__name__/values")
        assert alerted() - set(json.loads(body)["data"]) - MAY_BE_ABSENT.keys() == set()

    eventually(known, 180)
