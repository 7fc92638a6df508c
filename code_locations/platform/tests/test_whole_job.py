"""The whole job: again, dry, interrupted, and on an instance that it cannot serve."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from millrace.errors import ConfigurationError
from millrace.location import assemble
from millrace.settings import Settings
from millrace_platform.definitions import DOMAIN
from millrace_platform.records import Records

CRASH = """
CREATE SEQUENCE statements;
CREATE FUNCTION crash() RETURNS trigger AS $$
BEGIN
    IF nextval('statements') = 3 THEN RAISE EXCEPTION 'pulled the plug'; END IF;
    RETURN NULL;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER crash BEFORE DELETE ON event_logs FOR EACH STATEMENT EXECUTE FUNCTION crash();
"""


def fill(store: Any) -> None:
    for days in (400, 100, 1):
        store.tick("nightly", days_old=days)
        store.run("painting_job", days_old=days)
        store.run("sweep_job", days_old=days)
        store.run("flaky_job", days_old=days)


def test_a_second_run_removes_nothing(store: Any) -> None:
    fill(store)
    first = store.prune()
    after = store.counts()
    second = store.prune()
    assert len(first) == 4
    assert all(figures["dagster/row_count"] > 0 for figures in first.values())
    assert {name: figures["dagster/row_count"] for name, figures in second.items()} == dict.fromkeys(first, 0)
    assert store.counts() == after


def test_dry_run_removes_nothing_and_counts_what_a_run_would_remove(store: Any) -> None:
    fill(store)
    before, history = store.counts(), store.history()
    dry = store.prune(dry_run=True)
    assert store.counts() == before
    assert store.history() == history
    assert {figures["dagster/row_count"] for figures in dry.values()} == {0}
    wet = store.prune()
    for name in dry:
        assert wet[name]["dagster/row_count"] == wet[name]["removable"] == dry[name]["removable"], name
        assert wet[name]["bytes_freed"] == dry[name]["removable_bytes"], name
        assert dry[name]["kept"] == dry[name]["examined"], name
        assert wet[name]["kept"] == wet[name]["examined"] - wet[name]["removable"], name
        assert wet[name]["rows_removed"] == wet[name]["removable"], name


def test_a_crash_between_two_batches_is_made_good_by_the_next_run(store: Any) -> None:
    fill(store)
    before, history = store.counts(), store.history()
    store.sql(CRASH)
    result = store.try_prune(batch_rows=7)
    assert not result.success
    interrupted = store.counts()
    assert interrupted["event_logs"] == before["event_logs"] - 2 * 7
    assert interrupted["runs"] == before["runs"]
    assert store.history() == history
    store.sql("DROP TRIGGER crash ON event_logs")
    figures = store.prune(batch_rows=7)
    assert figures["pruned_events"]["dagster/row_count"] > 14
    assert store.history() == history
    assert {figures["removable"] for figures in store.prune(dry_run=True).values()} == {0}


def test_batches_of_any_size_remove_the_same(store: Any) -> None:
    fill(store)
    whole = store.prune(dry_run=True)
    assert whole["pruned_events"]["batches"] == 1
    small = store.prune(batch_rows=3)
    assert small["pruned_events"]["batches"] > 10
    assert {name: figures["removable"] for name, figures in small.items()} == {
        name: figures["removable"] for name, figures in whole.items()
    }


def test_a_crash_inside_the_deletion_of_a_run_leaves_no_event_without_a_run(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.run("sweep_job", days_old=400)

    def crash(run_id: str) -> None:
        raise RuntimeError("pulled the plug")

    with monkeypatch.context() as patch:
        patch.setattr(store.instance.event_log_storage, "delete_events", crash)
        assert not store.try_prune().success
    assert not store.instance.has_run(run)
    assert store.events(run) == []


def test_an_instance_on_sqlite_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance, pytest.raises(ConfigurationError) as refused:
        Records(instance, batch_rows=1)
    assert str(refused.value) == (
        "instance: runs are in SqliteRunStorage, events in SqliteEventLogStorage,"
        " expected one Postgres database; set storage.postgres in dagster.yaml"
    )


def test_the_retention_job_prunes_each_kind(tmp_path: Path) -> None:
    definitions = assemble(DOMAIN, Settings(home=tmp_path))
    assert definitions.resolve_job_def("retention_job").asset_layer.executable_asset_keys == {
        dg.AssetKey(name) for name in ("pruned_logs", "pruned_events", "pruned_runs", "pruned_ticks")
    }


def test_the_retention_runs_every_night(tmp_path: Path) -> None:
    definitions = assemble(DOMAIN, Settings(home=tmp_path))
    schedule = definitions.resolve_schedule_def("retention_schedule")
    wanted = DOMAIN.config().jobs["retention_job"].schedule
    assert (schedule.cron_schedule, schedule.execution_timezone) == (wanted.cron, wanted.timezone)
