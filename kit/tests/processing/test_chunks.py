"""Work in chunks: the result does not depend on how it was cut or where it was interrupted."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from millrace.errors import ChunkFailedError, PermanentError, SourceUnavailableError, TransientError, is_transient
from millrace.processing import Chunk, ChunkConfig, ChunkFunction, Parts, Progress, in_chunks
from millrace.quality import Reject, RejectKind
from millrace.stores import FolderStore

ROWS = 1_000
SOURCE = pl.LazyFrame({"number": range(ROWS)})
Sizes = list[int]


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


class Rejects:
    def __init__(self) -> None:
        self.places: list[str] = []

    def add(self, reject: Reject) -> None:
        self.places.append(reject.place)


class Work:
    """Squares numbers, drops every seventh row, doubles every fifth, and rejects every thirteenth."""

    def __init__(self, folder: Path, key: str = "k") -> None:
        self.parts = Parts(FolderStore(folder), "squares")
        self.key = key
        self.chunks: list[tuple[int, int]] = []
        self.said: list[str] = []
        self.rejected: list[str] = []

    def run(self, *, source: Any = SOURCE, sizes: Sizes | None = None, dies_at: int | None = None, **more: Any) -> Any:
        self.chunks, self.said, rejects = [], [], Rejects()
        self.rejected = rejects.places

        def square(frame: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
            self.chunks.append((chunk.first_row, chunk.rows))
            numbers = pl.col("number")
            for number in frame.filter(numbers % 13 == 0)["number"]:
                chunk.record_key = str(number)
                chunk.add(Reject(RejectKind.ROW, f"row {number}", "unlucky", "thirteen"))
            if dies_at is not None and chunk.first_row <= dies_at < chunk.first_row + chunk.rows:
                raise more.get("error", Killed())
            kept = frame.filter(numbers % 7 != 0, numbers % 13 != 0)
            result = pl.concat([kept, kept.filter(numbers % 5 == 0)]).sort("number")
            return result.with_columns((numbers**2).alias("square"))

        frame = in_chunks(
            source,
            square,
            parts=self.parts,
            key=self.key,
            progress=Progress("mill.squares", "run-1", say=self.said.append),
            rejects=rejects,
            config=ChunkConfig(start_rows=50, min_rows=1, max_rows=400),
            free_bytes=forcing(sizes or [1 << 20]),
        )
        return frame.collect().rows()


def forcing(sizes: Sizes) -> Callable[[], int]:
    """Free memory that makes chunks of about these sizes: 8 bytes a row in, 16 out, twice over, a quarter of it."""
    endless = itertools.cycle(sizes)
    return lambda: next(endless) * 48 * 4


EXPECTED = [
    (number, number**2)
    for number in range(ROWS)
    if number % 7 and number % 13
    for _ in range(2 if number % 5 == 0 else 1)
]
REJECTED = [f"row {number}" for number in range(0, ROWS, 13)]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=6), st.none() | st.integers(0, ROWS - 1), st.data())
@settings(max_examples=25, deadline=None)
def test_the_result_depends_neither_on_the_chunks_nor_on_an_interruption(
    tmp_path_factory: pytest.TempPathFactory, sizes: Sizes, dies_at: int | None, data: st.DataObject
) -> None:
    work = Work(tmp_path_factory.mktemp("parts"))
    if dies_at is not None:
        with pytest.raises(Killed):
            work.run(sizes=data.draw(st.lists(st.integers(1, 400), min_size=1, max_size=4)), dies_at=dies_at)

    assert work.run(sizes=sizes) == EXPECTED
    assert work.rejected == REJECTED


def test_an_error_names_the_first_and_the_last_record_of_its_chunk(tmp_path: Path) -> None:
    def refuse(frame: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
        if chunk.first_row:
            raise ValueError("no")
        return frame

    with pytest.raises(ChunkFailedError, match=r"chunk 2 from row 10, 10 rows, record 10 to 19: .*no"):
        in_chunks(
            SOURCE,
            refuse,
            parts=Parts(FolderStore(tmp_path), "refused"),
            key="k",
            progress=Progress("mill.refused"),
            key_column="number",
            config=ChunkConfig(start_rows=10, min_rows=10, max_rows=10),
        )


def test_a_run_goes_on_at_the_chunk_where_the_last_one_stopped(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with pytest.raises(Killed):
        work.run(dies_at=600)
    done = work.chunks[:-1]
    stopped_at = work.chunks[-1][0]

    work.run(sizes=[7])

    assert sum(rows for _, rows in done) == stopped_at > 0
    assert work.chunks[0][0] == stopped_at, "finished chunks are not computed again"
    assert work.said[0] == f"mill.squares: goes on after row {stopped_at:,}, where an earlier run stopped"


def test_what_finished_chunks_rejected_is_not_lost_when_a_run_resumes(tmp_path: Path) -> None:
    work = Work(tmp_path)
    with pytest.raises(Killed):
        work.run(dies_at=600)
    of_the_first_run = list(work.rejected)
    assert of_the_first_run != REJECTED

    work.run()

    assert work.rejected == REJECTED


def test_a_part_without_its_rejects_does_not_count(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.run()
    for lost in tmp_path.rglob("*.ndjson"):
        lost.unlink()

    assert work.run() == EXPECTED
    assert work.rejected == REJECTED


def test_a_whole_result_is_taken_as_it_is(tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.run()

    assert work.run() == EXPECTED
    assert work.chunks == []


def test_parts_of_other_inputs_or_other_code_are_removed_and_not_used(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        Work(tmp_path, "old").run(dies_at=600)
    work = Work(tmp_path, "new")

    assert work.run() == EXPECTED
    assert work.chunks[0][0] == 0
    assert [path.name for path in (tmp_path / "squares").iterdir()] == ["new"]


def test_two_runs_that_cut_differently_leave_parts_that_fit(tmp_path: Path) -> None:
    first, second = Work(tmp_path), Work(tmp_path)
    with pytest.raises(Killed):
        first.run(dies_at=500, sizes=[37])
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    first.parts.remove()
    with pytest.raises(Killed):
        second.run(dies_at=800, sizes=[53])
    for path, content in kept.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    assert second.run() == EXPECTED
    assert second.rejected == REJECTED


def test_a_run_whose_parts_another_one_removes_is_tried_again(tmp_path: Path) -> None:
    parts = Parts(FolderStore(tmp_path), "a")

    def disturbed(frame: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
        if chunk.number == 2:
            parts.remove()
        return frame

    def run(function: ChunkFunction) -> list[int]:
        source, config = frames_of([400]), ChunkConfig(start_rows=500)
        frame = in_chunks(source, function, parts=parts, key="k", progress=Progress("mill.a"), config=config)
        return frame.collect()["number"].to_list()

    with pytest.raises(TransientError, match="1 of 2 finished chunks are gone"):
        run(disturbed)
    assert run(lambda frame, _chunk: frame) == list(range(ROWS))


def frames_of(sizes: Sizes) -> Iterator[pl.DataFrame]:
    row = 0
    for size in itertools.cycle(sizes):
        if row >= ROWS:
            return
        yield pl.DataFrame({"number": range(row, min(row + size, ROWS))})
        row += size


@pytest.mark.parametrize("sizes", [[1_000], [3], [0, 400, 1]], ids=["one", "many", "some_empty"])
def test_frames_are_cut_and_joined_as_needed(tmp_path: Path, sizes: Sizes) -> None:
    work = Work(tmp_path)
    if sizes[0]:
        with pytest.raises(Killed):
            work.run(source=frames_of(sizes), dies_at=500)

    assert work.run(source=frames_of(sizes)) == EXPECTED
    assert work.rejected == REJECTED


def test_an_input_without_rows_gives_a_result_without_rows_but_with_its_columns(tmp_path: Path) -> None:
    work = Work(tmp_path)

    def lengths(frame: pl.DataFrame, _chunk: Chunk) -> pl.DataFrame:
        return frame.select(pl.col("number").alias("length"))

    for _ in range(2):
        frame = in_chunks(SOURCE.clear(), lengths, parts=work.parts, key="k", progress=Progress("mill.a"))
        assert frame.collect().schema == {"length": pl.Int64}
        assert frame.collect().is_empty()


def test_the_rows_of_a_sorted_plan_keep_their_order(tmp_path: Path) -> None:
    source = SOURCE.sort("number", descending=True).sort("number")

    assert Work(tmp_path).run(source=source) == EXPECTED


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (ValueError("no square"), False),
        (SourceUnavailableError("api", "busy"), True),
        (PermanentError("x", "y"), False),
    ],
    ids=["unknown", "transient", "permanent"],
)
def test_an_error_names_asset_run_chunk_and_record_and_stays_what_it_is(
    tmp_path: Path, error: Exception, *, transient: bool
) -> None:
    work = Work(tmp_path)

    with pytest.raises(ChunkFailedError) as caught:
        work.run(dies_at=60, error=error)

    assert str(caught.value).startswith("mill.squares, run run-1, chunk 2 from row 50, 100 rows, record 143: ")
    assert str(error) in str(caught.value)
    assert str(caught.value).endswith("; the chunks before it are kept; run it again to go on from there")
    assert caught.value.__cause__ is error
    assert is_transient(caught.value) is transient
    assert work.run() == EXPECTED


def test_an_error_of_the_source_names_the_chunk(tmp_path: Path) -> None:
    def breaking() -> Iterator[pl.DataFrame]:
        yield pl.DataFrame({"number": range(60)})
        raise ConnectionResetError("gone")

    with pytest.raises(ChunkFailedError, match="chunk 2 from row 50: ConnectionResetError: gone") as caught:
        Work(tmp_path).run(source=breaking())
    assert is_transient(caught.value)


def test_chunks_whose_results_differ_in_their_columns_are_one_clear_error(tmp_path: Path) -> None:
    def shifty(frame: pl.DataFrame, chunk: Chunk) -> pl.DataFrame:
        return frame if chunk.number == 1 else frame.cast(pl.String)

    with pytest.raises(ChunkFailedError, match=r"the result has \{'number': String\}, those of the chunks before have"):
        in_chunks(
            frames_of([600]),
            shifty,
            parts=Parts(FolderStore(tmp_path), "a"),
            key="k",
            progress=Progress("mill.a"),
            config=ChunkConfig(start_rows=500),
        )


def test_a_result_is_computed_lazily_and_from_the_parts(tmp_path: Path) -> None:
    parts = Parts(FolderStore(tmp_path), "a")

    frame = in_chunks(SOURCE, lambda frame, _: frame, parts=parts, key="k", progress=Progress("mill.a"))
    parts.remove()

    assert isinstance(frame, pl.LazyFrame)
    with pytest.raises(FileNotFoundError):
        frame.collect()


def test_parts_in_a_bucket_are_as_good_as_in_a_folder(bucket_spot: Any, tmp_path: Path) -> None:
    work = Work(tmp_path)
    work.parts = Parts(bucket_spot.store, "squares")
    with pytest.raises(Killed):
        work.run(dies_at=600)

    assert work.run() == EXPECTED
    assert work.rejected == REJECTED
    work.parts.remove()
    assert bucket_spot.contents() == {}
