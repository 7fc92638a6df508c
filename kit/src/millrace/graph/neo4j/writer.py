"""Batches on their way into Neo4j: in transactions of their own, several workers at once, each batch exactly once.

What belongs here: order, parallelism, size. What does not: what is written (`statements`).

Creating a relationship locks the nodes at both ends until the commit. So relationships are parted by the hash of their
hub, the end with fewer different keys: no two workers ever touch the same hub. Sorted by hub, a batch touches few of
them; and inside of a batch they are sorted by the other end, so that workers lock other ends in the same order and
never wait for each other in a circle. Where both ends have the same label the other end of one may be the hub of
another: then one worker writes alone.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import polars as pl

from millrace.errors import GraphChangedError
from millrace.graph.model import FROM_KEY, TO_KEY, Part, Relationship
from millrace.graph.neo4j.marker import Marker
from millrace.graph.neo4j.server import Server, Transaction

BATCH_ROWS = 5_000
WORKERS = 2
# A transaction's state is several times its text, and lies in the server's heap; compose gives that 512 MiB.
_BATCH_BYTES = 8 << 20
_PARTITION_ROWS = 250_000  # sorted in memory, one per worker

Batch = tuple[str, pl.DataFrame]  # what to do with it, and its rows


@dataclass(frozen=True)
class Statement:
    """A statement of `statements`, and the columns of a batch that are its $c0, $c1 and so on."""

    cypher: str
    columns: Sequence[str]


@dataclass
class Writer:
    """Writes the batches of one load of one part.

    Attributes:
        server: Where to.
        marker: The part's marker, taken over by this load.
        load: Id of the load.
        workers: How many transactions at once.
        batch_rows: Rows of one.
        retries: Transactions that the driver ran again, until now.
    """

    server: Server
    marker: Marker
    load: str
    workers: int
    batch_rows: int
    retries: int = 0
    _numbers: list[int] = field(init=False)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._numbers = [0] * self.workers

    def write(self, statements: Mapping[str, Statement], sources: Sequence[Iterator[Batch]]) -> None:
        """Write all batches of some sources, one worker for each.

        Args:
            statements: What to do with a batch, by the word that comes with it.
            sources: Batches.

        Raises:
            GraphChangedError: a batch met fewer elements, or ends, than it has rows; or another load took over.
        """
        with ThreadPoolExecutor(len(sources)) as threads:
            working = [threads.submit(self._work, number, statements, one) for number, one in enumerate(sources)]
        for one in working:
            one.result()

    def spread(self, batches: Iterable[Batch]) -> list[Iterator[Batch]]:
        """One source for all workers, whichever is free takes the next batch."""
        return [_Shared(batches, threading.Lock())] * self.workers

    def parted(self, part: Part, what: str, rows: pl.LazyFrame) -> list[Iterator[Batch]]:
        """A source for each worker, of relationships; no two touch the same hub."""
        names = list(part.key_columns)
        assert isinstance(part, Relationship)  # noqa: S101  # for the type checker
        seen = rows.select(
            pl.len().alias("rows"), pl.col(FROM_KEY).approx_n_unique(), pl.col(TO_KEY).approx_n_unique()
        ).collect(engine="streaming")
        hub, other = (FROM_KEY, TO_KEY) if seen[FROM_KEY].item() <= seen[TO_KEY].item() else (TO_KEY, FROM_KEY)
        workers = 1 if part.from_label == part.to_label else self.workers
        count = workers * -(-seen["rows"].item() // (_PARTITION_ROWS * workers) or 1)
        order = [hub, other, *names[2:]]
        return [self._partitions(what, rows, order, range(worker, count, workers), count) for worker in range(workers)]

    def _partitions(
        self, what: str, rows: pl.LazyFrame, order: list[str], numbers: range, count: int
    ) -> Iterator[Batch]:
        hub, other = order[:2]
        for number in numbers:
            mine = rows.filter(pl.col(hub).hash() % count == number).sort(order).collect(engine="streaming")
            for batch in mine.iter_slices(self.batch_rows):
                yield what, batch.sort(other)

    def _work(self, worker: int, statements: Mapping[str, Statement], source: Iterator[Batch]) -> None:
        try:
            for what, frame in source:
                for batch in _cut(frame, self.batch_rows):
                    if self._stopped.is_set():
                        return
                    self._write_batch(worker, statements[what], batch)
        except BaseException:
            self._stopped.set()
            raise

    def _write_batch(self, worker: int, statement: Statement, batch: pl.DataFrame) -> None:
        self._numbers[worker] += 1
        number = self._numbers[worker]
        parameters = {f"c{place}": batch[name].to_list() for place, name in enumerate(statement.columns)}
        attempts = 0

        def work(transaction: Transaction) -> None:
            nonlocal attempts
            attempts += 1
            if self.marker.batch(transaction, self.load, worker, number):
                count = transaction.run(statement.cypher, parameters).single(strict=True)["count"]
                if count != batch.height:
                    met = f"{count or 0:,} of a batch of {batch.height:,} were found"
                    raise GraphChangedError(f"{self.server.address} {self.marker.part.name}", met)

        self.server.write(work)
        self.retries += attempts - 1


@dataclass
class _Shared(Iterator[Batch]):
    """An iterator that threads take turns with."""

    batches: Iterable[Batch]
    lock: threading.Lock

    def __post_init__(self) -> None:
        self._iterator = iter(self.batches)

    def __next__(self) -> Batch:
        with self.lock:
            return next(self._iterator)


def _cut(frame: pl.DataFrame, rows: int) -> Iterator[pl.DataFrame]:
    """Slices of at most so many rows, fewer where these are large."""
    if frame.height:
        per_row = frame.estimated_size() / frame.height
        yield from frame.iter_slices(max(1, min(rows, int(_BATCH_BYTES / max(per_row, 1)))))
