"""The ledger: what was loaded last, as one Parquet file per part with keys and hashes, beside the graph.

What belongs here: writing and reading it. What does not: whether it is to be trusted; that says a marker in the graph,
which names the load that the ledger has to be of (`neo4j.marker`).

A ledger may be lost or be behind: it only spares reading the graph.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from millrace.graph.model import Part
from millrace.stores import Place

_LOAD = "millrace_load"


class Ledger:
    """The ledgers of the parts of one graph.

    Args:
        place: Where they lie.
    """

    def __init__(self, place: Place) -> None:
        self._store = place.store()

    def load_of(self, part: Part) -> str | None:
        """Id of the load that a part's ledger is of; None if there is none that can be read."""
        name = _name(part)
        if not self._store.has(name):
            return None
        try:
            said = pl.read_parquet_metadata(self._store.address_of(name), storage_options=self._store.polars_options)
        except (pl.exceptions.ComputeError, FileNotFoundError):  # half a file of another program, or removed just now
            return None
        return said.get(_LOAD)

    def state(self, part: Part) -> pl.LazyFrame:
        """Key columns and `_hash` of every element, and whatever columns `keep` was given beside them.

        A null hash is of a node that is gone and not yet swept.
        """
        address = self._store.address_of(_name(part))
        return pl.scan_parquet(address, storage_options=self._store.polars_options)

    def keep(self, part: Part, load: str, state: pl.LazyFrame) -> int:
        """Replace the ledger of a part; return its number of elements."""
        made = self._store.in_the_making(_name(part))
        try:
            state.sink_parquet(made, compression="zstd", compression_level=1, metadata={_LOAD: load})
            count = int(pl.scan_parquet(made).select(pl.len()).collect().item())
            self._store.keep(_name(part), made)
        finally:
            made.unlink(missing_ok=True)
        return count


@contextmanager
def scratch_folder() -> Generator[Path]:
    """A folder for the files of one load, removed at its end."""
    with tempfile.TemporaryDirectory(prefix="millrace-graph-") as name:
        yield Path(name)


def _name(part: Part) -> str:
    return f"{part.name}.parquet"
