"""A kind of field: from text to value by the common form first, by the rarer ones only where that fails.

What belongs here: how texts are converted. What does not: which forms a kind has (`validate_fields`).

Nearly every text of a column is written in one way, and to try all the others on all rows costs five times as much. So
a kind has several conversions: `common` sees every text, each of `others` only what is left, each distinct text once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

Convert = Callable[[pl.Expr], pl.Expr]

# What people write where they have nothing: no value, and nothing to report either.
NOTHING = ("", "-", "--", ".", "N/A", "NA", "N.A.", "NONE", "NULL", "NAN", "UNKNOWN", "TBD", "NOT AVAILABLE", "#N/A")
LONGEST_NOTHING_BYTES = max(len(word) for word in NOTHING)


@dataclass(frozen=True)
class Kind:
    """What the texts of a column can mean.

    Attributes:
        expected: What a text should be, for people; follows "is not".
        dtype: Of the values.
        common: Takes the form in which nearly every text comes; null for all others.
        others: Take every further form, one after the other.
        nothing: What people write in this column where they have nothing, beside `NOTHING`; upper case.
    """

    expected: str
    dtype: pl.DataType
    common: Convert
    others: tuple[Convert, ...] = ()
    nothing: tuple[str, ...] = ()


def is_nothing(text: pl.Expr, *others: str) -> pl.Expr:
    """Whether a text is blank, or one of the words for having nothing."""
    return text.str.strip_chars().str.to_uppercase().is_in((*NOTHING, *others))


def converted(batch: pl.DataFrame, kinds: Mapping[str, Kind]) -> pl.DataFrame:
    """The columns of `kinds` as values, and the other columns as they are.

    Args:
        batch: Text columns, at least those of `kinds`.
        kinds: By column.
    """
    made = batch.with_columns(kind.common(pl.col(name)).cast(kind.dtype).alias(name) for name, kind in kinds.items())
    mended = []
    for name, kind in kinds.items():
        value, text = made[name], batch[name]
        if kind.others and value.null_count() > text.null_count():
            places = (value.is_null() & text.is_not_null()).arg_true()
            texts = text.gather(places).alias("text").to_frame()
            known = _taken(texts.unique(), kind)
            if known.height:
                found = texts.join(known, on="text", how="left", maintain_order="left")["value"]
                mended.append(value.scatter(places, found))
    return made.with_columns(mended)


def _taken(left: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """`text` and `value` of those distinct texts that one of the further forms takes."""
    taken = [pl.DataFrame(schema={"text": pl.String(), "value": kind.dtype})]
    for other in kind.others:
        tried = left.select("text", value=other(pl.col("text")).cast(kind.dtype))
        missed = tried["value"].is_null()
        taken.append(tried.filter(~missed))
        left = left.filter(missed)
        if not left.height:
            break
    return pl.concat(taken)
