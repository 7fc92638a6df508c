"""Steps that go on with what has changed: which records do, and what becomes of the table.

What belongs here: the comparison of what a step would read now with what its table was made from. What does not: what
is done with the records (`transforms`).

A record's input is named by one hash, over all that its row depends on: its own content, what it was joined with, the
version of the rules. A row of the table keeps the hash it was made from. So what has another hash is made anew, whatever
has changed, and a table that was made step by step has the rows of one that was made at once.
"""

from dataclasses import dataclass

import polars as pl

from millrace.errors import StageMissingError
from millrace.lakehouse import Changes, Warehouse
from millrace.processing import Delta, delta

INPUT_HASH = "input_hash"


@dataclass(frozen=True)
class Step:
    """What a step has to do.

    Attributes:
        work: Keys and `input_hash` of the records to be made.
        removed: Keys of the rows that go; None in a full refresh, which replaces the table.
        counts: Records added, changed, removed and unchanged.
    """

    work: pl.LazyFrame
    removed: pl.LazyFrame | None
    counts: dict[str, int]

    @property
    def words(self) -> str:
        """The counts, for the log."""
        return ", ".join(f"{count:,} {name}" for name, count in self.counts.items())

    def changes(self, made: pl.LazyFrame) -> pl.LazyFrame | Changes:
        """What the asset gives to its table."""
        return made if self.removed is None else Changes(upserts=made, removed=self.removed)


def step(warehouse: Warehouse, name: str, current: pl.LazyFrame, key: str, *, is_full_refresh: bool) -> Step:
    """Compare what a table was made from with what it would be made from now.

    Args:
        warehouse: The domain's tables.
        name: Name of the table.
        current: Key and `input_hash` of every record.
        key: Column of the key.
        is_full_refresh: Make all of them.

    Raises:
        KeyRepeatedError: a key stands twice.
    """
    current = current.select(key, INPUT_HASH)
    previous = None
    if not is_full_refresh:
        try:
            previous = warehouse.table(name).scan().select(key, INPUT_HASH)
        except StageMissingError:
            previous = None
    found: Delta = delta(previous, current, key, INPUT_HASH, f"{warehouse.domain}.{name}")
    work = pl.concat([found.added, found.changed])
    return Step(work, None if is_full_refresh else found.removed.select(key), dict(found.counts))
