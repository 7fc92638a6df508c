"""Data files by Polars: rows into files that nobody sees yet, files back into rows.

What belongs here: all that knows Polars' Iceberg interface, which is marked unstable. What does not: commits.

`sink_iceberg` writes files and commits them, to the table's main branch and in ways of its own. Only the files are
wanted here: it is handed a copy of the table (`copies.py`), and the files are read off that.
"""

import warnings
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import polars as pl

from millrace.lakehouse.copies import empty_copy, excerpt, files_of_commit

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile, ManifestEntry
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

    from millrace.stores.store import Store

FILE_COLUMN = "__millrace_file"
# What a writer holds of a file at once; of a partitioned table it holds as many files as there are partitions. Rows of
# 2 kB in 45 partitions: 1.1 GiB with 8,192, 0.6 GiB with 1,024 (ADR 0018).
_ROW_GROUP_ROWS = 8_192
_PARTITIONED_ROW_GROUP_ROWS = 1_024


def write(table: "Table", frame: pl.LazyFrame, store: "Store") -> "list[DataFile]":
    """Write rows into data files below a table, without committing them.

    Args:
        table: The table; its schema and partitions say how.
        frame: Rows with the table's columns and types.
        store: Where its files lie.
    """
    copy = empty_copy(table)
    with _unstable():
        frame.sink_iceberg(
            copy,
            mode="append",
            storage_options=_options(store),
            compression_level=1,
            row_group_size=_PARTITIONED_ROW_GROUP_ROWS if table.spec().fields else _ROW_GROUP_ROWS,
        )
    files = files_of_commit(copy)
    remove(table, (file for file in files if not file.record_count))  # of a frame without a row
    return [file for file in files if file.record_count]


def scan(table: "Table", snapshot_id: int, store: "Store") -> pl.LazyFrame:
    """The rows of a snapshot, with the columns of its time."""
    with _unstable():
        return pl.scan_iceberg(table, snapshot_id=snapshot_id, storage_options=_options(store))


@contextmanager
def rows_in(
    table: "Table", head: "Snapshot", entries: "Sequence[ManifestEntry]", store: "Store"
) -> Generator[pl.LazyFrame]:
    """The rows that some of a snapshot's files hold, with the table's columns of today; until the block ends."""
    with excerpt(table, head, entries) as copy, _unstable():
        yield pl.scan_iceberg(copy, storage_options=_options(store))


def keys_in(files: "Iterable[DataFile]", key: Sequence[str], dtypes: pl.Schema, store: "Store") -> pl.LazyFrame:
    """The columns of a key, row by row, and the file of each row (`FILE_COLUMN`); old files may have narrower types."""
    return pl.scan_parquet(
        [file.file_path for file in files],
        schema={name: dtypes[name] for name in key},
        extra_columns="ignore",
        cast_options=pl.ScanCastOptions(integer_cast="upcast", float_cast="upcast"),
        include_file_paths=FILE_COLUMN,
        storage_options=store.polars_options,
    )


def columns_of(table: "Table") -> pl.Schema:
    """A table's columns, in Polars' types."""
    with _unstable():
        return pl.scan_iceberg(empty_copy(table)).collect_schema()


def remove(table: "Table", files: "Iterable[DataFile]") -> None:
    """Remove files that no commit names; what stays, `retention` removes later."""
    for file in files:
        with suppress(OSError):
            table.io.delete(file.file_path)


def _options(store: "Store") -> dict[str, str] | None:
    """Without the number of retries: `sink_iceberg` takes text alone, and what it hands it on to takes a number."""
    options = store.polars_options
    return None if options is None else {name: value for name, value in options.items() if isinstance(value, str)}


@contextmanager
def _unstable() -> Generator[None]:
    """Polars warns of its interface at each call; this module is why nobody else needs to know."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*considered unstable", category=UserWarning)
        yield
