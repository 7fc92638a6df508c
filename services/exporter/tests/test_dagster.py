"""What Dagster itself writes, and what becomes of it: real runs on a real instance."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.quality import Reject, RejectKind
from millrace.resources import RejectFiles, StageParquetIOManager
from millrace.runs import stage
from millrace.stores import Place
from millrace_exporter.collectors.storage import DAGSTER_VERSION, SCHEMA_REVISION
from millrace_exporter.families import METADATA_KEYS


@dg.asset
def made(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": 5,
            "seconds": 1.5,
            "quality_score": float("nan"),
            "peak_memory_bytes": True,
            "note": "a zero \x00 character",
            "secret_number": 7,
        }
    )


@dg.asset
def failing() -> None:
    raise ValueError("it fails")


@dg.asset
def observed(context: dg.AssetExecutionContext) -> None:
    context.log_event(dg.AssetObservation("failing", metadata={"rows": 3}))


@dg.asset(check_specs=[dg.AssetCheckSpec("checked_check", asset="checked")])
def checked() -> dg.MaterializeResult:
    return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=False, check_name="checked_check")])


@dg.asset(check_specs=[dg.AssetCheckSpec("warned_check", asset="warned", blocking=True)])
def warned() -> dg.MaterializeResult:
    result = dg.AssetCheckResult(passed=False, check_name="warned_check", severity=dg.AssetCheckSeverity.WARN)
    return dg.MaterializeResult(check_results=[result])


@pytest.fixture
def instance(database: Any, tmp_path: Path) -> Any:
    with database.instance(tmp_path / "dagster") as made_instance:
        yield made_instance


def run(instance: dg.DagsterInstance, *assets: dg.AssetsDefinition, **changes: Any) -> str:
    """A run of these assets, whatever it comes to."""
    return dg.materialize(list(assets), instance=instance, raise_on_error=False, **changes).run_id


def test_a_materialisation_brings_its_allowed_numbers_and_no_others(exporter: Any, instance: Any) -> None:
    run(instance, made)
    exporter.poll()

    assert exporter.value("dagster_asset_rows", asset_key="made") == 5
    values = {dict(key)["key"]: value for key, value in exporter.all("dagster_asset_metadata_value").items()}
    assert values == {"seconds": 1.5}
    assert exporter.value("dagster_asset_materializations_total", asset_key="made") == 1
    assert exporter.value("millrace_exporter_collector_unreadable_total", collector="assets") == 0


def test_a_stage_of_the_kit_brings_every_key_that_is_promised(exporter: Any, instance: Any, tmp_path: Path) -> None:
    @dg.asset(name="a_rows")
    @stage
    def rows(rejects: RejectFiles) -> pl.LazyFrame:
        rejects.log("a_rows").add(Reject(RejectKind.ROW, "a.csv:2", "too short", "length"))
        return pl.LazyFrame({"a": [1, 2, 3], "b": ["x", None, None]})

    place = Place(address=str(tmp_path / "data"))
    resources = {"io_manager": StageParquetIOManager.at(place), "rejects": RejectFiles(place=place.below("rejects"))}
    run(instance, rows, resources=resources)
    exporter.poll()

    values = {dict(key)["key"]: value for key, value in exporter.all("dagster_asset_metadata_value").items()}
    assert set(values) == {key for key in METADATA_KEYS if not key.startswith("source_")}
    assert (values["removed_share"], values["quality_score"]) == (0.25, 0.5)


def test_what_a_step_says_of_its_source_is_a_metric(exporter: Any, instance: Any) -> None:
    said = {"source_success_rate": 0.75, "source_error_rate": 0.25, "source_response_seconds": 0.4}

    @dg.asset
    def fetched() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata=said)

    run(instance, fetched)
    exporter.poll()

    values = {dict(key)["key"]: value for key, value in exporter.all("dagster_asset_metadata_value").items()}
    assert values == said


def test_a_failing_asset_does_not_look_fresh(exporter: Any, instance: Any, database: Any) -> None:
    """Dagster's own table says that it was materialised just now: the plan and an observation moved it."""
    run(instance, observed)
    run(instance, failing)
    ((moved,),) = database.run(
        "SELECT last_materialization_timestamp IS NOT NULL FROM asset_keys WHERE asset_key = '[\"failing\"]'"
    )
    exporter.poll()
    exporter.poll()

    assert moved
    assert exporter.value("dagster_asset_last_materialization_timestamp_seconds", asset_key="failing") is None
    assert exporter.value("dagster_asset_last_failure_timestamp_seconds", asset_key="failing") is not None
    assert exporter.value("dagster_asset_failures_total", asset_key="failing") == 1


def test_an_observation_is_no_materialisation(exporter: Any, instance: Any) -> None:
    run(instance, observed)
    exporter.poll()

    assert exporter.value("dagster_asset_last_observation_timestamp_seconds", asset_key="failing") is not None
    assert exporter.value("dagster_asset_materializations_total", asset_key="failing") == 0


def test_a_failed_check_is_seen_though_its_run_succeeded(exporter: Any, instance: Any) -> None:
    run(instance, checked)
    exporter.poll()

    of_run = {dict(key)["status"]: value for key, value in exporter.all("dagster_runs_completed_total").items()}
    assert (of_run["success"], of_run["failure"]) == (1, 0)
    labels = {"asset_key": "checked", "check_name": "checked_check", "severity": "error", "blocking": "false"}
    assert exporter.value("dagster_asset_check_status", **labels) == 0
    assert exporter.value("dagster_asset_check_evaluations_total", **labels, result="failed") == 1
    assert exporter.value("dagster_asset_check_evaluations_total", **labels, result="passed") == 0


def test_a_warning_and_a_gate_are_told_apart(exporter: Any, instance: Any) -> None:
    run(instance, warned)
    exporter.poll()

    labels = {"asset_key": "warned", "check_name": "warned_check", "severity": "warn", "blocking": "true"}
    assert exporter.value("dagster_asset_check_status", **labels) == 0


def test_a_check_that_its_run_did_not_come_to_did_not_pass(exporter: Any, instance: Any) -> None:
    @dg.asset_check(asset="failing")
    def failing_check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=True)

    job = dg.Definitions(assets=[failing], asset_checks=[failing_check]).resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance, raise_on_error=False)
    exporter.poll()
    exporter.poll()

    found = {dict(key)["result"]: value for key, value in exporter.all("dagster_asset_check_evaluations_total").items()}
    assert found == {"passed": 0, "failed": 0, "error": 1}
    assert list(exporter.all("dagster_asset_check_status").values()) == [0]


def test_a_wiped_asset_disappears_and_comes_back_with_its_next_materialisation(exporter: Any, instance: Any) -> None:
    run(instance, made)
    exporter.poll()
    instance.wipe_assets([dg.AssetKey("made")])
    exporter.poll()
    gone = {name for name, labels in exporter.series if ("asset_key", "made") in labels}

    run(instance, made)
    exporter.poll()

    assert gone == set()
    assert exporter.value("dagster_asset_materializations_total", asset_key="made") == 1


def test_runs_are_counted_by_how_they_ended_and_retries_apart(exporter: Any, instance: Any) -> None:
    first = run(instance, failing)
    run(instance, failing, tags={"dagster/parent_run_id": first, "dagster/root_run_id": first})
    run(instance, failing)
    exporter.poll()

    job = {"job_name": "__ephemeral_asset_job__", "code_location": ""}
    assert exporter.value("dagster_runs_completed_total", **job, status="failure") == 3
    assert exporter.value("dagster_run_retries_total", **job, status="failure") == 1
    assert exporter.value("dagster_job_consecutive_failures", **job) == 3
    assert exporter.value("dagster_job_last_run_success", **job) == 0
    assert exporter.value("dagster_run_duration_seconds_count", **job, status="failure") == 3


def test_run_ids_are_in_exemplars_and_in_no_label(exporter: Any, instance: Any) -> None:
    run_id = run(instance, made)
    exporter.poll()

    text, opened = exporter.exporter.exposition.text.decode(), exporter.exporter.exposition.open.decode()
    assert run_id not in text
    assert f'# {{run_id="{run_id}"}} 1.0' in opened
    assert all(f'run_id="{run_id}"' not in line.partition(" # ")[0] for line in opened.splitlines())


def test_what_goes_on_is_shown_by_status_with_its_oldest(exporter: Any, instance: Any) -> None:
    job = dg.Definitions(assets=[made]).resolve_implicit_global_asset_job_def()
    instance.create_run_for_job(job)
    exporter.poll()

    labels = {"job_name": "__ASSET_JOB", "code_location": "", "status": "not_started"}
    assert exporter.value("dagster_runs_in_flight", **labels) == 1
    assert exporter.value("dagster_runs_in_flight", **{**labels, "status": "started"}) is None
    assert exporter.value("dagster_runs_oldest_in_status_timestamp_seconds", **labels) is not None


def test_a_job_that_is_taken_out_of_the_code_disappears(exporter: Any, database: Any, clock: Any) -> None:
    exporter.define(jobs=("job_0", "job_1"))
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    assert exporter.value("dagster_job_last_run_success", code_location="museum", job_name="job_1") is not None

    exporter.define(jobs=("job_0",))
    exporter.poll()

    assert [labels for _, labels in exporter.series if ("job_name", "job_1") in labels] == []
    assert [labels for _, labels in exporter.series if ("job_name", "job_2") in labels]


def test_the_schema_is_the_one_of_the_dagster_in_the_lock(exporter: Any, database: Any) -> None:
    assert dg.__version__ == DAGSTER_VERSION
    assert exporter.all("dagster_storage_schema_known") == {frozenset({("revision", SCHEMA_REVISION)}): 1}
    database.run("UPDATE alembic_version SET version_num = 'another'")
    exporter.poll("storage")
    assert exporter.all("dagster_storage_schema_known") == {frozenset({("revision", "another")}): 0}


def test_pools_daemons_and_sizes_are_as_the_tables_say(exporter: Any, instance: Any, database: Any) -> None:
    instance.event_log_storage.set_concurrency_slots("api", 3)
    claimed = instance.event_log_storage.claim_concurrency_slot("api", "run", "step")
    database.run(
        "INSERT INTO daemon_heartbeats (daemon_type, timestamp, body) VALUES ('SENSOR', '2026-11-21 10:00', '')"
    )
    exporter.define()
    exporter.poll()

    assert claimed.is_claimed
    assert exporter.value("dagster_pool_slots", pool="api", state="claimed") == 1
    assert exporter.value("dagster_pool_slots", pool="api", state="free") == 2
    assert exporter.value("dagster_pool_pending_steps", pool="api") == 0
    assert exporter.value("dagster_daemon_last_heartbeat_timestamp_seconds", daemon_type="SENSOR") == 1795255200
    assert exporter.value("dagster_daemon_required", daemon_type="SENSOR") == 1
    assert (exporter.value("dagster_storage_relation_bytes", relation="event_logs") or 0) > 8192


def test_backfills_are_seen_until_they_end(exporter: Any, instance: Any, database: Any) -> None:
    database.history.write(runs=20, assets=2, end=exporter.clock.wall, seconds=60)
    database.run("UPDATE runs SET backfill_id = 'b1'")
    database.run(
        "INSERT INTO bulk_actions (key, status, timestamp, body, action_type) "
        "VALUES ('b1', 'REQUESTED', '2026-11-21 10:00', '', 'PARTITION_BACKFILL')"
    )
    exporter.poll()

    assert exporter.value("dagster_backfills_in_progress", kind="asset") == 1
    assert exporter.value("dagster_backfills_in_progress", kind="job") == 0
    assert exporter.value("dagster_backfill_oldest_timestamp_seconds", kind="asset") == 1795255200
    assert exporter.value("dagster_backfill_partitions", kind="asset", state="success") == 19
    assert exporter.value("dagster_backfill_partitions", kind="asset", state="failure") == 1
    database.run("UPDATE bulk_actions SET status = 'COMPLETED_SUCCESS'")
    exporter.poll()
    assert exporter.value("dagster_backfills_in_progress", kind="asset") == 0
    assert exporter.value("dagster_backfill_oldest_timestamp_seconds", kind="asset") is None


def test_a_failure_does_not_move_the_last_success(exporter: Any, instance: Any) -> None:
    job = {"job_name": "__ephemeral_asset_job__", "code_location": ""}
    run(instance, failing)
    exporter.poll()
    never = exporter.value("dagster_job_last_success_timestamp_seconds", **job)
    run(instance, made)
    exporter.poll()
    succeeded = exporter.value("dagster_job_last_run_timestamp_seconds", **job)
    run(instance, failing)
    exporter.poll()

    assert never is None
    assert exporter.value("dagster_job_last_success_timestamp_seconds", **job) == succeeded
    assert exporter.value("dagster_job_last_run_timestamp_seconds", **job) > succeeded


def test_a_job_that_never_ran_is_known_since_it_was_first_seen(exporter: Any, clock: Any) -> None:
    name, labels = "dagster_job_known_since_timestamp_seconds", {"code_location": "museum", "job_name": "backup_job"}
    exporter.define(jobs=("backup_job",))
    exporter.poll("runs")
    first = clock.wall
    exporter.restart()
    exporter.define(jobs=("backup_job",))
    exporter.poll("runs")
    kept = exporter.value(name, **labels)
    exporter.define(jobs=())
    exporter.poll("runs")
    removed = exporter.value(name, **labels)
    exporter.define(jobs=("backup_job",))
    exporter.poll("runs")

    assert kept == first
    assert removed is None
    assert exporter.value(name, **labels) == clock.wall
    assert exporter.value("dagster_job_last_run_timestamp_seconds", **labels) is None
