"""Ticks of schedules and sensors."""

from typing import Any

import pytest
from dagster._core.scheduler.instigation import TickStatus


def test_old_ticks_go_with_their_logs_and_young_ones_stay(store: Any) -> None:
    store.tick("nightly", days_old=15)
    young = [store.tick("nightly", days_old=13), store.tick("nightly", days_old=1)]
    figures = store.prune()["pruned_ticks"]
    assert store.ticks("nightly") == young
    assert sorted(path.stem for path in store.log_files()) == sorted(map(str, young))
    assert (figures["dagster/row_count"], figures["examined"], figures["log_files"]) == (1, 1, 1)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_the_newest_tick_of_each_schedule_stays_whatever_the_time_zone_of_the_database(store: Any, zone: str) -> None:
    store.set_time_zone(zone)
    newest = {}
    for name in ("yearly", "monthly"):
        store.tick(name, days_old=900)
        newest[name] = store.tick(name, days_old=800)
    figures = store.prune()["pruned_ticks"]
    assert {name: store.ticks(name) for name in newest} == {name: [tick] for name, tick in newest.items()}
    assert (figures["dagster/row_count"], figures["kept"]) == (2, 2)


def test_a_started_tick_stays(store: Any) -> None:
    started = store.tick("nightly", days_old=400, status=TickStatus.STARTED)
    newest = store.tick("nightly", days_old=1)
    store.prune()
    assert store.ticks("nightly") == [started, newest]


@pytest.mark.parametrize("status", [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE])
def test_a_finished_tick_goes_whatever_became_of_it(store: Any, status: TickStatus) -> None:
    store.tick("nightly", days_old=400, status=status)
    newest = store.tick("nightly", days_old=1)
    store.prune()
    assert store.ticks("nightly") == [newest]
