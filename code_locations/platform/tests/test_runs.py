"""Runs: which go whole, which stay for what depends on them."""

from typing import Any

import pytest


def test_an_old_run_without_history_goes_whole_and_a_young_one_stays(store: Any) -> None:
    old, young = (store.run("sweep_job", days_old=days) for days in (91, 89))
    figures = store.prune()["pruned_runs"]
    assert (figures["dagster/row_count"], figures["examined"], figures["kept"]) == (1, 1, 0)
    assert not store.instance.has_run(old)
    assert store.sql("SELECT count(*) FROM run_tags WHERE run_id = :run", run=old) == [(0,)]
    assert store.instance.has_run(young)


def test_an_old_run_with_history_keeps_its_row(store: Any) -> None:
    run = store.run("painting_job", days_old=4000)
    figures = store.prune()["pruned_runs"]
    assert (figures["dagster/row_count"], figures["examined"], figures["kept"]) == (0, 1, 1)
    assert store.instance.has_run(run)


@pytest.mark.parametrize("status", ["STARTED", "STARTING", "QUEUED", "CANCELING", "NOT_STARTED", "SUSPENDED"])
def test_a_running_run_is_never_touched(store: Any, status: str) -> None:
    run = store.run("sweep_job", days_old=4000)
    store.set_status(run, status)
    before = store.counts()
    assert before["files"] > 0
    store.prune()
    assert store.counts() == before
    # Control: the same run, finished, goes with all it has.
    store.set_status(run, "CANCELED")
    store.prune()
    assert store.counts() == dict.fromkeys(before, 0)


def test_the_newest_failed_attempt_of_an_asset_stays_and_the_one_before_goes(store: Any) -> None:
    first, second = (store.run("flaky_job", days_old=days) for days in (300, 200))
    before = store.history()["planned"]["flaky"]
    assert before.run_id == second
    store.prune()
    assert store.history()["planned"]["flaky"] == before
    assert not store.instance.has_run(first)
    assert store.instance.get_run_by_id(second).is_failure


def test_a_run_that_a_kept_retry_descends_from_stays(store: Any) -> None:
    root = store.run("sweep_job", days_old=300)
    links = {"dagster/root_run_id": root, "dagster/parent_run_id": root}
    store.run("painting_job", days_old=299, tags=links)
    store.prune()
    assert store.instance.has_run(root)
    assert store.events(root) == []


def test_a_run_whose_retries_all_go_goes_with_them(store: Any) -> None:
    root = store.run("sweep_job", days_old=300)
    store.run("sweep_job", days_old=299, tags={"dagster/root_run_id": root, "dagster/parent_run_id": root})
    assert store.prune(dry_run=True)["pruned_runs"]["removable"] == 2
    assert store.prune()["pruned_runs"]["dagster/row_count"] == 2


def test_what_an_unfinished_retry_descends_from_is_not_touched(store: Any) -> None:
    root = store.run("sweep_job", days_old=300)
    retry = store.run("sweep_job", days_old=1, tags={"dagster/root_run_id": root})
    store.set_status(retry, "STARTED")
    before = store.counts()
    store.prune()
    assert store.counts() == before


def test_the_runs_of_an_unfinished_backfill_are_not_touched(store: Any) -> None:
    run = store.run("sweep_job", days_old=300)
    store.sql("UPDATE runs SET backfill_id = 'b' WHERE run_id = :run", run=run)
    store.sql("INSERT INTO bulk_actions (key, status, timestamp) VALUES ('b', 'REQUESTED', now())")
    before = store.counts()
    store.prune()
    assert store.counts() == before
    store.sql("UPDATE bulk_actions SET status = 'COMPLETED_SUCCESS'")
    store.prune()
    assert not store.instance.has_run(run)
