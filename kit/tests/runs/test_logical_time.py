"""The date on which a run logically takes place."""

from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.tags import SCHEDULED_EXECUTION_TIME_TAG

from millrace.errors import ConfigurationError
from millrace.runs import logical_date

TAG = "millrace/logical_date"


@dg.asset
def a_rows() -> None: ...


DEFINITIONS = dg.Definitions(assets=[a_rows], jobs=[dg.define_asset_job("whole_job")])


class Runs:
    """Creates runs, some of them long ago."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def create(self, tags: dict[str, str] | None = None, *, created: str = "", root: str | None = None) -> str:
        run = self.instance.create_run_for_job(
            DEFINITIONS.resolve_job_def("whole_job"), tags=tags, root_run_id=root, parent_run_id=root
        )
        if created:
            with self.instance.run_storage.connect() as connection:  # ty: ignore[missing-attribute]
                connection.execute(
                    sa.text("UPDATE runs SET create_timestamp = :moment WHERE run_id = :run"),
                    {"moment": datetime.fromisoformat(created), "run": run.run_id},
                )
        return run.run_id

    def date(self, run_id: str) -> date:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        context: Any = type("Context", (), {"run": run, "instance": self.instance})()
        return logical_date(context)


@pytest.fixture
def runs(instance: dg.DagsterInstance) -> Runs:
    return Runs(instance)


def test_a_run_that_somebody_started_has_the_date_of_its_creation(runs: Runs) -> None:
    assert runs.date(runs.create(created="2025-12-31 23:59:00")) == date(2025, 12, 31)
    assert runs.date(runs.create()) == datetime.now(UTC).date()


def test_the_tag_overrules_everything(runs: Runs) -> None:
    tags = {TAG: "2024-02-29", SCHEDULED_EXECUTION_TIME_TAG: "2026-03-01T02:15:00+00:00"}

    assert runs.date(runs.create(tags, created="2025-12-31 12:00:00")) == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("tick", "expected"),
    [
        ("2026-03-01T02:15:00+00:00", date(2026, 3, 1)),
        ("2026-03-01T00:30:00+02:00", date(2026, 2, 28)),
        ("2026-02-28T20:00:00-05:00", date(2026, 3, 1)),
    ],
    ids=["utc", "east_of_it", "west_of_it"],
)
def test_a_scheduled_run_has_the_date_of_its_tick_in_utc_whenever_it_runs(
    runs: Runs, tick: str, expected: date
) -> None:
    assert runs.date(runs.create({SCHEDULED_EXECUTION_TIME_TAG: tick}, created="2026-03-09 08:00:00")) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, date(2025, 6, 1)),
        ({TAG: "2025-05-20"}, date(2025, 5, 20)),
        ({SCHEDULED_EXECUTION_TIME_TAG: "2025-05-30T02:15:00+00:00"}, date(2025, 5, 30)),
    ],
    ids=["created", "tagged", "scheduled"],
)
def test_a_retry_without_its_first_runs_tags_keeps_its_date(runs: Runs, tags: dict[str, str], expected: date) -> None:
    root = runs.create(tags, created="2025-06-01 23:00:00")

    retry = runs.create(root=root, created="2025-06-02 00:10:00")

    assert runs.date(retry) == expected


def test_a_retry_with_a_tag_of_its_own_has_that_date(runs: Runs) -> None:
    root = runs.create({TAG: "2025-06-01"})

    assert runs.date(runs.create({TAG: "2025-07-01"}, root=root)) == date(2025, 7, 1)


def test_a_retry_whose_first_run_is_gone_has_its_own_date(runs: Runs) -> None:
    root = runs.create(created="2025-06-01 12:00:00")
    retry = runs.create(root=root, created="2025-06-03 12:00:00")
    runs.instance.delete_run(root)

    assert runs.date(retry) == date(2025, 6, 3)


@pytest.mark.parametrize("value", ["yesterday", "2026-02-30", "01.03.2026", ""])
def test_a_tag_that_is_no_date_is_named_with_its_value(runs: Runs, value: str) -> None:
    run_id = runs.create({TAG: value})

    with pytest.raises(ConfigurationError) as caught:
        runs.date(run_id)

    assert f"run {run_id}: tag {TAG}={value!r}: " in str(caught.value)
    assert str(caught.value).endswith("; write YYYY-MM-DD")


def test_an_asset_sees_the_date_of_its_run(bench: Any) -> None:
    seen = []

    @dg.asset
    def a_rows(context: dg.AssetExecutionContext) -> None:
        seen.append(logical_date(context))

    assert bench.run(a_rows, tags={TAG: "2024-02-29"}).success
    assert seen == [date(2024, 2, 29)]
