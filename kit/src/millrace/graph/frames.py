"""Frames on their way into a graph: columns, the hash of each row, what is refused before anything is written.

What belongs here: what holds for any database. What does not: what was loaded before (`changes`).

Keys are compared by a hash of eight bytes with a seed that each load draws: two million texts would take hundreds of
megabytes. Should two keys have the same hash, which two million have once in ten million loads, the write that follows
meets another number of elements than it should, and the load is run again, with another seed.

The hash of a row is Polars' own, over all columns. It may differ from one version of Polars to the next: then a load
finds every row changed and writes it again, which is slow and right.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from secrets import randbits

import polars as pl

from millrace.errors import GraphRefusedError
from millrace.graph.model import FROM_KEY, TO_KEY, GraphModel, Part, Relationship
from millrace.quality.rejects import Reject, RejectKind, RejectLog, excerpt

HASH = "_hash"
KEY_HASH = "_key"
_EXAMPLES = 5
_LOSSLESS = {
    pl.Int64: pl.datatypes.group.INTEGER_DTYPES,
    pl.Float64: {pl.Float32},
    pl.String: {pl.Categorical, pl.Enum},
}


@dataclass(frozen=True)
class Incoming:
    """The rows of one part, as they will be written.

    Attributes:
        part: The part.
        rows: All of its columns and `_hash`.
        keys: Its key columns and `_hash`, in a file.
        count: Number of rows.
        seed: Of the hashes by which keys are compared.
    """

    part: Part
    rows: pl.LazyFrame
    keys: pl.LazyFrame
    count: int
    seed: int

    @cached_property
    def key_columns(self) -> list[str]:
        """Columns that tell rows apart."""
        return list(self.part.key_columns)


def incoming(
    model: GraphModel, part: Part, frame: pl.LazyFrame | pl.DataFrame, scratch: Path, *, is_kept: bool
) -> Incoming:
    """Compute a frame once, and refuse what no graph could hold.

    Args:
        model: The model.
        part: One of its parts.
        frame: See `Graph`.
        scratch: A folder for files of this load.
        is_kept: Whether all columns go into the file, and not the keys alone; then nothing is computed twice.

    Raises:
        GraphRefusedError: columns are missing or of another dtype, keys are null or stand twice.
    """
    model.require(part)
    rows = _fitted(model, part, frame.lazy())
    made = scratch / "incoming.parquet"
    kept = rows if is_kept else rows.select(*part.key_columns, HASH)
    kept.sink_parquet(made, compression="lz4", statistics=False)
    file = pl.scan_parquet(made)
    keys = file.select(*part.key_columns, HASH)
    count = int(keys.select(pl.len()).collect().item())
    seed = randbits(32)
    _require_keys(model, part, keys, seed)
    return Incoming(part, file if is_kept else rows, keys, count, seed)


def key_hash(names: Sequence[str], seed: int) -> pl.Expr:
    """Eight bytes for the key in some columns."""
    return (pl.col(names[0]) if len(names) == 1 else pl.struct(*names)).hash(seed).alias(KEY_HASH)


def with_ends(
    model: GraphModel,
    given: Incoming,
    ends: Sequence[pl.LazyFrame],
    scratch: Path,
    rejects: RejectLog | None,
    max_rejected_share: float,
) -> tuple[Incoming, int]:
    """Leave out relationships without their end points.

    Args:
        model: The model.
        given: Rows of a relationship.
        ends: Keys that the nodes at the start have, and those at the end, in a column `key`.
        scratch: A folder for files of this load.
        rejects: Gets one reject for each row that is left out.
        max_rejected_share: Share of rows (0-1) that may be.

    Returns:
        The rows with both ends, and the number of the others.

    Raises:
        GraphRefusedError: more rows lack an end than may; it has their number and examples.
    """
    part = given.part
    assert isinstance(part, Relationship)  # noqa: S101  # for the type checker
    lacking = pl.concat(
        given.keys.with_columns(key_hash([column], given.seed))
        .join(there.select(key_hash(["key"], given.seed)), on=KEY_HASH, how="anti")
        .select(*given.key_columns, pl.lit(f"there is no {label}").alias("reason"))
        for column, label, there in zip((FROM_KEY, TO_KEY), (part.from_label, part.to_label), ends, strict=True)
    )
    # One row may lack both; most often none does.
    without = lacking.group_by(given.key_columns).agg(pl.col("reason").str.join(" and ")).collect(engine="streaming")
    if without.is_empty():
        return given, 0
    if without.height > max_rejected_share * given.count:
        examples = "; ".join(_example(part, row) for row in without.sort(given.key_columns).head(_EXAMPLES).to_dicts())
        raise GraphRefusedError(
            f"{model.name}.{part.name}",
            f"{without.height:,} of {given.count:,} relationships lack an end point: {examples}",
            expected=f"at most {max_rejected_share:.1%}",
            next_step=f"load {part.from_label} and {part.to_label} before, or correct the keys",
        )
    if rejects is not None:
        for row in without.iter_rows(named=True):
            reason = row.pop("reason")
            rejects.add(
                Reject(RejectKind.ROW, f"{part.name}:{_key_text(part, row)}", reason, "end_point", excerpt(row))
            )
    without.write_parquet(scratch / "without.parquet")
    lost = pl.scan_parquet(scratch / "without.parquet")
    kept = {
        name: frame.join(lost, on=given.key_columns, how="anti", nulls_equal=True)
        for name, frame in (("rows", given.rows), ("keys", given.keys))
    }
    return replace(given, **kept, count=given.count - without.height), without.height


def _fitted(model: GraphModel, part: Part, frame: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of a part in its dtypes, and the hash of each row."""
    columns = model.columns(part)
    found = frame.collect_schema()
    problems = [f"column {name} is missing" for name in columns if name not in found]
    expressions = []
    for name, dtype in columns.items():
        came = found.get(name)
        expression = pl.col(name)
        if came is not None and came != dtype:
            if came.base_type() not in _LOSSLESS.get(dtype.base_type(), ()) and came != pl.Null:
                problems.append(f"column {name} is {came}, not {dtype}")
            expression = expression.cast(dtype)
        if dtype.base_type() is pl.List:
            expression = expression.list.drop_nulls()  # neither database has a null inside of a list
        expressions.append(expression)
    if problems:
        wanted = ", ".join(f"{name} {dtype}" for name, dtype in columns.items())
        raise GraphRefusedError(f"{model.name}.{part.name}", "; ".join(problems), expected=wanted)
    # What the columns are called and what they are is part of what a row says.
    seed = zlib.crc32(repr([(name, str(dtype)) for name, dtype in columns.items()]).encode())
    row_hash = pl.struct(*columns).hash(seed).reinterpret(signed=True)  # neither database has unsigned ones
    return frame.select(expressions).with_columns(row_hash.alias(HASH))


def _require_keys(model: GraphModel, part: Part, keys: pl.LazyFrame, seed: int) -> None:
    """Refuse keys that are null or stand more than once."""
    names = list(part.key_columns)
    nulls = keys.select(pl.col(names).null_count()).collect().row(0, named=True)
    problems = [f"{count:,} rows have no {name}" for name, count in nulls.items() if count]
    hashed = keys.drop_nulls(names).select(*names, key_hash(names, seed))
    hashes = hashed.select(KEY_HASH).collect(engine="streaming")[KEY_HASH].sort()
    suspected = hashes.filter(hashes == hashes.shift(1)).unique().to_frame().lazy()
    twice = (
        hashed.join(suspected, on=KEY_HASH, how="semi")
        .group_by(names)
        .agg(pl.len().alias("rows"))
        .filter(pl.col("rows") > 1)
        .collect(engine="streaming")
    )
    if not twice.is_empty():
        examples = "; ".join(
            f"{_key_text(part, row)} in {row['rows']:,} rows" for row in twice.sort(names).head(_EXAMPLES).to_dicts()
        )
        problems.append(f"{twice.height:,} keys stand more than once: {examples}")
    if problems:
        raise GraphRefusedError(
            f"{model.name}.{part.name}",
            "; ".join(problems),
            expected=f"each {', '.join(names)} once",
            next_step="mend what makes the rows; nothing was changed",
        )


def _key_text(part: Part, row: dict[str, object]) -> str:
    values = [str(row[name]) for name in part.key_columns]
    return "->".join(values[:2]) + "".join(f" {value}" for value in values[2:])


def _example(part: Part, row: dict[str, object]) -> str:
    return f"{_key_text(part, row)} ({row['reason']})"
