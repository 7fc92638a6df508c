"""What alerts and dashboards rest on is there on a running platform: names, labels, and values of labels.

A series that rules or panels ask for and that nobody has is the one mistake that leaves everything green. So each
selector of each loaded rule, and each query of each panel, is asked of the running Prometheus, and must have data or
stand here with its reason. What stands here as absent and is there fails too: the reason is no longer true.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from tests.conftest import ROOT
from tests.integration.platform.conftest import DOMAINS, Platform, docker, eventually

from millrace.alerts.build import load
from millrace.alerts.exposed import EXPORTER, read_record, series_on
from millrace.alerts.expressions import Selector, selectors
from millrace_exporter.families import FAMILIES
from millrace_grafana.queries import EXPECTED_EMPTY, FOLDER, asked_by, dashboards

JOBS = {
    job["job_name"]: f"http://{job['static_configs'][0]['targets'][0]}{job.get('metrics_path', '/metrics')}"
    for job in yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
}
# Selectors of what the platform does not have while the museum is its only domain, and why; a name is all of a metric.
ABSENT = {
    "dagster_sensor_min_interval_seconds": "no domain has a sensor",
    'dagster_instigator_running{type="sensor"}': "no domain has a sensor",
    'dagster_instigator_last_tick_timestamp_seconds{type="sensor"}': "no domain has a sensor",
    'dagster_instigator_running_since_timestamp_seconds{type="sensor"}': "no domain has a sensor",
    "dagster_backfill_oldest_timestamp_seconds": "no backfill goes on",
    "dagster_pool_slots": "no pool has a limit",
    "dagster_pool_pending_steps": "no pool has a limit",
    "dagster_asset_last_observation_timestamp_seconds": "nothing was observed",
    "dagster_asset_partitions": "no asset has partitions",
    "dagster_asset_freshness_partitions": "no asset has partitions",
    'dagster_job_last_run_success{job_name=~"(.+_)?backup_job"}': "no domain has a backup job",
    'dagster_job_last_success_timestamp_seconds{job_name=~"(.+_)?backup_job"}': "no domain has a backup job",
    'dagster_job_known_since_timestamp_seconds{job_name=~"(.+_)?backup_job"}': "no domain has a backup job",
    "neo4j_nodes": "no domain has loaded a graph",
    "neo4j_relationships": "no domain has loaded a graph",
    "iceberg_table_rows": "no domain has written a table",
    "iceberg_table_files": "no domain has written a table",
    "iceberg_table_bytes": "no domain has written a table",
    "iceberg_table_snapshots": "no domain has written a table",
    "iceberg_table_last_commit_timestamp_seconds": "no domain has written a table",
    "iceberg_table_small_files": "no domain has written a table",
    "iceberg_table_delete_files": "no domain has written a table",
    "millrace_exporter_series_dropped_total": "none was dropped",
}
# What may be there or not, depending on the moment, on other tests and on the machine, and on which of these.
MAY_BE_ABSENT = {
    "dagster_runs_oldest_in_status_timestamp_seconds": "a run may go on",
    "dagster_job_expected_duration_seconds": "a job may have succeeded three times",
    "dagster_asset_last_failure_timestamp_seconds": "a run may have failed",
    "dagster_asset_progress_rows": "a long step may go on",
    "dagster_asset_progress_share": "a long step may go on",
    "dagster_asset_progress_expected_end_timestamp_seconds": "a long step may go on",
    "dagster_schedule_expected_tick_timestamp_seconds": "a schedule may be on",
    "dagster_instigator_last_tick_timestamp_seconds": "a schedule may be on",
    "dagster_instigator_running_since_timestamp_seconds": "a schedule may be on",
    "asset:dagster_asset_rows:history": "recorded every half an hour",
    "asset:dagster_asset_metadata_value:history": "recorded every half an hour",
    "neo4j_transactions_oldest_start_timestamp_seconds": "a transaction may be open",
    'container_running{run_job!=""}': "a run may be over between two polls",
    "node_filesystem_avail_bytes": "the machine's disks may be of the types that are left out",
    "node_filesystem_size_bytes": "the machine's disks may be of the types that are left out",
}
# Reasons of infra/grafana/expected_empty.json that hold there, as above; all others of that file must not be used.
EMPTY = {
    "no backfill goes on",
    "no pool has a limit",
    "no asset has partitions",
    "no domain has a sensor that is on",
    "no domain has written an Iceberg table",
    "no domain has loaded a graph",
    "no family is above its cap",
    "platform has no checks",
}
MAY_BE_EMPTY = {
    "no long step goes on",
    "no run goes on",
    "no run goes on, or none of its job has succeeded three times",
    "no job has succeeded three times",
    *(f"no job of {name} has run" for name in DOMAINS if name != "museum"),
    "no job fails where all is well",
    "no check fails where all is well",
    "nothing fires where all is well",
    "no schedule is switched on, or none has ticked yet",
    "no transaction is open",
    "no request failed",
    "nobody reads",
    "no container has a CPU limit and work",
    "the kernel of this machine does not count it",
    "the machine is seen from a container's network",
    "Dagster's own freshness daemon has not said anything",
    "Prometheus has run for less than five minutes",
}
RECORDS = sorted((ROOT / "infra/metrics").glob("*.txt"))
# Their names follow the machine's kernel and disks, and the requests that were sent so far.
THAT_VARY = {"node", "object-store"}


def asked_in_catalogue(*, running: bool = False) -> set[Selector]:
    """Selectors of the catalogue's alerts and records; if so wanted, without those of alerts that are off."""
    areas = load(ROOT).areas
    expressions = [
        alert.expr.replace("$threshold", "1")
        for area in areas
        for alert in area.alerts
        if not (running and alert.opt_in)
    ]
    expressions += [record.expr for area in areas for record in area.records]
    return {selector for expression in expressions for selector in selectors(expression, "")}


def alerted() -> set[str]:
    """Names that an alert or a record of the catalogue asks for."""
    return {selector.metric for selector in asked_in_catalogue()}


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


@pytest.fixture(scope="module")
def harvested(sampled: Platform) -> Platform:
    """The platform after two nights of the museum: what a histogram's series begins with is no increase yet."""
    for _ in range(2):
        assert sampled.ended(sampled.launch()) == "SUCCESS"
    return sampled


def asked_by_rules(groups: list[Mapping[str, Any]]) -> dict[Selector, str]:
    """Every selector of the rules that a Prometheus has loaded, with the first rule that it stands in."""
    found: dict[Selector, str] = {}
    for group in groups:
        for rule in group["rules"]:
            for selector in selectors(rule["query"], rule["name"]):
                found.setdefault(selector, rule["name"])
    return found


def differing(asked: Mapping[Selector, str], answered: Collection[Selector]) -> Iterator[str]:
    """Selectors without data and without a reason, and those with data though it is said that there is none."""
    for selector, rule in asked.items():
        said = {str(selector), selector.metric}
        if selector in answered:
            yield from (f"{rule}: {selector} is there, though {ABSENT[one]}" for one in said & ABSENT.keys())
        elif not said & (ABSENT.keys() | MAY_BE_ABSENT.keys()):
            yield f"{rule}: {selector} has no data"


def test_a_selector_without_data_and_a_reason_that_does_not_hold_are_told() -> None:
    query = 'up{job="a"} > 0 and neo4j_nodes{label="x"} and dagster_pool_slots and container_running{run_job!=""}'
    asked = asked_by_rules([{"rules": [{"name": "Rule", "query": query}]}])
    up, nodes, *_ = asked

    assert list(differing(asked, [up])) == []
    assert list(differing(asked, [nodes])) == [
        'Rule: up{job="a"} has no data',
        'Rule: neo4j_nodes{label="x"} is there, though no domain has loaded a graph',
    ]


def test_no_reason_is_given_twice_or_for_what_nobody_asks() -> None:
    ours = {str(one) for one in asked_in_catalogue()} | FAMILIES.keys() | alerted()
    written = {why for dashboard in excused().values() for why in dashboard.values()}

    assert ABSENT.keys() & MAY_BE_ABSENT.keys() == EMPTY & MAY_BE_EMPTY == set()
    assert (ABSENT.keys() | MAY_BE_ABSENT.keys()) - ours == set()
    assert (EMPTY | MAY_BE_EMPTY) - written == set()


def excused() -> dict[str, dict[str, str]]:
    """Reasons by query, by dashboard."""
    return json.loads((ROOT / EXPECTED_EMPTY).read_text(encoding="utf-8"))


def test_every_family_of_ours_has_a_series_or_a_reason(harvested: Platform) -> None:
    def exposed() -> None:
        prometheus = harvested.container("prometheus")["Id"]
        page = docker("exec", prometheus, "wget", "-q", "-O", "-", JOBS[EXPORTER])
        lines = [line for line in page.splitlines() if not line.startswith("#")]
        names = {line.partition("{")[0].partition(" ")[0].removesuffix("_bucket") for line in lines}
        assert FAMILIES.keys() - names - MAY_BE_ABSENT.keys() == FAMILIES.keys() & ABSENT.keys()

    eventually(exposed, 90)


def test_every_query_of_every_dashboard_answers_on_the_running_platform(harvested: Platform) -> None:
    always = {
        (one.place, why)
        for uid, dashboard in dashboards(ROOT / FOLDER).items()
        for one in asked_by(dashboard)
        if (why := excused()[uid].get(one.written)) in EMPTY
    }

    def asked() -> None:
        answered = harvested.millrace("grafana", "queries", "--json")
        assert answered.returncode == 0, answered.stdout + answered.stderr
        empty = {(one["place"], one["why"]) for one in json.loads(answered.stdout)["expected_empty"]}
        assert [one for one in sorted(empty) if one[1] not in EMPTY | MAY_BE_EMPTY] == []
        assert sorted(always - empty) == [], "these answer, though it is said that they do not"

    eventually(asked, 180)


def test_what_rules_ask_for_is_known_to_the_running_prometheus(harvested: Platform) -> None:
    def known() -> None:
        asked = asked_by_rules(answer(harvested, "rules")["groups"])
        assert {str(one) for one in asked} >= {str(one) for one in asked_in_catalogue(running=True)}
        answered = [
            one
            for one in asked
            if answer(harvested, f"query?query={quote(f'count(last_over_time({one}[1h]))')}")["result"]
        ]
        assert list(differing(asked, answered)) == []

    eventually(known, 180, every_seconds=10)


def answer(platform: Platform, path: str) -> dict[str, Any]:
    """What the running Prometheus says."""
    status, body = platform.get(f"/prometheus/api/v1/{path}")
    assert status == 200, body[:200]
    return json.loads(body)["data"]
