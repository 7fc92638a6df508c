"""What changed between two states of a table: records added, changed, removed and unchanged, by key and content hash.

What belongs here: the comparison. What does not: the hash (`millrace.processing.hashing`) and where the earlier
state lies (the asset that asks).

A key that occurs twice would be added and changed at once, so it is an error before anything is compared.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from millrace.errors import KeyRepeatedError
from millrace.processing.hashing import CONTENT_HASH

_EXAMPLES = 5
# Grouping holds some 220 bytes a row; at once it would take 1 GB for two states of 2.2M records.
_ROWS_AT_ONCE = 400_000
_MOVES = ("added", "changed", "removed")
_HASH, _IS_NOW, _NOW, _THEN, _IS_SAME, _KIND = (
    f"__delta_{n}" for n in ("hash", "is_now", "now", "then", "same", "kind")
)


@dataclass(frozen=True)
class Delta:
    """Two states compared.

    Attributes:
        added: Rows of the current state whose key the previous one lacks.
        changed: Rows of the current state whose key has another hash in the previous one.
        removed: Rows of the previous state whose key the current one lacks.
        unchanged: Rows of the current state that stand in the previous one too.
        counts: Rows of each, by these names.
    """

    added: pl.LazyFrame
    changed: pl.LazyFrame
    removed: pl.LazyFrame
    unchanged: pl.LazyFrame
    counts: Mapping[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added, changed or removed."""
        return not (self.counts["added"] or self.counts["changed"] or self.counts["removed"])


def delta(
    previous: pl.LazyFrame | None,
    current: pl.LazyFrame,
    key: str | Sequence[str],
    hash_column: str = CONTENT_HASH,
    subject: str = "delta",
) -> Delta:
    """Compare two states of a table.

    Give it stored tables: keys and hashes are read once for each 400,000 rows, so a hash that is still to be computed
    would be computed as often. The frames of the answer are lazy and read their state again; the order of their rows is
    not given. Held in memory are the keys that were added, changed or removed, and no others.

    Args:
        previous: The earlier state; None if there was none. Has at least key and hash.
        current: The state now; has at least key and hash.
        key: Column or columns that identify a record.
        hash_column: Column that says what a record contains.
        subject: What is compared, for the error.

    Raises:
        KeyRepeatedError: a key occurs twice in one state, or is null.
    """
    names = [key] if isinstance(key, str) else list(key)
    before = current.clear() if previous is None else previous
    moved, unchanged = _compared(before, current, names, hash_column, subject)
    keys = {kind: moved.filter(pl.col(_KIND) == kind).select(names) for kind in _MOVES}
    return Delta(
        added=current.join(keys["added"].lazy(), on=names, how="semi"),
        changed=current.join(keys["changed"].lazy(), on=names, how="semi"),
        removed=before.join(keys["removed"].lazy(), on=names, how="semi"),
        unchanged=current.join(pl.concat([keys["added"], keys["changed"]]).lazy(), on=names, how="anti"),
        counts={**{kind: keys[kind].height for kind in _MOVES}, "unchanged": unchanged},
    )


def _compared(
    before: pl.LazyFrame, current: pl.LazyFrame, names: list[str], hash_column: str, subject: str
) -> tuple[pl.DataFrame, int]:
    """Keys with what became of them, and how many stayed as they were."""
    moved: list[pl.DataFrame] = []
    unchanged = 0
    both = pl.concat(
        frame.select(*names, pl.col(hash_column).alias(_HASH), pl.lit(is_now).alias(_IS_NOW))
        for frame, is_now in ((before, False), (current, True))
    )
    shares = max(1, math.ceil(both.select(pl.len()).collect(engine="streaming").item() / _ROWS_AT_ONCE))
    for share in range(shares):
        # Within one process this hash is the same; it only says which keys are looked at together.
        of_share = both.filter(pl.struct(names).hash() % shares == share)
        found = _kinds(of_share, names).collect(engine="streaming")
        _refuse_repeated(found, names, subject)
        moved.append(found.filter(pl.col(_KIND) != "unchanged").select(*names, _KIND))
        unchanged += found.height - moved[-1].height
    return pl.concat(moved), unchanged


def _kinds(both: pl.LazyFrame, names: list[str]) -> pl.LazyFrame:
    now, then = pl.col(_NOW), pl.col(_THEN)
    return (
        both.group_by(names)
        .agg(
            pl.col(_IS_NOW).sum().alias(_NOW),
            pl.col(_IS_NOW).not_().sum().alias(_THEN),
            (pl.col(_HASH).min() == pl.col(_HASH).max()).alias(_IS_SAME),
        )
        .with_columns(
            pl.when(then == 0)
            .then(pl.lit("added"))
            .when(now == 0)
            .then(pl.lit("removed"))
            .when(pl.col(_IS_SAME))
            .then(pl.lit("unchanged"))
            .otherwise(pl.lit("changed"))
            .alias(_KIND)
        )
    )


def _refuse_repeated(found: pl.DataFrame, names: list[str], subject: str) -> None:
    is_null = pl.any_horizontal(pl.col(name).is_null() for name in names)
    wrong = found.filter((pl.col(_NOW) > 1) | (pl.col(_THEN) > 1) | is_null).sort(names)
    if wrong.is_empty():
        return
    said = "; ".join(
        f"{', '.join(str(row[name]) for name in names)} ({row[_NOW]} times now, {row[_THEN]} before)"
        for row in wrong.head(_EXAMPLES).iter_rows(named=True)
    )
    raise KeyRepeatedError(
        subject,
        f"{wrong.height:,} keys or more of {', '.join(names)} repeat or are null: {said}",
        expected="each key once in each state",
        next_step="reject repeated keys before the states are compared",
    )
