"""Counters equal a full recount of the log, whatever order it is written in and wherever the exporter is killed."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from millrace_exporter.checkpoint import Checkpoints
from millrace_exporter.events import tail

_EVENTS = "run_id, event, dagster_event_type, timestamp, step_key, asset_key, partition"
FOLLOWERS = ("runs", "assets", "checks", "freshness")


def recount(database: Any, after: int = 0) -> dict[str, Counter[Any]]:
    """What the counters must be, by reading all of the log with other means than the exporter's."""
    rows = database.run(
        "SELECT e.id, e.run_id, e.dagster_event_type, e.asset_key, e.event, r.pipeline_name FROM event_logs e "
        "JOIN runs r USING (run_id) ORDER BY e.id"
    )
    counts: dict[str, Counter[Any]] = {name: Counter() for name in ("runs", "made", "failed", "checks", "spans")}
    planned: dict[str, set[str]] = {}
    made: dict[str, set[str]] = {}
    for _, run, kind, key, _, _ in rows:
        if kind == "ASSET_MATERIALIZATION_PLANNED":
            planned.setdefault(run, set()).add(json.loads(key)[0])
        elif kind == "ASSET_MATERIALIZATION":
            made.setdefault(run, set()).add(json.loads(key)[0])
    for number, run, kind, key, body, job in rows:
        if number <= after:
            continue
        if kind in ("PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED"):
            counts["runs"][job, kind.removeprefix("PIPELINE_").lower()] += 1
            counts["spans"][job] += 1
        if kind == "PIPELINE_FAILURE":
            counts["failed"].update(planned.get(run, set()) - made.get(run, set()))
        if kind == "ASSET_MATERIALIZATION":
            counts["made"][json.loads(key)[0]] += 1
        if kind == "ASSET_CHECK_EVALUATION":
            data = json.loads(body)["dagster_event"]["event_specific_data"]
            counts["checks"][data["asset_key"]["path"][0], "passed" if data["success"] else "failed"] += 1
    return counts


def counted(exporter: Any) -> dict[str, Counter[Any]]:
    """What the exporter says."""

    def by(name: str, *labels: str) -> Counter[Any]:
        found: Counter[Any] = Counter()
        for key, value in exporter.all(name).items():
            named = dict(key)
            if value and named.get("result") != "error":
                found[tuple(named[one] for one in labels) if len(labels) > 1 else named[labels[0]]] += int(value)
        return found

    return {
        "runs": by("dagster_runs_completed_total", "job_name", "status"),
        "made": by("dagster_asset_materializations_total", "asset_key"),
        "failed": by("dagster_asset_failures_total", "asset_key"),
        "checks": by("dagster_asset_check_evaluations_total", "asset_key", "result"),
        "spans": by("dagster_run_duration_seconds_count", "job_name"),
    }


def written(make_database: Any, clock: Any, runs: int = 60) -> list[tuple[Any, ...]]:
    """The events of some runs, to be written again in another order."""
    source = make_database()
    source.history.write(runs=runs, assets=7, end=clock.wall, seconds=600)
    return source.run(f"SELECT {_EVENTS} FROM event_logs ORDER BY id")  # noqa: S608  # names of this module


@pytest.fixture
def runs_only(make_database: Any, clock: Any) -> Any:
    """A database with the rows of 60 runs, and an empty log."""
    made = make_database()
    made.history.write(runs=60, assets=7, end=clock.wall, seconds=600)
    made.run("DELETE FROM event_logs")
    return made


def insert(cursor: Any, row: tuple[Any, ...], number: int) -> None:
    statement = f"INSERT INTO event_logs (id, {_EVENTS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"  # noqa: S608
    cursor.execute(statement, (number, *row))


def test_counters_equal_a_full_recount(exporter: Any, database: Any, clock: Any) -> None:
    for _ in range(3):
        database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
        exporter.poll()
    exporter.poll()

    expected = recount(database)
    assert counted(exporter) == expected
    assert min(sum(one.values()) for one in expected.values()) > 0


def test_an_event_that_commits_after_a_later_one_is_counted_once(
    watch: Any, runs_only: Any, make_database: Any, clock: Any
) -> None:
    """Each event is held back in a transaction of its own, at random, while others with larger ids commit."""
    exporter, events = watch(runs_only), written(make_database, clock)
    exporter.poll()
    chosen = random.Random(7)  # noqa: S311  # a test's order
    held = []
    for number, row in enumerate(events, start=1):
        connection = runs_only.connect()
        with connection.cursor() as cursor:
            insert(cursor, row, number)
        if chosen.random() < 0.1:
            held.append(connection)
        else:
            connection.commit()
            connection.close()
        if number % 50 == 0:
            exporter.poll(*FOLLOWERS)
        if len(held) > 8:
            late = held.pop(chosen.randrange(len(held)))
            late.commit()
            late.close()
    for late in held:
        late.commit()
        late.close()
    for _ in range(8):
        exporter.poll(*FOLLOWERS)

    seen = counted(exporter)
    expected = recount(runs_only)
    for name in ("runs", "made", "checks", "spans"):
        assert seen[name] == expected[name], name


def test_a_failure_is_told_only_when_no_materialisation_can_still_appear(
    watch: Any, runs_only: Any, make_database: Any, clock: Any
) -> None:
    """The last materialisation before a failure commits after it: the asset did not fail."""
    exporter = watch(runs_only)
    exporter.poll()
    run = runs_only.run("SELECT run_id FROM runs WHERE status = 'FAILURE' ORDER BY id LIMIT 1")[0][0]
    events = [row for row in written(make_database, clock) if row[0] == run]
    late = next(place for place, row in enumerate(events) if row[2] == "ASSET_MATERIALIZATION")
    connection = runs_only.connect()
    with connection.cursor() as cursor:
        insert(cursor, events[late], late + 1)
    for number, row in enumerate(events, start=1):
        if number != late + 1:
            other = runs_only.connect()
            with other, other.cursor() as cursor:
                insert(cursor, row, number)
            other.close()
    exporter.poll()
    exporter.poll()
    assert counted(exporter)["failed"] == Counter()

    connection.commit()
    connection.close()
    exporter.poll()
    exporter.poll()

    expected = recount(runs_only)["failed"]
    assert counted(exporter)["failed"] == expected
    assert sum(expected.values()) == 1


def test_an_event_that_commits_a_minute_late_is_counted_while_its_transaction_was_open(
    watch: Any, runs_only: Any, make_database: Any, clock: Any
) -> None:
    exporter, events = watch(runs_only), written(make_database, clock)
    exporter.poll()
    held = runs_only.connect()
    with held.cursor() as cursor:
        insert(cursor, events[0], 1)
    other = runs_only.connect()
    with other, other.cursor() as cursor:
        for number, row in enumerate(events[1:], start=2):
            insert(cursor, row, number)
    other.close()
    for _ in range(30):
        exporter.poll(*FOLLOWERS)  # 150 seconds, far beyond the overlap

    held.commit()
    held.close()
    exporter.poll(*FOLLOWERS)
    exporter.poll(*FOLLOWERS)

    assert counted(exporter) == recount(runs_only)


def test_polling_again_counts_nothing_again(exporter: Any, database: Any, clock: Any) -> None:
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    exporter.poll()
    before = exporter.series

    for _ in range(20):
        exporter.poll(*FOLLOWERS)

    changed = {key for key in before if exporter.series[key] != before[key]}
    assert {name for name, _ in changed} <= {"dagster_asset_freshness_state"}


def test_a_restart_goes_on_from_the_checkpoint(exporter: Any, database: Any, clock: Any) -> None:
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    exporter.poll()
    before = {key: value for key, value in exporter.series.items() if key[0].startswith("dagster_")}

    exporter.restart()
    exporter.poll()
    assert {key: exporter.series.get(key) for key in before} == before

    exporter.restart()
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    exporter.poll()

    assert counted(exporter) == recount(database)


class KilledError(BaseException):
    """Stands for SIGKILL: nothing catches it."""


@pytest.mark.parametrize("collector", ["runs", "assets", "checks"])
@pytest.mark.parametrize("moment", ["before the checkpoint", "after the checkpoint"])
def test_a_kill_between_two_steps_neither_loses_nor_doubles(
    exporter: Any, database: Any, clock: Any, monkeypatch: pytest.MonkeyPatch, moment: str, collector: str
) -> None:
    real = Checkpoints.save

    def killed(self: Checkpoints, name: str, state: str) -> None:
        if moment == "after the checkpoint":
            real(self, name, state)
        raise KilledError

    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", killed)
        with pytest.raises(KilledError):
            exporter.exporter.poll(collector)
    published = counted(exporter)
    exporter.restart()
    exporter.poll()
    exporter.poll()

    assert published["runs"] == Counter()  # what was not checkpointed was not shown
    assert counted(exporter) == recount(database)


def test_a_failing_poll_leaves_nothing_half_counted(
    exporter: Any, database: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)

    def full(self: Checkpoints, name: str, state: str) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", full)
        for _ in range(3):
            assert exporter.exporter.poll("runs", "assets", "checks") == {
                "runs": False,
                "assets": False,
                "checks": False,
            }
    exporter.poll()
    exporter.poll()

    assert counted(exporter) == recount(database)
    assert exporter.value("millrace_exporter_collector_errors_total", collector="runs") == 3


@pytest.mark.parametrize("jump", [-3 * 86400, -3600, 3600, 40 * 86400])
def test_a_jump_of_the_wall_clock_changes_no_count(exporter: Any, database: Any, clock: Any, jump: float) -> None:
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    clock.wall += jump
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    clock.wall -= jump / 2
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    for _ in range(15):
        exporter.poll()

    assert counted(exporter) == recount(database)


def test_a_backlog_larger_than_a_poll_takes_is_caught_up_and_its_lag_is_shown(
    exporter: Any, database: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "BATCH", 40)
    monkeypatch.setattr(tail, "BATCHES", 2)
    exporter.poll()
    database.history.write(runs=200, assets=7, end=clock.wall, seconds=60)

    exporter.poll()
    behind = exporter.value("dagster_event_cursor_lag_events", event_type="ASSET_MATERIALIZATION")
    for _ in range(12):
        exporter.poll()

    assert behind is not None
    assert behind > 0
    assert exporter.value("dagster_event_cursor_lag_events", event_type="ASSET_MATERIALIZATION") == 0
    assert counted(exporter) == recount(database)


def test_a_cold_start_is_never_in_the_midst_of_a_backlog(
    watch: Any, database: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is shown of a job would be its past: its last success of days ago, a failure that was mended since."""
    monkeypatch.setattr(tail, "BATCH", 40)
    monkeypatch.setattr(tail, "BATCHES", 2)
    database.history.write(runs=200, assets=7, end=clock.wall - 60, seconds=40_000)

    exporter = watch(database)
    exporter.poll()

    assert exporter.value("dagster_event_cursor_lag_events", event_type="ASSET_MATERIALIZATION") == 0
    newest = "SELECT max(extract(epoch FROM timestamp)) FROM event_logs WHERE dagster_event_type = 'PIPELINE_SUCCESS'"
    shown = exporter.all("dagster_job_last_success_timestamp_seconds")
    assert max(shown.values()) == pytest.approx(float(database.run(newest)[0][0]))


def test_a_cold_start_shows_the_window_and_counts_what_comes_after(watch: Any, database: Any, clock: Any) -> None:
    """Counted, the look-back would be an increase after each lost checkpoint: yesterday's failures, alerted again."""
    database.history.write(runs=100, assets=7, end=clock.wall - 60, seconds=40 * 86400)
    last = database.run("SELECT max(id) FROM event_logs")[0][0]
    exporter = watch(database, look_back_hours=24 * 10)
    exporter.poll()

    assert sum(exporter.all("dagster_runs_completed_total").values()) == 0
    assert len(exporter.all("dagster_job_last_run_success")) == 5
    assert len(exporter.all("dagster_asset_last_materialization_timestamp_seconds")) == 7
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    exporter.poll()
    assert counted(exporter) == recount(database, after=last)


@pytest.mark.parametrize(
    "content", ["", "{", '{"format": 99, "state": {}}', '{"format": 1, "state": {"collector": 1}}']
)
def test_a_checkpoint_that_cannot_be_read_is_a_cold_start(
    exporter: Any, database: Any, clock: Any, tmp_path: Path, content: str
) -> None:
    database.history.write(runs=40, assets=7, end=clock.wall, seconds=60)
    exporter.poll()
    (tmp_path / "checkpoints" / "runs.json").write_text(content)

    exporter.restart()
    exporter.poll()

    assert sum(exporter.all("dagster_runs_completed_total").values()) == 0
    since = exporter.value("millrace_exporter_collector_counting_since_timestamp_seconds", collector="runs")
    others = exporter.value("millrace_exporter_collector_counting_since_timestamp_seconds", collector="assets")
    assert since is not None
    assert others is not None
    assert since > others
