"""A Ladybug database made of the parts' Parquet files, in one go.

What belongs here: tables and bulk copies. What does not: which files, and where readers find the database (`graph`).

A copy takes a tenth of the time of `UNWIND … MERGE`, and a large MERGE of relationships runs out of buffers.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from polars._typing import PolarsDataType

from millrace.graph.model import GraphModel, Node, Part

if TYPE_CHECKING:
    from ladybug import Connection

# What it would take by itself is four fifths of the machine's memory, whatever the container may have.
_BUILDING_BYTES = 384 << 20
_READING_BYTES = 128 << 20
_TYPES: dict[PolarsDataType, str] = {
    pl.String: "STRING",
    pl.Int64: "INT64",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOL",
    pl.Date: "DATE",
    pl.List(pl.String): "STRING[]",
    pl.List(pl.Int64): "INT64[]",
    pl.List(pl.Float64): "DOUBLE[]",
}


def build(model: GraphModel, files: Mapping[str, Path], path: Path) -> None:
    """Make a database.

    Args:
        model: What it holds.
        files: Parquet file of each part that has one, by its name; every end point has to be there.
        path: Its file, which is not there yet.
    """
    with connection(path, is_building=True) as opened:
        for statement in tables(model):
            opened.execute(statement)
        for part in model.parts:
            if part.name in files:
                columns = ", ".join(f"`{name}`" for name in model.columns(part))
                opened.execute(f"COPY `{part.name}` FROM (LOAD FROM {_quoted(files[part.name])} RETURN {columns})")


def tables(model: GraphModel) -> Iterator[str]:
    """Statements that make the tables of a model."""
    for part in model.parts:
        columns = [f"`{one.name}` {_TYPES[one.dtype]}" for one in part.properties]
        if isinstance(part, Node):
            yield f"CREATE NODE TABLE `{part.name}`({', '.join([*columns, f'PRIMARY KEY(`{part.key}`)'])})"
        else:
            ends = f"FROM `{part.from_label}` TO `{part.to_label}`"
            yield f"CREATE REL TABLE `{part.name}`({', '.join([ends, *columns])})"


def count(part: Part) -> str:
    """Number of elements."""
    if isinstance(part, Node):
        return f"MATCH (n:`{part.name}`) RETURN count(n)"
    return f"MATCH ()-[r:`{part.name}`]->() RETURN count(r)"


@contextmanager
def connection(path: Path, *, is_building: bool = False) -> Generator["Connection"]:
    """A connection to a database in a file; whoever does not build cannot write."""
    import ladybug

    size = _BUILDING_BYTES if is_building else _READING_BYTES
    database = ladybug.Database(path, read_only=not is_building, buffer_pool_size=size)
    try:
        opened = ladybug.Connection(database)
        try:
            yield opened
        finally:
            opened.close()
    finally:
        database.close()


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
