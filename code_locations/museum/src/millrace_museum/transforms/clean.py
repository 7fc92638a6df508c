"""Clean: text becomes the model's kinds, and each key stands once.

A value that cannot be used becomes null and is listed; it does not cost its row. The first of several rows
with the same key stays, because sources append corrections less often than they repeat exports; the others
are listed.
"""

from collections.abc import Mapping

import polars as pl

from millrace_museum.contracts import FIRST_YEAR, LAST_YEAR, MAX_MILLIMETRES
from millrace_museum.model import FIELDS, KEYS, Kind

# "c.1922", "[1922]", "1922?" name one year; "1826-7" and "19th century" do not.
_ONE_YEAR = r"^\D*(\d{4})\D*$"


def cleaned(frame: pl.LazyFrame, entity: str, millimetres: Mapping[str, float]) -> pl.LazyFrame:
    """Give every field its kind and keep the first row of each key.

    Args:
        frame: `harvested_schema(entity)`.
        entity: `objects` or `artists`.
        millimetres: Millimetres in one unit of the source, by field of length.

    Returns:
        The same columns in the model's dtypes, in the order of the source.
    """
    typed = frame.filter(_is_first(entity)).with_columns(
        _usable(name, field.kind, millimetres.get(name, 1.0)) for name, field in FIELDS[entity].items()
    )
    if entity == "objects":
        # A museum that dates in words only still has the year if the words hold exactly one.
        worded = _year(pl.col("date_text"))
        typed = typed.with_columns(
            pl.coalesce("start_year", pl.when(pl.col("end_year").is_null()).then(worded)).alias("start_year"),
            pl.when(pl.col("start_year").is_null() | (pl.col("start_year") <= pl.col("end_year"))).then("end_year"),
        )
    return typed


def repeated_keys(frame: pl.LazyFrame, entity: str) -> pl.LazyFrame:
    """Rows that `cleaned` leaves out: `source_file`, `source_line`, the key, and `first_place` of the row kept."""
    key = pl.col(KEYS[entity]).str.strip_chars()
    place = pl.format("{}:{}", "source_file", "source_line")
    return frame.select("source_file", "source_line", key, place.first().over(key).alias("first_place")).filter(
        ~pl.col(KEYS[entity]).is_first_distinct()
    )


def unusable_values(frame: pl.LazyFrame, entity: str, millimetres: Mapping[str, float]) -> pl.LazyFrame:
    """Values that `cleaned` makes null in the rows that it keeps, in the order of the fields.

    Returns:
        `source_file`, `source_line`, `field`, `value`, `reason`.
    """
    kept = frame.filter(_is_first(entity))
    unusable = [
        _listed(kept, name, pl.col(name).is_not_null() & usable.is_null(), f"no {field.kind}")
        for name, field in FIELDS[entity].items()
        if field.kind in (Kind.YEAR, Kind.MILLIMETRES)
        for usable in [_usable(name, field.kind, millimetres.get(name, 1.0))]
    ]
    if entity == "objects":
        start, end = (_usable(name, Kind.YEAR, 1.0) for name in ("start_year", "end_year"))
        unusable.append(_listed(kept, "end_year", start > end, "before start_year"))
    return pl.concat(unusable)


def _is_first(entity: str) -> pl.Expr:
    return pl.col(KEYS[entity]).str.strip_chars().is_first_distinct()


def _listed(frame: pl.LazyFrame, name: str, unusable: pl.Expr, reason: str) -> pl.LazyFrame:
    return frame.filter(unusable).select(
        "source_file",
        "source_line",
        pl.lit(name).alias("field"),
        pl.col(name).alias("value"),
        pl.lit(reason).alias("reason"),
    )


def _usable(name: str, kind: Kind, millimetres: float) -> pl.Expr:
    text = pl.col(name)
    match kind:
        case Kind.LIST:
            return text
        case Kind.YEAR:
            return _year(text).alias(name)
        case Kind.MILLIMETRES:
            # To the micrometre, because 0.3 times 25.4 is 7.619999999999999.
            length = (text.str.strip_chars().cast(pl.Float64, strict=False) * millimetres).round(3)
            return pl.when((length > 0) & (length <= MAX_MILLIMETRES)).then(length).alias(name)
        case _:
            return text.str.strip_chars()


def _year(text: pl.Expr) -> pl.Expr:
    # A table with empty cells leaves many tools with its years as floats: 1922.0 is 1922.
    stripped = text.str.strip_chars().str.strip_suffix(".0")
    year = pl.coalesce(
        stripped.cast(pl.Int64, strict=False), stripped.str.extract(_ONE_YEAR, 1).cast(pl.Int64, strict=False)
    )
    return pl.when(year.is_between(FIRST_YEAR, LAST_YEAR)).then(year)
