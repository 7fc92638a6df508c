"""Chunks in steps of real runs: retries, runs that are killed, what is visible, and what is removed when."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.errors import SourceUnavailableError
from millrace.processing import Chunk, ChunkConfig, content_key, in_chunks
from millrace.quality import Reject, RejectKind
from millrace.resources import PartFiles, RejectFiles
from millrace.runs import stage
from millrace.runs.progress import step_progress

SMALL = ChunkConfig(start_rows=10, min_rows=10, max_rows=10)
NUMBERS = pl.LazyFrame({"number": range(50)})


class Mill:
    """An asset of five chunks, whose function can be told to fail."""

    def __init__(self, folder: Path) -> None:
        self.part_files = PartFiles.model_validate({"place": {"address": str(folder / "parts")}})
        self.folder = folder / "parts" / "a_rows"
        self.seen: list[int] = []
        self.fail: Callable[[int], None] = lambda _: None
        self.source = NUMBERS

    def asset(self) -> dg.AssetsDefinition:
        @dg.asset
        @stage
        def a_rows(context: dg.AssetExecutionContext, rejects: RejectFiles) -> pl.LazyFrame:
            return in_chunks(
                self.source,
                self.work,
                parts=self.part_files.of("a_rows"),
                key=content_key(self.source, "1"),
                progress=step_progress(context),
                rejects=rejects.log("a_rows"),
                config=SMALL,
            )

        return a_rows

    def work(self, frame: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
        self.seen.append(chunk.number)
        self.fail(chunk.number)
        chunk.add(Reject(RejectKind.VALUE, f"chunk {chunk.number}", "odd", "odd"))
        return frame

    def parts(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob("*.parquet"))


@pytest.fixture
def mill(tmp_path: Path) -> Mill:
    return Mill(tmp_path)


def once(chunk: int, error: Exception) -> Callable[[int], None]:
    """Fail at a chunk the first time it comes."""
    errors = [error]

    def fail(number: int) -> None:
        if number == chunk and errors:
            raise errors.pop()

    return fail


def rows(bench: Any) -> list[int]:
    return pl.read_parquet(bench.stages.store.read("a_rows.parquet"))["number"].to_list()


def test_a_retried_step_goes_on_at_the_chunk_that_failed(bench: Any, mill: Mill) -> None:
    mill.fail = once(3, SourceUnavailableError("api", "busy"))

    ended = bench.run(mill.asset(), max_retries=1)

    assert ended.success, ended.failures
    assert ended.retries == 1
    assert mill.seen == [1, 2, 3, 3, 4, 5]
    assert rows(bench) == list(range(50))
    assert [reject.place for reject in bench.rejects.read("a_rows")] == [f"chunk {n}" for n in range(1, 6)]


def test_a_new_run_goes_on_where_a_failed_one_stopped(bench: Any, mill: Mill) -> None:
    mill.fail = once(4, ValueError("a bug"))
    failed = bench.run(mill.asset())
    assert failed.failures["a_rows"].startswith(
        f"a_rows, run {failed.run_id}, chunk 4 from row 30, 10 rows: ValueError"
    )

    ended = bench.run(mill.asset())

    assert ended.success
    assert mill.seen == [1, 2, 3, 4, 4, 5]
    assert rows(bench) == list(range(50))


def test_nothing_of_a_failed_step_is_visible_as_the_asset_and_its_parts_stay(bench: Any, mill: Mill) -> None:
    mill.fail = once(4, ValueError("a bug"))

    bench.run(mill.asset())

    assert not bench.stages.store.has("a_rows.parquet")
    assert len(mill.parts()) == 3


def test_parts_are_removed_once_the_asset_has_been_written(bench: Any, mill: Mill) -> None:
    assert bench.run(mill.asset()).success

    assert rows(bench) == list(range(50))
    assert not mill.folder.exists()


def test_parts_stay_if_the_asset_cannot_be_written(bench: Any, mill: Mill) -> None:
    blocked = Path(bench.stages.address) / "a_rows.parquet"
    blocked.mkdir(parents=True)

    assert not bench.run(mill.asset()).success

    assert len(mill.parts()) == 5
    blocked.rmdir()
    mill.seen.clear()
    assert bench.run(mill.asset()).success
    assert mill.seen == [], "everything had been computed"


def test_other_inputs_begin_anew(bench: Any, mill: Mill) -> None:
    mill.fail = once(4, ValueError("a bug"))
    bench.run(mill.asset())
    mill.seen.clear()
    mill.source = NUMBERS.with_columns(pl.col("number") + 1)

    assert bench.run(mill.asset()).success

    assert mill.seen == [1, 2, 3, 4, 5]
    assert rows(bench) == list(range(1, 51))


KILLED = """
import os, signal, sys
from pathlib import Path
import polars as pl
from millrace.processing import *
from millrace.stores import FolderStore

def work(frame, chunk):
    if chunk.number == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    with open(sys.argv[1] + "/worked", "a") as file:
        file.write(f"{chunk.first_row}\\n")
    return frame

frame = in_chunks(
    pl.LazyFrame({"number": range(50)}), work, parts=Parts(FolderStore(Path(sys.argv[1]) / "parts"), "a"), key="k",
    progress=Progress("a"), config=ChunkConfig(start_rows=10, min_rows=10, max_rows=10),
)
print(frame.collect()["number"].sum())
"""


def test_a_process_that_is_killed_loses_one_chunk(tmp_path: Path) -> None:
    def run(dies_at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", KILLED, str(tmp_path), str(dies_at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert run(4).returncode == -9
    ended = run(0)

    assert ended.stdout.strip() == str(sum(range(50))), ended.stderr
    assert (tmp_path / "worked").read_text().split() == ["0", "10", "20", "30", "40"]


def test_a_long_step_records_its_progress_and_its_lines(
    bench: Any, mill: Mill, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("millrace.processing.progress.OBSERVE_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("millrace.processing.progress.SAY_EVERY_SECONDS", 0.0)

    ended = bench.run(mill.asset())

    observed = [
        {name: value.value for name, value in event.event_specific_data.asset_observation.metadata.items()}
        for event in ended.events
        if event.event_type_value == "ASSET_OBSERVATION"
    ]
    assert [said["progress_rows"] for said in observed] == [10, 20, 30, 40, 50, 50]
    assert [said["progress_share"] for said in observed] == [0.2, 0.4, 0.6, 0.8, 1.0, 1.0]
    assert observed[0]["progress_eta_seconds"] > observed[-1]["progress_eta_seconds"] == 0
    assert "a_rows: 20 of 50 rows (40.0%), chunk 2" in capfd.readouterr().err
