"""Freshness from policies and events: real materialisations, a clock that the test sets, and no Dagster daemon."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.events import DagsterEvent, DagsterEventType

from millrace_exporter.definitions import Asset, Partitions, Policy

HOUR = 3600.0
WINDOW = Policy(fail_seconds=26 * HOUR, warn_seconds=12 * HOUR)
PASS, WARN, FAIL, UNKNOWN = 0, 1, 2, 3


@pytest.fixture
def instance(database: Any, tmp_path: Path) -> Any:
    with database.instance(tmp_path / "dagster") as made:
        yield made


def asset(key: str = "published", policy: Policy = WINDOW, partitions: Partitions | None = None) -> Asset:
    return Asset(key, "publish", "museum", policy=policy, partitions=partitions)


def materialize(
    instance: Any, database: Any, moment: float, partition: str | None = None, key: str = "published"
) -> None:
    """A materialisation at a moment: Dagster's own event, whose time is then set."""
    instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))
    database.run(
        "UPDATE event_logs SET timestamp = to_timestamp(%s) AT TIME ZONE 'UTC' "
        "WHERE id = (SELECT max(id) FROM event_logs)",
        (moment,),
    )


def state(exporter: Any, key: str = "published") -> float | None:
    exporter.poll("freshness", after=0)
    return exporter.value("dagster_asset_freshness_state", asset_key=key)


def test_an_asset_warns_and_fails_as_time_passes_with_every_daemon_dead(
    exporter: Any, instance: Any, database: Any, clock: Any
) -> None:
    exporter.define(asset())
    assert state(exporter) == UNKNOWN
    begun = clock.wall
    materialize(instance, database, begun)

    seen = []
    for hours in (0, 11.9, 12.1, 25.9, 26.1):
        clock.wall = begun + hours * HOUR
        seen.append(state(exporter))

    assert seen == [PASS, PASS, WARN, WARN, FAIL]
    deadline = exporter.value("dagster_asset_freshness_deadline_timestamp_seconds", asset_key="published")
    assert deadline == pytest.approx(begun + 26 * HOUR, abs=0.01)
    assert exporter.value("dagster_asset_freshness_window_seconds", asset_key="published", level="warn") == 12 * HOUR
    assert exporter.value("dagster_asset_freshness_reported_state", asset_key="published") is None


def test_what_was_materialised_long_before_the_exporter_is_known(
    watch: Any, instance: Any, database: Any, clock: Any
) -> None:
    materialize(instance, database, clock.wall - 100 * 86400)
    exporter = watch(database, look_back_hours=1)
    exporter.define(asset())

    assert state(exporter) == FAIL


def test_an_observation_or_a_plan_refreshes_nothing(exporter: Any, instance: Any, database: Any, clock: Any) -> None:
    exporter.define(asset())
    materialize(instance, database, clock.wall - 30 * HOUR)
    instance.report_runless_asset_event(dg.AssetObservation("published"))

    assert state(exporter) == FAIL


DAILY = Partitions("TIME_WINDOW", "%Y-%m-%d", "UTC", ("2026-11-20", "2026-11-19", "2026-11-18"))
MIDNIGHT = 1795219200.0  # 2026-11-21 00:00 UTC, when the partition 2026-11-20 is complete


def test_a_backfill_of_an_old_partition_does_not_make_todays_look_fresh(
    exporter: Any, instance: Any, database: Any, clock: Any
) -> None:
    clock.wall = MIDNIGHT + 30 * HOUR
    exporter.define(asset(partitions=DAILY))
    materialize(instance, database, MIDNIGHT + 1 * HOUR, "2026-11-20")
    assert state(exporter) == FAIL

    for day in range(1, 15):
        materialize(instance, database, clock.wall, f"2026-11-{day:02}")

    assert state(exporter) == FAIL
    materialize(instance, database, clock.wall, "2026-11-21")
    assert state(exporter) == PASS


def test_making_yesterdays_partition_again_does_not_stand_for_todays(
    exporter: Any, instance: Any, database: Any, clock: Any
) -> None:
    """The partition of the 21st is due at midnight of the 22nd; what is made of the 20th later counts no longer."""
    exporter.define(asset(partitions=DAILY))
    due = MIDNIGHT + 24 * HOUR
    materialize(instance, database, due + 20 * HOUR, "2026-11-20")

    clock.wall = due + 25 * HOUR
    assert state(exporter) == WARN
    clock.wall = due + 27 * HOUR
    assert state(exporter) == FAIL


def test_the_newest_partition_is_found_also_where_keys_do_not_sort_as_text(
    watch: Any, instance: Any, database: Any, clock: Any
) -> None:
    partitions = Partitions("TIME_WINDOW", "%d/%m/%Y", "UTC", ("20/11/2026", "19/11/2026"))
    clock.wall = MIDNIGHT + 30 * HOUR
    materialize(instance, database, MIDNIGHT, "20/11/2026")
    materialize(instance, database, clock.wall, "31/01/2026")
    exporter = watch(database)
    exporter.define(asset(partitions=partitions))

    assert state(exporter) == FAIL


def test_static_partitions_are_judged_one_by_one(exporter: Any, instance: Any, database: Any, clock: Any) -> None:
    exporter.define(asset(partitions=Partitions("STATIC", keys=("north", "south", "west"))))
    materialize(instance, database, clock.wall, "north")
    materialize(instance, database, clock.wall - 13 * HOUR, "south")
    assert state(exporter) == UNKNOWN

    materialize(instance, database, clock.wall - 30 * HOUR, "west")
    assert state(exporter) == FAIL
    found = {dict(key)["state"]: value for key, value in exporter.all("dagster_asset_freshness_partitions").items()}
    assert found == {"pass": 1, "warn": 1, "fail": 1, "unknown": 0}

    materialize(instance, database, clock.wall, "west")
    assert state(exporter) == WARN


@pytest.mark.parametrize(
    ("made", "now", "expected"),
    [
        ("09:30", "09:59", PASS),
        ("09:30", "10:01", PASS),
        ("08:59", "10:01", FAIL),  # before the lower bound, an hour ahead of the deadline
        ("08:59", "09:59", PASS),  # yesterday's deadline counts still
        ("10:30", "11:00", PASS),  # late, and there again
    ],
)
def test_a_cron_policy_says_what_dagsters_own_documentation_does(
    exporter: Any, instance: Any, database: Any, clock: Any, made: str, now: str, expected: int
) -> None:
    exporter.define(asset(policy=Policy(HOUR, None, "0 10 * * *", "UTC")))
    at = {text: MIDNIGHT + int(text[:2]) * HOUR + int(text[3:]) * 60 for text in (made, now)}
    materialize(instance, database, at[made])

    clock.wall = at[now]
    assert state(exporter) == expected
    deadline = exporter.value("dagster_asset_freshness_deadline_timestamp_seconds", asset_key="published")
    assert deadline is not None
    assert (deadline <= clock.wall) == (expected == FAIL)


def test_dagsters_own_state_stands_beside_so_that_the_two_can_be_compared(
    exporter: Any, instance: Any, database: Any, clock: Any
) -> None:
    """Its daemon said PASS and died; hours later the two differ."""
    exporter.define(asset())
    materialize(instance, database, clock.wall)
    key = dg.AssetKey("published")
    change = FreshnessStateChange(
        key=key,
        new_state=FreshnessState.PASS,
        previous_state=FreshnessState.UNKNOWN,
        state_change_timestamp=clock.wall,
    )
    event = DagsterEvent(DagsterEventType.FRESHNESS_STATE_CHANGE.value, job_name="", event_specific_data=change)
    instance.report_dagster_event(event, run_id="")
    assert state(exporter) == PASS
    assert exporter.value("dagster_asset_freshness_reported_state", asset_key="published") == PASS

    clock.wall += 30 * HOUR
    exporter.restart()
    exporter.define(asset())
    assert state(exporter) == FAIL
    assert exporter.value("dagster_asset_freshness_reported_state", asset_key="published") == PASS


def test_an_asset_whose_policy_or_definition_goes_loses_its_series(
    exporter: Any, instance: Any, database: Any, clock: Any
) -> None:
    materialize(instance, database, clock.wall)
    exporter.define(asset(), asset("other"))
    exporter.poll()
    exporter.define(Asset("published", "publish", "museum"))
    exporter.poll()

    names = {name for name, labels in exporter.series if ("asset_key", "published") in labels}
    assert not {name for name in names if "freshness" in name}
    assert not [labels for _, labels in exporter.series if ("asset_key", "other") in labels]


def test_an_asset_that_is_taken_out_of_the_code_disappears_everywhere(
    exporter: Any, instance: Any, database: Any, clock: Any
) -> None:
    exporter.define(asset(), asset("kept"))
    for key in ("published", "kept"):
        materialize(instance, database, clock.wall, key=key)
    exporter.poll()
    assert [labels for _, labels in exporter.series if ("asset_key", "published") in labels]

    exporter.define(asset("kept"))
    exporter.poll()

    assert [labels for _, labels in exporter.series if ("asset_key", "published") in labels] == []
    assert exporter.value("dagster_asset_materializations_total", asset_key="kept") == 1
