"""Columns of frames and columns of tables: which types Iceberg keeps, and which differences a writer may bring.

What belongs here: the comparison, in Polars' types. What does not: changing a table.

Iceberg has no unsigned integers, no Int8, no nanoseconds, no categories: what fits without loss into a wider type is
stored as that, and comes back as that. The rest is refused before a row is computed.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import TYPE_CHECKING

import polars as pl

from millrace.errors import TableRefusedError
from millrace.lakehouse.declaration import SchemaPolicy

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType

_STORED: dict[type[pl.DataType], pl.DataType] = {
    **dict.fromkeys((pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16), pl.Int32()),
    **dict.fromkeys((pl.Int64, pl.UInt32), pl.Int64()),
    **dict.fromkeys((pl.Float16, pl.Float32), pl.Float32()),
    **dict.fromkeys((pl.String, pl.Categorical, pl.Enum), pl.String()),
    **{kind: kind() for kind in (pl.Float64, pl.Boolean, pl.Binary, pl.Date, pl.Time)},
}
_WIDER = {(pl.Int32(), pl.Int64()), (pl.Float32(), pl.Float64())}


def stored(subject: str, schema: Mapping[str, pl.DataType]) -> pl.Schema:
    """The types in which a frame's columns are kept.

    Raises:
        TableRefusedError: a column has a type that no table keeps without loss; all of them at once.
    """
    found = {name: _stored(dtype) for name, dtype in schema.items()}
    lost = [f"{name!r} ({schema[name]})" for name, dtype in found.items() if dtype is None]
    if lost or not found:
        raise TableRefusedError(
            subject,
            f"no table keeps {', '.join(lost)}" if lost else "the frame has no column",
            expected="types that Iceberg has",
            next_step="cast: UInt64 to Int64, Datetime to microseconds, Duration to a number, Null to a type",
        )
    return pl.Schema({name: dtype for name, dtype in found.items() if dtype is not None})


def agreed(subject: str, table: pl.Schema, frame: pl.Schema, policy: SchemaPolicy) -> pl.Schema:
    """The columns that a table must have before this frame is written, those that it has first.

    Args:
        subject: The table, for errors.
        table: Its columns now.
        frame: The frame's columns, as `stored` gives them.
        policy: What the writer allows.

    Raises:
        TableRefusedError: there is a difference that the writer does not allow; all of them at once.
    """
    wanted = dict(table)
    problems = [f"column {name!r} missing" for name in table if name not in frame]
    for name, dtype in frame.items():
        if name not in table:
            wanted[name] = dtype
            if policy is SchemaPolicy.STRICT:
                problems.append(f"column {name!r} ({dtype}) is new")
        elif dtype != table[name]:
            wide = _wider(table[name], dtype)
            if wide is None or policy is SchemaPolicy.STRICT:
                problems.append(f"column {name!r} is {dtype}, the table has {table[name]}")
            else:
                wanted[name] = wide
    if problems:
        raise TableRefusedError(
            subject,
            "; ".join(problems),
            expected="the table's columns" if policy is SchemaPolicy.STRICT else "these, new ones, or wider types",
            next_step="change the writer"
            + (", or let it say schema_policy=add_columns" if policy is SchemaPolicy.STRICT else " or drop the table"),
        )
    return pl.Schema(wanted)


def iceberg_schema(columns: Mapping[str, pl.DataType]) -> "Schema":
    """Columns as a table has them, all nullable.

    Args:
        columns: As `stored` gives them.
    """
    from pyiceberg.schema import Schema
    from pyiceberg.types import NestedField

    numbers = count(1)
    return Schema(
        *(
            NestedField(next(numbers), name, iceberg_type(dtype, numbers), required=False)
            for name, dtype in columns.items()
        )
    )


def iceberg_type(dtype: object, numbers: Iterator[int]) -> "IcebergType":
    """One of the types that `stored` gives, in Iceberg's terms; what is nested takes its ids from `numbers`."""
    from pyiceberg import types

    simple = {
        pl.Int32: types.IntegerType,
        pl.Int64: types.LongType,
        pl.Float32: types.FloatType,
        pl.Float64: types.DoubleType,
        pl.Boolean: types.BooleanType,
        pl.String: types.StringType,
        pl.Binary: types.BinaryType,
        pl.Date: types.DateType,
        pl.Time: types.TimeType,
    }
    if isinstance(dtype, pl.Decimal):
        return types.DecimalType(dtype.precision, dtype.scale)
    if isinstance(dtype, pl.Datetime):
        return types.TimestampType() if dtype.time_zone is None else types.TimestamptzType()
    if isinstance(dtype, pl.List):
        element = next(numbers)
        return types.ListType(element, iceberg_type(dtype.inner, numbers), element_required=False)
    if isinstance(dtype, pl.Struct):
        fields = (
            types.NestedField(next(numbers), field.name, iceberg_type(field.dtype, numbers), required=False)
            for field in dtype.fields
        )
        return types.StructType(*fields)
    return simple[type(dtype)]()  # ty: ignore[invalid-argument-type]


def _stored(dtype: pl.DataType) -> pl.DataType | None:
    if type(dtype) in _STORED:
        return _STORED[type(dtype)]
    if isinstance(dtype, pl.Decimal):
        return dtype
    if isinstance(dtype, pl.Datetime):
        if dtype.time_unit == "ns":
            return None
        return pl.Datetime("us") if dtype.time_zone is None else pl.Datetime("us", "UTC")
    if isinstance(dtype, pl.List | pl.Array):
        return _within(dtype.inner, pl.List)
    if isinstance(dtype, pl.Struct):
        fields = {field.name: _stored(pl.Field(field.name, field.dtype).dtype) for field in dtype.fields}  # ty: ignore
        return None if None in fields.values() else pl.Struct(fields)  # ty: ignore
    return None


def _within(inner: object, around: Callable[[pl.DataType], pl.DataType]) -> pl.DataType | None:
    dtype = _stored(inner) if isinstance(inner, pl.DataType) else None
    return None if dtype is None else around(dtype)


def _wider(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    """The one of two types that the other can be widened to; None if neither can."""
    for narrow, wide in ((one, other), (other, one)):
        if (narrow, wide) in _WIDER:
            return wide
        if isinstance(narrow, pl.Decimal) and isinstance(wide, pl.Decimal) and narrow.scale == wide.scale:
            return max(narrow, wide, key=lambda dtype: dtype.precision or 0)
    return None
