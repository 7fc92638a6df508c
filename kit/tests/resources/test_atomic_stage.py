"""A stage file appears whole or not at all."""

import time
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.io.plugins import register_io_source

from millrace.resources import StageParquetIOManager
from millrace.runs import stage
from millrace.stores import Place
from millrace.testing import repeated

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


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Reader:
    """Reads a stage; keeps the versions that it saw and what went wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.versions: list[int] = []
        self.problems: list[str] = []

    def read(self) -> None:
        content = self._path.read_bytes()
        if not content.startswith(MAGIC) or not content.endswith(MAGIC) or len(content) <= len(MAGIC):
            self.problems.append(f"{len(content)} bytes are no Parquet file")
            return
        seen = pl.read_parquet(content)["version"]
        if len(seen) != ROWS or seen.n_unique() != 1:
            self.problems.append(f"{len(seen)} rows of {seen.n_unique()} versions")
        self.versions.append(seen[0])


@pytest.mark.parametrize("in_place", [False, True], ids=["as_the_kit_writes", "control_in_place"])
def test_a_reader_always_reads_a_whole_file_while_it_is_written_again_and_again(
    tmp_path: Path, *, in_place: bool
) -> None:
    manager = StageParquetIOManager.at(Place(address=str(tmp_path)))
    context = dg.build_output_context()
    path = tmp_path / "a_rows.parquet"
    frames = [pl.LazyFrame({"version": [version] * ROWS, "noise": range(ROWS)}) for version in range(30)]

    def write(frame: pl.LazyFrame) -> None:
        if in_place:
            frame.sink_parquet(path)
        else:
            manager.dump_to_path(context, frame, path)

    write(frames[0])
    reader = Reader(path)
    with repeated(reader.read):
        for frame in frames:
            write(frame)
            time.sleep(0.005)

    assert len(set(reader.versions)) > 1, "the reader saw no change, so it proves nothing"
    assert bool(reader.problems) is in_place


def test_a_failure_midway_leaves_the_old_stage_and_no_temporary_file(bench: Any) -> None:
    assert bench.run(a_rows(pl.LazyFrame({"version": [1, 1]}))).success
    before = (bench.stages / "a_rows.parquet").read_bytes()

    ended = bench.run(a_rows(breaking_off(after=1_000_000)))

    assert "the source broke off" in ended.failures["a_rows"]
    assert names(bench.stages) == ["a_rows.parquet"]
    assert (bench.stages / "a_rows.parquet").read_bytes() == before


def test_a_failure_at_the_first_time_leaves_nothing(bench: Any) -> None:
    assert not bench.run(a_rows(breaking_off(after=1_000_000))).success

    assert names(bench.stages) == []


def test_an_eager_frame_is_stored_as_a_lazy_one_is(bench: Any) -> None:
    @dg.asset(name="a_rows")
    @stage
    def eager() -> pl.DataFrame:
        return pl.DataFrame({"version": [1, 2]})

    assert bench.run(eager).success
    first = (bench.stages / "a_rows.parquet").read_bytes()
    assert bench.run(a_rows(pl.LazyFrame({"version": [1, 2]}))).success

    assert (bench.stages / "a_rows.parquet").read_bytes() == first
