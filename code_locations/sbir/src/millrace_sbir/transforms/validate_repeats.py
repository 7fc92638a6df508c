"""Several rows of one key: which of them stays, whatever the order in which they came.

| the rows of a key | what stays | the others |
| --- | --- | --- |
| have the same content | the one that stands first | duplicates: counted, no reject |
| agree on what makes them one record (`Repeats.same`) | the newest | `<key>_superseded` |
| do not agree: the key was used again | none | `<key>_collision`, all of them |

Of a key that was used again nobody can say which row is its own, and an award drawn to the wrong firm is worse than
one that is missing and reported. What belongs here: this decision. What does not: what a key is made of.
"""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from millrace_sbir.columns import PLACE

_SEED = 0  # of content hashes, which only ever are compared with others of the same run


@dataclass(frozen=True)
class Repeats:
    """What a key is, and what becomes of its rows.

    Attributes:
        key: Column of the key.
        parts: Text columns that `of_typed` looks at, made values by `of_parts`.
        of_parts: Makes the values.
        of_typed: What rows of one record have in common; the key, or less than the key.
        same: What rows of one key must agree on to be versions of one record; nothing if a key cannot be used again.
        newest: Columns by which versions are ordered, newest last; null is oldest.
    """

    key: str
    parts: tuple[str, ...]
    of_parts: Callable[[pl.DataFrame], pl.DataFrame]
    of_typed: pl.Expr
    same: tuple[pl.Expr, ...] = ()
    newest: tuple[str, ...] = ()


def settled(
    raw: pl.LazyFrame, repeats: Repeats, passing: Callable[[pl.DataFrame], pl.DataFrame], batch_rows: int
) -> pl.DataFrame:
    """Rows that give way to another of the same key.

    Args:
        raw: Text rows.
        repeats: What a key is.
        passing: The typed rows of a batch that keep their contract; others hold no key.
        batch_rows: Rows that are in memory at once.

    Returns:
        `source_file`, `line`, `key`, `rule` (null for a duplicate), `reason`.
    """
    candidates = _candidates(raw, repeats, batch_rows)
    seen: list[pl.DataFrame] = []
    if candidates.height:
        # The filter goes into the scan, which then reads abstracts of these lines only; the join knows files apart.
        near = raw.filter(pl.col("line").is_in(candidates["line"].implode()))
        wanted = near.join(candidates.lazy(), on=PLACE, how="semi")
        batches = wanted.collect_batches(chunk_size=batch_rows, engine="streaming")
        seen += [_summary(passing(batch), repeats) for batch in batches]
    return _decided(pl.concat(seen), repeats) if seen else pl.DataFrame(schema=_SETTLED)


_SETTLED = {"source_file": pl.String, "line": pl.Int64, "key": pl.String, "rule": pl.String, "reason": pl.String}


def _candidates(raw: pl.LazyFrame, repeats: Repeats, batch_rows: int) -> pl.DataFrame:
    """Places of the rows whose key others have too: 20 bytes a row are in memory, no key and no text."""
    places, hashes = [], []
    light = raw.select(*PLACE, *repeats.parts)
    for batch in light.collect_batches(chunk_size=batch_rows, maintain_order=True, engine="streaming"):
        hashes.append(repeats.of_parts(batch).select(record=repeats.of_typed)["record"].hash(_SEED))
        places.append(batch.select(pl.col("source_file").cast(pl.Categorical), "line"))
    if not hashes:
        return pl.DataFrame(schema={"source_file": pl.String, "line": pl.Int64})
    repeated = pl.concat(hashes).is_duplicated()
    return pl.concat(places).filter(repeated).with_columns(pl.col("source_file").cast(pl.String))


def _summary(rows: pl.DataFrame, repeats: Repeats) -> pl.DataFrame:
    """What the decision needs of a row: place, key, content, agreement, age."""
    content = [name for name in rows.columns if name not in PLACE]
    same = pl.concat_str(*repeats.same, separator="|", ignore_nulls=True) if repeats.same else pl.lit("")
    return rows.select(
        *PLACE,
        key=pl.col(repeats.key),
        record=repeats.of_typed,
        content=pl.struct(content).hash(_SEED),
        same=same,
        **{f"newest_{place}": pl.col(name) for place, name in enumerate(repeats.newest)},
    )


def _decided(rows: pl.DataFrame, repeats: Repeats) -> pl.DataFrame:
    age = [name for name in rows.columns if name.startswith("newest_")]
    # Newest first; the content settles what dates do not, so that the order of the rows never does.
    ranked = rows.sort(
        ["record", *age, "content", *PLACE],
        descending=[False, *(True for _ in age), True, False, False],
        nulls_last=True,
    )
    place = pl.format("{}:{}", *PLACE)
    judged = ranked.with_columns(
        duplicate=pl.struct("record", "content").is_first_distinct().not_(),
        collision=pl.col("same").n_unique().over("record") > 1,
        first=pl.int_range(pl.len()).over("record") == 0,
        kept=place.first().over("record"),
        others=pl.col("content").n_unique().over("record") - 1,
    )
    name = repeats.key
    rule = (
        pl.when(pl.col("duplicate"))
        .then(pl.lit(None, dtype=pl.String))
        .when(pl.col("collision"))
        .then(pl.lit(f"{name}_collision"))
        .otherwise(pl.lit(f"{name}_superseded"))
    )
    reason = (
        pl.when(pl.col("collision"))
        .then(
            pl.format(
                "{} {} was used again: {} other rows have it with other content and are turned away too",
                *(pl.lit(name), pl.col("key"), pl.col("others")),
            )
        )
        .otherwise(pl.format("{} {} has a newer version at {}, which is kept", pl.lit(name), "key", "kept"))
    )
    gone = judged.filter(pl.col("duplicate") | pl.col("collision") | ~pl.col("first"))
    return gone.select(*PLACE, "key", rule=rule, reason=reason).match_to_schema(pl.Schema(_SETTLED))
