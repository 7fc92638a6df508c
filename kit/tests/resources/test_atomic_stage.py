"""A stage file appears whole or not at all."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from millrace.resources import StageParquetIOManager
from millrace.runs import stage
from millrace.stores import Store
from millrace.testing import repeated

if TYPE_CHECKING:
    from upath import UPath

NAME = "a_rows.parquet"
ROWS = 20_000
MAGIC = b"PAR1"  # begins and ends every Parquet file


def a_rows(frame: pl.LazyFrame) -> dg.AssetsDefinition:
    @dg.asset(name="a_rows")
    @stage
    def made() -> pl.LazyFrame:
        return frame

    return made


def breaking_off(after: int) -> pl.LazyFrame:
    """A frame whose source ends with an error after so many rows."""

    def rows(*_: Any) -> Any:
        yield pl.DataFrame({"version": [9] * after})
        raise ValueError("the source broke off")

    return register_io_source(rows, schema={"version": pl.Int64})


class Reader:
    """Reads a stage; keeps the versions that it saw and what went wrong."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.versions: list[int] = []
        self.problems: list[str] = []

    def read(self) -> None:
        content = self._store.read(NAME)
        if not content.startswith(MAGIC) or not content.endswith(MAGIC) or len(content) <= len(MAGIC):
            self.problems.append(f"{len(content)} bytes are no Parquet file")
            return
        seen = pl.read_parquet(content)["version"]
        if len(seen) != ROWS or seen.n_unique() != 1:
            self.problems.append(f"{len(seen)} rows of {seen.n_unique()} versions")
        self.versions.append(seen[0])


def read_beside(store: Store, write: Callable[[pl.LazyFrame], object]) -> Reader:
    """Write a stage again and again, and read it all the while."""
    frames = [pl.LazyFrame({"version": [version] * ROWS, "noise": range(ROWS)}) for version in range(30)]
    write(frames[0])
    reader = Reader(store)
    with repeated(reader.read):
        for frame in frames:
            write(frame)
            time.sleep(0.005)
    assert len(set(reader.versions)) > 1, "the reader saw no change, so it proves nothing"
    return reader


def test_a_reader_always_reads_a_whole_file_while_it_is_written_again_and_again(spot: Any) -> None:
    manager = StageParquetIOManager.at(spot.place)
    context, path = dg.build_output_context(), cast("UPath", spot.store.address_of(NAME))

    reader = read_beside(spot.store, lambda frame: manager.dump_to_path(context, frame, path))

    assert reader.problems == []


def test_the_reader_would_notice_a_file_that_is_written_in_place(folder_spot: Any) -> None:
    path = Path(folder_spot.address) / NAME
    path.parent.mkdir()

    reader = read_beside(folder_spot.store, lambda frame: frame.sink_parquet(path))

    assert reader.problems


def test_a_failure_midway_leaves_the_old_stage_and_no_temporary_file(
    bench_at: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    assert bench_at.run(a_rows(pl.LazyFrame({"version": [1, 1]}))).success
    before = bench_at.stages.store.read(NAME)

    ended = bench_at.run(a_rows(breaking_off(after=1_000_000)))

    assert "the source broke off" in ended.failures["a_rows"]
    assert list(bench_at.stages.stamps()) == [NAME]
    assert not [path for path in scratch.iterdir() if path.name.startswith("millrace-")]
    assert bench_at.stages.store.read(NAME) == before


def test_a_failure_at_the_first_time_leaves_nothing(bench_at: Any) -> None:
    assert not bench_at.run(a_rows(breaking_off(after=1_000_000))).success

    assert list(bench_at.stages.stamps()) == []


def test_an_eager_frame_is_stored_as_a_lazy_one_is(bench_at: Any) -> None:
    @dg.asset(name="a_rows")
    @stage
    def eager() -> pl.DataFrame:
        return pl.DataFrame({"version": [1, 2]})

    assert bench_at.run(eager).success
    first = bench_at.stages.store.read(NAME)
    assert bench_at.run(a_rows(pl.LazyFrame({"version": [1, 2]}))).success

    assert bench_at.stages.store.read(NAME) == first
