"""What differs between the rows of a load and what was loaded before, by key and hash.

What belongs here: the comparison, in Polars, with sixteen bytes of each row in memory and never the row itself. What
does not: where the state before comes from (`ledger`, or the graph itself), and writing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from millrace.graph.frames import HASH, KEY_HASH, Incoming, key_hash

ADDED, CHANGED, REMOVED = "added", "changed", "removed"
_WHAT = "_what"


@dataclass(frozen=True)
class Changes:
    """What a load has to do.

    Attributes:
        added: Number of rows that were not there.
        changed: Number of rows with another hash than before.
        unchanged: Number of rows that need nothing.
        removed: Number of elements that the load lacks.
        gone: Keys of these.
    """

    added: int
    changed: int
    unchanged: int
    removed: int
    gone: pl.LazyFrame
    _given: Incoming
    _todo: pl.LazyFrame  # hashes of the rows that were added or changed, with the word for which of both

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.added or self.changed or self.removed)

    def batches(self, rows: int) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows that were added or changed, in batches, each with the word for which of both."""
        hashes = {what: self._hashes(what) for what, count in self._counts.items() if count}
        waiting: dict[str, list[pl.DataFrame]] = {what: [] for what in hashes}
        for chunk in self._given.rows.collect_batches(chunk_size=rows, engine="streaming"):
            for what, frames in waiting.items():
                frames.append(chunk if self.added == self._given.count else _among(chunk, hashes[what]))
                if sum(frame.height for frame in frames) >= rows:
                    ready = pl.concat(frames)
                    yield what, ready[:rows]
                    waiting[what] = [ready[rows:]]
        for what, frames in waiting.items():
            if any(frame.height for frame in frames):
                yield what, pl.concat(frames)

    def rows(self, what: str) -> pl.LazyFrame:
        """The rows that were added, or those that were changed."""
        if self.added == self._given.count:
            return self._given.rows
        return self._given.rows.join(self._hashes(what).to_frame().lazy(), on=HASH, how="semi")

    @property
    def _counts(self) -> dict[str, int]:
        return {ADDED: self.added, CHANGED: self.changed}

    def _hashes(self, what: str) -> pl.Series:
        return self._todo.filter(pl.col(_WHAT) == what).select(HASH).collect(engine="streaming")[HASH].sort()


def _among(chunk: pl.DataFrame, hashes: pl.Series) -> pl.DataFrame:
    """Rows whose hash is in a sorted list: an inner join was seen to hold every row of the other side."""
    place = hashes.search_sorted(chunk[HASH], side="left").clip(0, len(hashes) - 1)
    found = chunk.filter(hashes.gather(place) == chunk[HASH])
    if found.height * 2 > chunk.height:
        return found
    # Texts of a filtered frame keep those of the whole chunk alive: 22,000 rows in a hundredth of the chunks, 3 GB.
    return pl.DataFrame(found.to_dict(as_series=False), schema=found.schema)


def compare(given: Incoming, before: pl.LazyFrame | None, scratch: Path) -> Changes:
    """Compare rows with the state before.

    Args:
        given: The rows.
        before: The key columns and `_hash` of every element that is there; a null is of a node that is gone and not
            yet swept. None if there is none.
        scratch: A folder for files of this load.
    """
    names = given.key_columns
    if before is None:
        nothing = given.keys.head(0).with_columns(pl.lit(ADDED).alias(_WHAT))
        return Changes(given.count, 0, 0, 0, nothing.select(names), given, nothing.select(HASH, _WHAT))
    by_key = key_hash(names, given.seed)
    now = given.keys.select(by_key, HASH, pl.lit(True).alias("_now"))
    old = before.select(by_key, pl.col(HASH).alias("_old"), pl.lit(True).alias("_before"))
    what = (
        pl.when(pl.col("_before").is_null())
        .then(pl.lit(ADDED))
        .when(pl.col("_now").is_null() & pl.col("_old").is_not_null())
        .then(pl.lit(REMOVED))
        .when(pl.col("_now").is_null())
        .then(None)
        .when(pl.col(HASH).ne_missing(pl.col("_old")))
        .then(pl.lit(CHANGED))
    )
    joined = now.join(old, on=KEY_HASH, how="full", coalesce=True).select(KEY_HASH, HASH, what.alias(_WHAT))
    file = scratch / "differing.parquet"
    joined.filter(pl.col(_WHAT).is_not_null()).sink_parquet(file, compression="lz4", statistics=False)
    differing = pl.scan_parquet(file)
    counts = dict(differing.group_by(_WHAT).len().collect().iter_rows())
    added, changed, removed = (int(counts.get(one, 0)) for one in (ADDED, CHANGED, REMOVED))
    gone = before.head(0).select(names)
    if removed:
        lost = differing.filter(pl.col(_WHAT) == REMOVED).select(KEY_HASH).collect().lazy()
        file = scratch / "gone.parquet"
        found = before.filter(pl.col(HASH).is_not_null()).with_columns(by_key).join(lost, on=KEY_HASH, how="semi")
        found.select(names).sink_parquet(file, compression="lz4", statistics=False)
        gone = pl.scan_parquet(file)
    todo = differing.filter(pl.col(_WHAT) != REMOVED).select(HASH, _WHAT)
    return Changes(added, changed, given.count - added - changed, removed, gone, given, todo)
