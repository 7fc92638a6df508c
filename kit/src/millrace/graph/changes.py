"""What differs between the rows of a load and what was loaded before, by key and hash.

What belongs here: the comparison, in Polars and out of memory where it can be. What does not: where the state before
comes from (`ledger`, or the graph itself), and writing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from millrace.graph.frames import HASH, Incoming

ADDED, CHANGED, REMOVED = "added", "changed", "removed"
_KIND = "_kind"


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
    _hashes: dict[str, pl.Series]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.added or self.changed or self.removed)

    def batches(self, rows: int) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows that were added or changed, in batches, each with the word for which of both."""
        waiting: dict[str, list[pl.DataFrame]] = {what: [] for what, hashes in self._hashes.items() if len(hashes)}
        for chunk in self._given.rows.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming"):
            for what, frames in waiting.items():
                frames.append(chunk.filter(self._among(chunk, what)))
                if sum(frame.height for frame in frames) >= rows:
                    ready = pl.concat(frames)
                    full = ready.height - ready.height % rows
                    yield from ((what, part) for part in ready[:full].iter_slices(rows))
                    waiting[what] = [ready[full:]]
        for what, frames in waiting.items():
            if frames:
                yield what, pl.concat(frames)

    def rows(self, what: str) -> pl.LazyFrame:
        """The rows that were added, or those that were changed."""
        hashes = self._hashes[what]
        if len(hashes) == self._given.count:
            return self._given.rows
        return self._given.rows.join(hashes.to_frame().lazy(), on=HASH, how="semi")

    def _among(self, batch: pl.DataFrame, what: str) -> pl.Series:
        """Membership in a sorted list: eight bytes a row, where a join would hold every key or, worse, the payload."""
        hashes = self._hashes[what]
        if len(hashes) == self._given.count:
            return pl.repeat(True, batch.height, dtype=pl.Boolean, eager=True)
        place = hashes.search_sorted(batch[HASH], side="left")
        return hashes.gather(place.clip(0, len(hashes) - 1)) == batch[HASH]


def compare(given: Incoming, before: pl.LazyFrame | None, scratch: Path) -> Changes:
    """Compare rows with the state before.

    Args:
        given: The rows.
        before: The key columns and `_hash` of every element that is there; a null is of a node that is gone and not
            yet swept. None if there is none.
        scratch: A folder for files of this load.
    """
    names = given.key_columns
    nothing = pl.Series(HASH, [], pl.Int64)
    gone_file = scratch / "gone.parquet"
    if before is None:
        everything = given.keys.select(HASH).collect(engine="streaming")[HASH]
        empty = given.keys.select(names).head(0)
        return Changes(given.count, 0, 0, 0, empty, given, {ADDED: everything, CHANGED: nothing})
    differing_file = scratch / "differing.parquet"
    now = given.keys.with_columns(pl.lit(True).alias("_now"))
    old = before.select(*names, pl.col(HASH).alias("_old"), pl.lit(True).alias("_before"))
    kind = (
        pl.when(pl.col("_before").is_null())
        .then(pl.lit(ADDED))
        .when(pl.col("_now").is_null() & pl.col("_old").is_not_null())
        .then(pl.lit(REMOVED))
        .when(pl.col("_now").is_null())
        .then(None)
        .when(pl.col(HASH).ne_missing(pl.col("_old")))
        .then(pl.lit(CHANGED))
    )
    joined = now.join(old, on=names, how="full", coalesce=True).select(*names, HASH, kind.alias(_KIND))
    joined.filter(pl.col(_KIND).is_not_null()).sink_parquet(differing_file, compression="lz4", statistics=False)
    differing = pl.scan_parquet(differing_file)
    hashes = {
        which: differing.filter(pl.col(_KIND) == which).select(HASH).collect(engine="streaming")[HASH].sort()
        for which in (ADDED, CHANGED)
    }
    differing.filter(pl.col(_KIND) == REMOVED).select(names).sink_parquet(gone_file, compression="lz4")
    gone = pl.scan_parquet(gone_file)
    removed = int(gone.select(pl.len()).collect().item())
    added, changed = len(hashes[ADDED]), len(hashes[CHANGED])
    return Changes(added, changed, given.count - added - changed, removed, gone, given, hashes)
