"""Work in chunks: a frame too large for memory goes through a function piece by piece, and can be resumed.

What belongs here: the loop. What does not: how large a chunk is (`pace`), where its result lies (`parts`), who is told
(`progress`).

A finished chunk is a part on the disk or in the bucket, never held in memory; the asset is made of the parts at the
end. So memory follows the chunk, a run that is killed has lost one chunk, and nobody sees half a result.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic

import polars as pl

from millrace.errors import ChunkFailedError, MillraceError
from millrace.processing.batches import batches
from millrace.processing.memory import Memory, release_memory
from millrace.processing.pace import ChunkConfig, Pace, frame_bytes
from millrace.processing.parts import Part, Parts
from millrace.processing.progress import Figures, Progress
from millrace.quality.rejects import Reject, RejectSink
from millrace.runs.measure import peak_memory_bytes, resident_memory_bytes

# What Polars hands over at once: no larger than a row group of a stage file, so that it is not read twice.
_BATCH_ROWS = 8_192


@dataclass
class Chunk:
    """A piece of the work, as the function sees it.

    Attributes:
        number: Counted from 1, over all runs that worked on it.
        first_row: Number of its first row in the input, from 0.
        rows: Rows that it has.
        record_key: The record that the function is at, if it goes by records; an error names it. Else the first and
            the last one of the chunk, if `in_chunks` knows the key.
    """

    number: int
    first_row: int
    rows: int
    record_key: str = ""
    rejects: list[Reject] = field(default_factory=list)

    def add(self, reject: Reject) -> None:
        """Turn away a record or a value: a chunk can be given wherever a reject log can."""
        self.rejects.append(reject)


ChunkFunction = Callable[[pl.DataFrame, Chunk], pl.DataFrame]


def in_chunks(
    source: pl.LazyFrame | Iterable[pl.DataFrame],
    function: ChunkFunction,
    *,
    parts: Parts,
    key: str,
    progress: Progress,
    key_column: str | None = None,
    rejects: RejectSink | None = None,
    config: ChunkConfig | None = None,
    total_rows: int | None = None,
    free_bytes: Callable[[], int] | None = None,
) -> pl.LazyFrame:
    """Put rows through a function, chunk by chunk; go on where an interrupted run of the same key stopped.

    The result does not depend on how the input is cut or where it was interrupted if the function treats each row by
    itself: it may drop rows, multiply them and reject them, and knows nothing of the rows around. Work on groups of
    rows is done before or after, on the whole.

    Args:
        source: A stage, as `batches` takes it; or frames, which come in the same order each time and may be cut and
            joined. A resumed run reads a stage from where it goes on; frames are made again and skipped.
        function: Takes some rows and the chunk that they are; returns any number of rows, always of one schema.
            It is also given no row at all, if the input has none.
        parts: Where finished chunks lie; remove them when the result has been stored (`PartFiles` does).
        key: Name of inputs and code, `content_key(...)`. Parts of any other key are removed.
        progress: Whose work it is, and who is told.
        key_column: Column of the input that tells its records apart, for errors.
        rejects: Receives what the chunks turned away, in the input's order, also of chunks of earlier runs.
        config: Sizes.
        total_rows: Rows of the input, if they are known; a lazy frame is counted.
        free_bytes: Says how much memory is free; by default what the control groups leave.

    Returns:
        All results in the order of the input, lazily: the parts must stay until it has been computed.

    Raises:
        TransientError: another run of the asset removed what this one had done.
        ChunkFailedError: from what the function, the source or the store raised, with asset, run, chunk and, where it
            is known, the record; transient or not as its cause. Finished chunks stay.
    """
    work = _Work(function, parts, key, progress, key_column, rejects, Pace(config or ChunkConfig()), free_bytes)
    finished = parts.finished(key)
    for part in finished:
        work.replay(part)
    done = finished[-1].end_row if finished else 0
    if total_rows is None and isinstance(source, pl.LazyFrame):
        total_rows = int(source.select(pl.len()).collect(engine="streaming").item())
    return work.run(_Feed(source, done), finished, total_rows)


class _Feed:
    """Rows of the input from some row on, as many at a time as are asked for."""

    def __init__(self, source: pl.LazyFrame | Iterable[pl.DataFrame], skip: int) -> None:
        if isinstance(source, pl.LazyFrame):
            self.schema_frame = pl.DataFrame(schema=source.collect_schema())
            self._frames: Iterator[pl.DataFrame] = batches(source, _BATCH_ROWS, start=skip)
        else:
            frames = iter(source)
            first = next(frames, pl.DataFrame())
            self.schema_frame = first.clear()
            self._frames = _skipping(chain([first], frames), skip)
        self._waiting: list[pl.DataFrame] = []

    def take(self, rows: int) -> pl.DataFrame:
        """The next rows; fewer at the end, and none after it."""
        held = sum(frame.height for frame in self._waiting)
        while held < rows and (frame := next(self._frames, None)) is not None:
            self._waiting.append(frame)
            held += frame.height
        if not held:
            return self.schema_frame
        whole = pl.concat(self._waiting) if len(self._waiting) > 1 else self._waiting[0]
        self._waiting = [whole.slice(rows)] if held > rows else []
        return whole.head(rows)


def _skipping(frames: Iterable[pl.DataFrame], rows: int) -> Iterator[pl.DataFrame]:
    for frame in frames:
        yield frame.slice(rows)
        rows = max(rows - frame.height, 0)


@dataclass
class _Work:
    """One run of the loop."""

    function: ChunkFunction
    parts: Parts
    key: str
    progress: Progress
    key_column: str | None
    rejects: RejectSink | None
    pace: Pace
    free_bytes: Callable[[], int] | None

    def replay(self, part: Part) -> None:
        """Hand on what a chunk of an earlier run turned away."""
        if self.rejects is not None:
            for reject in self.parts.rejects(self.key, part):
                self.rejects.add(reject)

    def run(self, feed: _Feed, finished: list[Part], total_rows: int | None) -> pl.LazyFrame:
        free_bytes = self.free_bytes or Memory.here().free_bytes
        made = list(finished)
        resumed = row = made[-1].end_row if made else 0
        schema = self.parts.scan(self.key, made[:1]).collect_schema() if made else None
        self.progress.begin()
        if resumed:
            self.progress.note(f"goes on after row {resumed:,}, where an earlier run stopped")
        began = monotonic()
        figures = Figures(row, total_rows, len(made), resumed, 0.0)
        while True:
            chunk = Chunk(len(made) + 1, row, 0)
            with self._named(chunk):
                resident, peak = resident_memory_bytes(), peak_memory_bytes()
                frame = feed.take(self.pace.rows)
                chunk.rows = frame.height
                if not chunk.rows and made:
                    break
                if self.key_column is not None and chunk.rows:
                    chunk.record_key = f"{frame[self.key_column][0]} to {frame[self.key_column][-1]}"
                result = self.function(frame, chunk)
                schema = self._same_schema(schema, result)
                made.append(Part(row, row + chunk.rows, len(chunk.rejects)))
                self.parts.keep(self.key, made[-1], result, chunk.rejects)
            if self.rejects is not None:
                for reject in chunk.rejects:
                    self.rejects.add(reject)
            row += chunk.rows
            size = frame_bytes(frame) + frame_bytes(result)
            del frame, result
            release_memory()
            grown = peak_memory_bytes() - resident if peak_memory_bytes() > peak else 0
            figures = Figures(row, total_rows, chunk.number, resumed, monotonic() - began)
            if not chunk.rows:
                break
            self._learn(chunk, size, grown, free_bytes())
            self.progress.tell(figures)
        self.progress.tell(figures, is_last=True)
        self.parts.require(self.key, made)
        return self.parts.scan(self.key, made)

    def _learn(self, chunk: Chunk, size: int, grown: int, free: int) -> None:
        before = self.pace.rows
        self.pace.learn(chunk.rows, size, grown, free)
        if self.pace.rows < before:
            self.progress.note(
                f"{free / 2**20:,.0f} MiB are free and a row takes {self.pace.bytes_per_row:,.0f} bytes; "
                f"the next chunk has {self.pace.rows:,} rows"
            )

    def _same_schema(self, schema: pl.Schema | None, result: pl.DataFrame) -> pl.Schema:
        if schema is not None and result.schema != schema:
            raise ValueError(f"the result has {dict(result.schema)}, those of the chunks before have {dict(schema)}")
        return result.schema

    @contextmanager
    def _named(self, chunk: Chunk) -> Generator[None]:
        """Say of an error where it happened."""
        try:
            yield
        except Exception as error:
            if self.rejects is not None:  # after a failure they are what people look for
                for reject in chunk.rejects:
                    self.rejects.add(reject)
            run = f", run {self.progress.run_id}" if self.progress.run_id else ""
            record = f", record {chunk.record_key}" if chunk.record_key else ""
            rows = f", {chunk.rows:,} rows" if chunk.rows else ""
            said = str(error) if isinstance(error, MillraceError) else f"{type(error).__name__}: {error}"
            raise ChunkFailedError(
                f"{self.progress.subject}{run}, chunk {chunk.number} from row {chunk.first_row:,}{rows}{record}",
                said,
                next_step="the chunks before it are kept; run it again to go on from there",
            ) from error
