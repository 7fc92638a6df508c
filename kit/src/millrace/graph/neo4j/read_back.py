"""The state before a load, read from the graph itself: keys and hashes of every element, into a file.

It is what counts where the ledger is lost or of another load: after a crash, a restored backup, another writer. Slower
than the ledger and always true. What of a label or type cannot be of the model is removed on the way.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from millrace.graph.frames import HASH
from millrace.graph.model import GraphModel, Part, Relationship
from millrace.graph.neo4j import statements
from millrace.graph.neo4j.server import Server

if TYPE_CHECKING:
    from neo4j import Record

_CHUNK_ROWS = 50_000


def read_back(
    server: Server, model: GraphModel, part: Part, scratch: Path, heartbeat: Callable[[], None] | None = None
) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Read the elements of a part.

    Args:
        server: Where they are.
        model: The model.
        part: The part.
        scratch: A folder for the files.
        heartbeat: Called after each chunk, by the load that holds the part; None: only read, remove nothing.

    Returns:
        Key columns and `_hash`, each key once, with 0 where an element has no hash; and the keys of relationships that
        are there several times, which are not among the former.
    """
    folder = scratch / f"graph-{part.name}"
    folder.mkdir()
    columns = model.columns(part)
    schema = {name: columns[name] for name in part.key_columns} | {HASH: pl.Int64()}
    pl.DataFrame(schema=schema).write_parquet(folder / "0.parquet")
    seen = 0

    def take(rows: list["Record"]) -> None:
        nonlocal seen
        values = [record.values() for record in rows]
        chunk = pl.DataFrame(values, schema=schema, orient="row", strict=False)
        chunk.write_parquet(folder / f"{seen + 1}.parquet", compression="lz4")
        seen += len(rows)
        if heartbeat is not None:
            heartbeat()

    server.stream(statements.read_back(model, part), _CHUNK_ROWS, take)
    there = server.read(statements.count(part))[0]["count"]
    if heartbeat is not None and there != seen:
        server.run(statements.remove_strangers(model, part))
    found = (
        pl.scan_parquet(folder / "*.parquet").drop_nulls(list(part.key_columns)).with_columns(pl.col(HASH).fill_null(0))
    )
    if not isinstance(part, Relationship):  # the constraint sees to it that each is there once
        return found, found.head(0)
    keys = list(part.key_columns)
    several = found.group_by(keys).agg(pl.len().alias("_copies")).filter(pl.col("_copies") > 1)
    copies = several.collect(engine="streaming").lazy()
    return found.join(copies, on=keys, how="anti"), copies
