"""Captured stdout and stderr of runs."""

from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager

from millrace_platform.captured_logs import CapturedLogs, Files


def test_the_logs_of_old_runs_go_and_those_of_young_ones_stay(store: Any) -> None:
    store.run("painting_job", days_old=15)
    old = Files(len(store.log_files()), sum(path.stat().st_size for path in store.log_files()))
    young = store.run("painting_job", days_old=13)
    figures = store.prune()["pruned_logs"]
    assert (figures["dagster/row_count"], figures["bytes_freed"]) == (old.count, old.bytes)
    assert {path.relative_to(store.folder / "compute_logs").parts[0] for path in store.log_files()} == {young}


def test_the_folder_of_a_run_goes_with_its_last_file(store: Any) -> None:
    run = store.run("painting_job", days_old=400)
    store.prune()
    assert not (store.folder / "compute_logs" / run).exists()


def test_what_else_lies_in_the_folder_of_a_run_stays(store: Any) -> None:
    """Dagster's default log folder is also where its file system IO manager keeps a run's outputs."""
    run = store.run("painting_job", days_old=400)
    output = store.folder / "compute_logs" / run / "painting" / "result"
    output.parent.mkdir()
    output.write_text("precious")
    store.prune()
    assert store.log_files() == [output]


def test_folders_that_are_no_runs_stay(store: Any) -> None:
    stranger = store.folder / "compute_logs" / "no-run" / "compute_logs" / "x.out"
    stranger.parent.mkdir(parents=True)
    stranger.touch()
    store.prune()
    assert store.log_files() == [stranger]


def test_logs_that_are_kept_elsewhere_are_left_alone(tmp_path: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(instance.compute_log_manager, NoOpComputeLogManager)
        logs = CapturedLogs(instance)
        assert not logs.is_local
        assert list(logs.runs()) == []
        assert logs.of_run("any") == logs.of_tick(["any"]) == Files()
        logs.remove_run("any")
        logs.remove_tick(["any"])
