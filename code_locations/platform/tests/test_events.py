"""Events of old runs: what is history stays, as Dagster's own queries see it."""

from typing import Any

import dagster as dg

HISTORY = {"ASSET_MATERIALIZATION", "ASSET_OBSERVATION", "ASSET_CHECK_EVALUATION"}


def test_asset_history_survives_the_removal_of_its_run_events(store: Any) -> None:
    old = [store.run("painting_job", days_old=days) for days in (400, 200)]
    old += [store.run("wing_job", days_old=300, partition="north")]
    new = store.run("painting_job", days_old=1)
    before, new_events = store.history(), store.events(new)
    assert before["failed partitions"] == {}
    assert before["tags"]
    assert len(before["checks"]) == 3
    figures = store.prune()["pruned_events"]
    assert store.history() == before
    assert store.events(new) == new_events
    assert set(store.events(old[0])) == HISTORY
    # The plan of 200 days ago is followed by one of yesterday; north has not been planned since.
    assert set(store.events(old[1])) == HISTORY
    assert set(store.events(old[2])) == {"ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED"}
    assert figures["dagster/row_count"] > 30
    assert figures["kept"] == 3 + 3 + 2
    assert figures["bytes_freed"] > figures["dagster/row_count"] * 100


def test_the_history_of_these_tests_notices_what_dagster_deletes_with_a_run(store: Any) -> None:
    """Negative control: Dagster's own delete_run takes materialisations with it."""
    run = store.run("painting_job", days_old=400)
    before = store.history()
    store.instance.delete_run(run)
    after = store.history()
    assert {name for name in before if before[name] != after[name]} >= {"materializations", "observations", "tags"}


def test_a_run_that_kept_its_history_still_opens(store: Any) -> None:
    run = store.run("painting_job", days_old=400)
    store.prune()
    record = store.instance.get_run_record_by_id(run)
    assert record is not None
    assert record.end_time is not None
    assert store.instance.get_run_stats(run).materializations == 1
    assert [step.step_key for step in store.instance.get_run_step_stats(run)]
    assert store.instance.run_storage.get_run_group(run)[0] == run


def test_a_failed_partition_stays_failed(store: Any) -> None:
    store.run("wing_job", days_old=400, partition="north")
    failed = store.run("wing_job", days_old=390, partition="north", tags={"closed": "yes"})
    before = store.history()
    assert list(before["failed partitions"]) == ["north"]
    store.prune()
    assert store.history() == before
    assert store.events(failed) == ["ASSET_MATERIALIZATION_PLANNED"]


def test_a_planned_check_that_never_ran_keeps_its_run(store: Any) -> None:
    run = store.run("painting_job", days_old=400)
    store.sql("UPDATE asset_check_executions SET execution_status = 'PLANNED'")
    store.sql("DELETE FROM event_logs WHERE run_id = :run AND dagster_event_type LIKE 'ASSET%'", run=run)
    assert store.prune()["pruned_runs"]["dagster/row_count"] == 0
    assert store.instance.has_run(run)


def test_an_event_type_that_nobody_knows_is_kept(store: Any) -> None:
    run = store.run("sweep_job", days_old=400)
    store.sql(
        "UPDATE event_logs SET dagster_event_type = 'OF_DAGSTER_2' WHERE run_id = :run"
        " AND dagster_event_type = 'STEP_START'",
        run=run,
    )
    store.prune()
    assert store.events(run) == ["OF_DAGSTER_2"]


def test_events_that_no_run_wrote_are_kept(store: Any) -> None:
    store.instance.report_runless_asset_event(dg.AssetMaterialization("painting"))
    store.sql("UPDATE event_logs SET timestamp = '2001-01-01'")
    store.prune()
    assert len(store.history()["materializations"]["painting"]) == 1


def test_what_ended_at_the_cut_off_stays_and_a_second_earlier_goes(store: Any) -> None:
    at, before = (store.run("sweep_job", days_old=days) for days in (30, 30 + 1 / 86_400))
    known = store.events(at)
    store.prune()
    assert store.events(at) == known
    assert store.events(before) == []


def test_the_cut_off_follows_the_logical_date_of_the_run(store: Any) -> None:
    run = store.run("sweep_job", days_old=400)
    known = store.events(run)
    figures = store.prune(logical_date="2001-03-04")
    assert figures["pruned_events"]["cut_off"] == "2001-02-02"
    assert store.events(run) == known
