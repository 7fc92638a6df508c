"""How far steps are: told while they go on, gone when they are over."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.processing import ChunkConfig, Parts, in_chunks
from millrace.runs import stage
from millrace.runs.progress import step_progress
from millrace.stores import FolderStore
from millrace_exporter.events.progress import KEYS, SILENT_SECONDS

ROWS, SHARE = "dagster_asset_progress_rows", "dagster_asset_progress_share"
END = "dagster_asset_progress_expected_end_timestamp_seconds"


@pytest.fixture
def instance(database: Any, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with database.instance(tmp_path / "dagster") as made:
        yield made


class Watching:
    """An asset of two steps, and what the exporter says while its function is at work."""

    def __init__(self, exporter: Any, instance: dg.DagsterInstance) -> None:
        self.exporter = exporter
        self.instance = instance
        self.meanwhile: list[dict[str, float | None]] = []

    def look(self) -> None:
        self.exporter.poll()
        self.meanwhile.append(self.shown)

    @property
    def shown(self) -> dict[str, float | None]:
        found = {name: self.exporter.value(name, asset_key="a_rows") for name in (ROWS, SHARE, END)}
        return {name: value for name, value in found.items() if value is not None}

    def run(self, work: Any) -> None:
        @dg.asset(name="a_rows")
        @stage
        def rows(context: dg.AssetExecutionContext) -> None:
            work(context)

        dg.materialize([rows], instance=self.instance, raise_on_error=False)
        self.exporter.poll()


@pytest.fixture
def watching(exporter: Any, instance: dg.DagsterInstance) -> Watching:
    return Watching(exporter, instance)


def said(context: dg.AssetExecutionContext, **metadata: float) -> None:
    context.log_event(dg.AssetObservation("a_rows", metadata=metadata))


def test_a_step_of_the_kit_is_followed_while_it_works_and_gone_when_its_asset_is_there(
    watching: Watching, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("millrace.processing.progress.OBSERVE_EVERY_SECONDS", 0.0)

    def function(frame: pl.DataFrame, _chunk: Any) -> pl.DataFrame:
        watching.look()
        return frame

    def work(context: dg.AssetExecutionContext) -> None:
        in_chunks(
            pl.LazyFrame({"a": range(40)}),
            function,
            parts=Parts(FolderStore(tmp_path / "parts"), "a_rows"),
            key="k",
            progress=step_progress(context),
            config=ChunkConfig(start_rows=10, min_rows=10, max_rows=10),
        )

    watching.run(work)

    assert [shown.get(ROWS) for shown in watching.meanwhile] == [None, 10, 20, 30]
    assert [shown.get(SHARE) for shown in watching.meanwhile] == [None, 0.25, 0.5, 0.75]
    assert watching.meanwhile[-1][END] is not None
    assert watching.shown == {}
    assert watching.exporter.value("dagster_asset_materializations_total", asset_key="a_rows") == 1


def test_a_step_that_fails_is_gone_with_its_run(watching: Watching) -> None:
    def work(context: dg.AssetExecutionContext) -> None:
        said(context, progress_rows=10.0, progress_share=0.25, progress_eta_seconds=30.0)
        watching.look()
        raise ValueError

    watching.run(work)

    assert watching.meanwhile[0][ROWS] == 10
    assert watching.shown == {}


def test_the_expected_end_is_a_moment_and_not_an_age(watching: Watching) -> None:
    def work(context: dg.AssetExecutionContext) -> None:
        said(context, progress_rows=10.0, progress_eta_seconds=3_000.0)
        watching.look()
        watching.look()

    watching.run(work)

    first, second = watching.meanwhile
    assert first[END] == second[END]
    assert first[END] == pytest.approx(watching.exporter.clock.wall + 3_000, abs=600)
    assert SHARE not in first, "its total was not said"


def test_any_other_observation_is_no_progress(watching: Watching) -> None:
    def work(context: dg.AssetExecutionContext) -> None:
        said(context, rows=10.0)
        watching.look()

    watching.run(work)

    assert watching.meanwhile == [{}]


def test_a_restart_of_the_exporter_keeps_what_goes_on_and_forgets_what_ended_meanwhile(watching: Watching) -> None:
    def work(context: dg.AssetExecutionContext) -> None:
        said(context, progress_rows=10.0)
        watching.look()
        watching.exporter.restart()
        watching.look()
        watching.exporter.restart()

    watching.run(work)

    assert [shown[ROWS] for shown in watching.meanwhile] == [10, 10]
    assert watching.shown == {}


def test_a_step_that_says_nothing_for_an_hour_is_gone(watching: Watching) -> None:
    """Its run may have been deleted: no end will ever be told."""

    def work(context: dg.AssetExecutionContext) -> None:
        said(context, progress_rows=10.0)
        watching.look()
        watching.exporter.clock.pass_(SILENT_SECONDS)
        watching.look()

    watching.run(work)

    assert watching.meanwhile == [{ROWS: 10}, {}]


def test_the_keys_are_those_that_the_kit_writes() -> None:
    from millrace.runs.progress import ETA as WRITTEN_ETA
    from millrace.runs.progress import ROWS as WRITTEN_ROWS
    from millrace.runs.progress import SHARE as WRITTEN_SHARE

    assert {WRITTEN_ROWS, WRITTEN_SHARE, WRITTEN_ETA} == KEYS
