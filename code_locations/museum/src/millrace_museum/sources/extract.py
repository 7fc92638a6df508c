"""From records to columns: each mapped field taken out of each record, by functions compiled once per mapping.

Scalars stay text here, whatever the source's type: a museum's "1922", 1922 and "1922?" all arrive as they
were written, and the clean stage, which knows the kind, can say which of them it could not use.

Columns are filled in Arrow's layout, a list column as offsets into flat columns of its items: building the same
from lists of dictionaries takes several times as long (ADR 0003).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Protocol

import orjson
import polars as pl
import pyarrow as pa

from millrace_museum.mapping import FieldMapping
from millrace_museum.model import ModelField

Taker = Callable[[Any], Any]

_TEXTS = {str, NoneType}
_INTEGERS = {int, NoneType}
_INT64 = 1 << 63


class Column(Protocol):
    """One field of a batch while it fills."""

    def add(self, record: Mapping[str, Any]) -> None:
        """Take the field out of a record and append it."""
        ...

    def drain(self) -> pl.Series:
        """The values so far; the column is empty afterwards."""
        ...


class TextColumn:
    """A scalar field: text or null."""

    def __init__(self, mapped: FieldMapping) -> None:
        self._take = compile_path(mapped.source)
        self._values: list[Any] = []

    def add(self, record: Mapping[str, Any]) -> None:
        """Append the field of a record."""
        self._values.append(self._take(record))

    def drain(self) -> pl.Series:
        """A series of text."""
        values, self._values = self._values, []
        return text_series(values)


class ListColumn:
    """A field that holds a list of items, each with the model's item fields; an empty list is null."""

    def __init__(self, mapped: FieldMapping, items: tuple[str, ...]) -> None:
        self._items = _compile_items(mapped)
        self._takers = [(name, compile_path(mapped.each[name]) if name in mapped.each else _nothing) for name in items]
        self._reset()

    def _reset(self) -> None:
        self._flat: dict[str, list[Any]] = {name: [] for name, _ in self._takers}
        self._filling = [(take, self._flat[name].append) for name, take in self._takers]
        self._count = 0
        self._offsets: list[int | None] = []

    def add(self, record: Mapping[str, Any]) -> None:
        """Append the items of a record."""
        begin = self._count
        for item in self._items(record):
            if item is None:
                continue
            for take, append in self._filling:
                append(take(item))
            self._count += 1
        self._offsets.append(begin if self._count > begin else None)

    def drain(self) -> pl.Series:
        """A series of lists of structs of text."""
        # An Arrow list offset that is null marks a null list; the last one closes the last list.
        offsets = pa.array([*self._offsets, self._count], pa.int64())
        structs = pl.DataFrame([text_series(values).alias(name) for name, values in self._flat.items()]).to_struct()
        series = pl.Series(pl.from_arrow(pa.LargeListArray.from_arrays(offsets, structs.to_arrow())))
        self._reset()
        return series


class AbsentColumn:
    """A field that the mapping leaves out: null throughout."""

    def __init__(self, wanted: ModelField) -> None:
        self._dtype = wanted.harvested_dtype
        self._count = 0

    def add(self, record: Mapping[str, Any]) -> None:  # noqa: ARG002  # the protocol's signature
        """Count one more null."""
        self._count += 1

    def drain(self) -> pl.Series:
        """A series of nulls."""
        count, self._count = self._count, 0
        return pl.Series([None] * count, dtype=self._dtype)


def compile_column(mapped: FieldMapping | None, wanted: ModelField) -> Column:
    """Make the column of a field from its mapping, or from the lack of one."""
    if mapped is None:
        return AbsentColumn(wanted)
    if wanted.items:
        return ListColumn(mapped, wanted.items)
    return TextColumn(mapped)


def text_series(values: list[Any]) -> pl.Series:
    """Scalars of any type as text, blanks as null; a column of one type is converted at once, others value by value."""
    types = set(map(type, values))
    if types <= _INTEGERS and all(value is None or -_INT64 <= value < _INT64 for value in values):
        return pl.Series(values, dtype=pl.Int64).cast(pl.String)
    if not types <= _TEXTS:
        values = [as_text(value) for value in values]
    texts = pl.Series(values, dtype=pl.String)
    return texts.set(texts.str.strip_chars() == "", None)


def compile_path(path: str) -> Taker:
    """Make the function that follows a dotted path; `.` is the value itself, a missing step gives None."""
    if path == ".":
        return lambda value: value
    steps = path.split(".")
    if len(steps) == 1:
        name = steps[0]
        return lambda record: record.get(name) if type(record) is dict else None

    def follow(value: Any) -> Any:
        for step in steps:
            if type(value) is not dict:
                return None
            value = value.get(step)
        return value

    return follow


def as_text(value: Any) -> str | None:
    """A scalar as text, JSON's way; objects and lists as JSON."""
    if value is None or type(value) is str:
        return value
    if type(value) is int or type(value) is float:
        return str(value)
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def leaves(tree: Any, children: str) -> list[Any]:
    """The nodes of a tree that have no children, in reading order; a root without children gives nothing."""
    found: list[Any] = []

    def walk(node: Any) -> None:
        for child in node[children]:
            if type(child) is dict and type(child.get(children)) is list and child[children]:
                walk(child)
            else:
                found.append(child)

    if type(tree) is dict and type(tree.get(children)) is list:
        walk(tree)
    return found


def _compile_items(mapped: FieldMapping) -> Callable[[Any], Iterable[Any]]:
    """Make the function that gives the items of a list field; one object counts as a list of one."""
    take = compile_path(mapped.source)
    if mapped.tree is not None:
        children = mapped.tree
        return lambda record: leaves(take(record), children)
    if mapped.split is not None:
        separator = mapped.split
        return lambda record: _parts(take(record), separator)

    def items(record: Any) -> Iterable[Any]:
        value = take(record)
        if type(value) is list:
            return value
        return () if value is None else (value,)

    return items


def _parts(value: Any, separator: str) -> list[str]:
    text = as_text(value)
    return [part.strip() for part in text.split(separator) if part.strip()] if text else []


def _nothing(_: Any) -> None:
    return None
