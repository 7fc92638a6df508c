"""Ticks: rows that are written when a tick begins and changed in place when it ends."""

import json
from typing import Any

import pytest

from millrace_exporter.definitions import Instigator

SENSOR = Instigator("watcher", "sensor", "selector-1", default_running=True, interval_seconds=30)
SCHEDULE = Instigator("nightly", "schedule", "selector-2", default_running=False, crons=("0 2 * * *",))
NIGHT = 1795226400.0  # 2026-11-21 02:00 UTC


def tick(database: Any, selector: str, status: str, moment: float) -> int:
    ((number,),) = database.run(
        "INSERT INTO job_ticks (job_origin_id, selector_id, status, type, timestamp, tick_body) "
        "VALUES ('o', %s, %s, 'SENSOR', to_timestamp(%s) AT TIME ZONE 'UTC', '{}') RETURNING id",
        (selector, status, moment),
    )
    return number


def total(exporter: Any, name: str, kind: str, status: str) -> float | None:
    return exporter.value("dagster_instigator_ticks_total", code_location="museum", name=name, type=kind, status=status)


def test_a_tick_counts_once_when_it_has_a_result(exporter: Any, database: Any, clock: Any) -> None:
    exporter.define(instigators=(SENSOR,))
    exporter.poll()
    number = tick(database, "selector-1", "STARTED", clock.wall)
    for _ in range(30):  # it goes on for longer than the overlap
        exporter.poll("instigators")
    before = total(exporter, "watcher", "sensor", "success")

    database.run("UPDATE job_ticks SET status = 'SUCCESS' WHERE id = %s", (number,))
    for _ in range(30):
        exporter.poll("instigators")

    assert before == 0
    assert total(exporter, "watcher", "sensor", "success") == 1
    assert total(exporter, "watcher", "sensor", "failure") == 0


def test_a_tick_that_goes_on_is_remembered_over_a_restart(exporter: Any, database: Any, clock: Any) -> None:
    exporter.define(instigators=(SENSOR,))
    number = tick(database, "selector-1", "STARTED", clock.wall)
    exporter.poll()
    exporter.restart()
    database.run("UPDATE job_ticks SET status = 'FAILURE' WHERE id = %s", (number,))
    exporter.define(instigators=(SENSOR,))
    exporter.poll()
    exporter.poll()

    assert total(exporter, "watcher", "sensor", "failure") == 1


def test_a_tick_that_commits_after_a_later_one_is_counted(exporter: Any, database: Any, clock: Any) -> None:
    exporter.define(instigators=(SENSOR,))
    held = database.connect()
    statement = (
        "INSERT INTO job_ticks (selector_id, status, type, timestamp) VALUES ('selector-1', 'SKIPPED', 'SENSOR', now())"
    )
    with held.cursor() as cursor:
        cursor.execute(statement)
    tick(database, "selector-1", "SKIPPED", clock.wall)
    exporter.poll()
    held.commit()
    held.close()
    exporter.poll()

    assert total(exporter, "watcher", "sensor", "skipped") == 2


@pytest.mark.parametrize(
    ("default", "stored", "expected"),
    [
        (True, None, 1),
        (False, None, 0),
        (True, "STOPPED", 0),
        (False, "RUNNING", 1),
        (True, "DECLARED_IN_CODE", 1),
        (False, "DECLARED_IN_CODE", 0),
    ],
)
def test_whether_it_runs_is_what_somebody_said_last_else_what_the_code_says(
    exporter: Any, database: Any, default: bool, stored: str | None, expected: int
) -> None:
    one = Instigator("watcher", "sensor", "selector-1", default_running=default, interval_seconds=30)
    exporter.define(instigators=(one,))
    if stored:
        database.run("INSERT INTO instigators (selector_id, status) VALUES ('selector-1', %s)", (stored,))
    exporter.poll("instigators")

    labels = {"code_location": "museum", "name": "watcher"}
    assert exporter.value("dagster_instigator_running", **labels, type="sensor") == expected
    assert exporter.value("dagster_sensor_min_interval_seconds", **labels) == 30


def test_the_expected_tick_lies_ahead_until_one_is_missed(exporter: Any, database: Any, clock: Any) -> None:
    body = json.dumps({"job_specific_data": {"start_timestamp": NIGHT - 3600}})
    database.run(
        "INSERT INTO instigators (selector_id, status, instigator_body) VALUES ('selector-2', 'RUNNING', %s)", (body,)
    )
    exporter.define(instigators=(SCHEDULE,))
    name = "dagster_schedule_expected_tick_timestamp_seconds"
    labels = {"code_location": "museum", "name": "nightly"}
    exporter.poll("instigators")
    assert exporter.value(name, **labels) == NIGHT

    tick(database, "selector-2", "SUCCESS", NIGHT)
    exporter.poll("instigators")
    assert exporter.value(name, **labels) == NIGHT + 86400

    clock.wall = NIGHT + 3 * 86400  # nothing ticks any more: it stays where it was, in the past
    exporter.poll("instigators")
    assert exporter.value(name, **labels) == NIGHT + 86400


def test_known_results_are_zero_before_the_first_tick(exporter: Any) -> None:
    exporter.define(instigators=(SENSOR, SCHEDULE))
    exporter.poll("instigators")

    assert [total(exporter, "watcher", "sensor", status) for status in ("success", "skipped", "failure")] == [0, 0, 0]


def test_since_when_it_is_on_outlasts_a_restart_and_ends_when_it_is_off(
    exporter: Any, database: Any, clock: Any
) -> None:
    name, labels = "dagster_instigator_running_since_timestamp_seconds", {"name": "watcher", "type": "sensor"}

    def since() -> float | None:
        exporter.define(instigators=(SENSOR,))
        exporter.poll("instigators")
        return exporter.value(name, code_location="museum", **labels)

    first = since()
    clock.wall += 60
    exporter.restart()
    assert since() == first is not None

    database.run("INSERT INTO instigators (selector_id, status) VALUES ('selector-1', 'STOPPED')")
    assert since() is None
    database.run("UPDATE instigators SET status = 'RUNNING'")
    clock.wall += 60
    assert since() == clock.wall
