"""Data files by Polars: rows into files that nobody sees yet, files back into rows.

What belongs here: all that knows Polars' Iceberg interface, which is marked unstable. What does not: commits.

`sink_iceberg` writes files and commits them, to the table's main branch and in ways of its own. Only the files are
wanted here: it is handed a copy of the table whose catalog (`_Rehearsal`) keeps the commit to itself, and the files are
read off that. In the same way a scan of some of a table's files is a scan of a copy that has lost the others: Iceberg's
own rules for columns, types and deleted rows hold for it.
"""

import warnings
from collections.abc import Collection, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl

if TYPE_CHECKING:
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

    from millrace.stores.store import Store

# What a writer holds of a file at once; of a partitioned table it holds as many files as there are partitions. Rows of
# 2 kB in 45 partitions: 1.1 GiB with 8,192, 0.6 GiB with 1,024 (ADR 0018).
_ROW_GROUP_ROWS = 8_192
_PARTITIONED_ROW_GROUP_ROWS = 1_024
_FILE = "__millrace_file"


def write(table: "Table", frame: pl.LazyFrame, store: "Store") -> "list[DataFile]":
    """Write rows into data files below a table, without committing them.

    Args:
        table: The table; its schema and partitions say how.
        frame: Rows with the table's columns and types.
        store: Where its files lie.
    """
    copy = _copy(table, None)
    with _unstable():
        frame.sink_iceberg(
            copy,
            mode="append",
            storage_options=_options(store),
            compression_level=1,
            row_group_size=_PARTITIONED_ROW_GROUP_ROWS if table.spec().fields else _ROW_GROUP_ROWS,
        )
    snapshot = copy.current_snapshot()
    if snapshot is None:
        return []
    files = live_files(copy, snapshot)
    _forget(copy, snapshot)
    remove(table, (file for file in files if not file.record_count))  # of a frame without a row
    return [file for file in files if file.record_count]


def scan(table: "Table", snapshot_id: int, store: "Store") -> pl.LazyFrame:
    """The rows of a snapshot, with the columns of its time."""
    with _unstable():
        return pl.scan_iceberg(table, snapshot_id=snapshot_id, storage_options=_options(store))


@contextmanager
def rows_in(table: "Table", head: "Snapshot", files: "Collection[DataFile]", store: "Store") -> Generator[pl.LazyFrame]:
    """The rows that some of a snapshot's files hold, with the table's columns of today; until the block ends."""
    others = set(live_files(table, head)) - set(files)
    copy = _copy(table, head)
    if others:
        with copy.transaction() as transaction, transaction.update_snapshot().overwrite() as update:
            for file in others:
                update.delete_data_file(file)
    _write_metadata(copy)
    try:
        with _unstable():
            yield pl.scan_iceberg(copy, storage_options=_options(store))
    finally:
        with suppress(OSError):
            copy.io.delete(copy.metadata_location)
        snapshot = copy.current_snapshot()
        if others and snapshot is not None:
            _forget(copy, snapshot)


def live_files(table: "Table", snapshot: "Snapshot | None") -> "list[DataFile]":
    """The data files of a snapshot."""
    from pyiceberg.manifest import ManifestContent

    return [
        entry.data_file
        for manifest in (snapshot.manifests(table.io) if snapshot is not None else ())
        if manifest.content == ManifestContent.DATA
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    ]


def keys_in(files: "Iterable[DataFile]", key: Sequence[str], dtypes: pl.Schema, store: "Store") -> pl.LazyFrame:
    """The columns of a key, row by row, and the file of each row (`FILE_COLUMN`); old files may have narrower types."""
    return pl.scan_parquet(
        [file.file_path for file in files],
        schema={name: dtypes[name] for name in key},
        extra_columns="ignore",
        cast_options=pl.ScanCastOptions(integer_cast="upcast", float_cast="upcast"),
        include_file_paths=_FILE,
        storage_options=_options(store),
    )


FILE_COLUMN = _FILE


def columns_of(table: "Table") -> pl.Schema:
    """A table's columns, in Polars' types."""
    with _unstable():
        return pl.scan_iceberg(_copy(table, None)).collect_schema()


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


def _copy(table: "Table", head: "Snapshot | None") -> "Table":
    """A copy of a table that has one branch, whose head is `head`, and commits to nowhere."""
    from pyiceberg.table import Table
    from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRef, SnapshotRefType

    refs = (
        {}
        if head is None
        else {MAIN_BRANCH: SnapshotRef(snapshot_id=head.snapshot_id, snapshot_ref_type=SnapshotRefType.BRANCH)}
    )
    metadata = table.metadata.model_copy(
        update={
            "snapshots": [] if head is None else table.metadata.snapshots,
            "current_snapshot_id": None if head is None else head.snapshot_id,
            "refs": refs,
            "snapshot_log": [],
        }
    )
    return Table(table.name(), metadata, table.metadata_location, table.io, _rehearsal()("rehearsal"), {})


def _write_metadata(copy: "Table") -> None:
    """Write a copy's metadata where it says that it is: Polars plans a scan from there, not from what it is handed."""
    from pyiceberg.serializers import ToOutputFile

    copy.metadata_location = copy.location_provider().new_metadata_location(f"rehearsed-{uuid4()}.metadata.json")
    ToOutputFile.table_metadata(copy.metadata, copy.io.new_output(copy.metadata_location))


def _forget(copy: "Table", snapshot: "Snapshot") -> None:
    """Remove what a rehearsed commit has written; manifests that it took over from the table stay."""
    for manifest in snapshot.manifests(copy.io):
        if manifest.added_snapshot_id == snapshot.snapshot_id:
            with suppress(OSError):
                copy.io.delete(manifest.manifest_path)
    with suppress(OSError):
        copy.io.delete(snapshot.manifest_list)


@cache
def _rehearsal() -> "type[NoopCatalog]":
    """The class of a catalog that answers a commit as if it had happened; made late, since pyiceberg is heavy."""
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.table import CommitTableResponse
    from pyiceberg.table.update import update_table_metadata

    class Rehearsal(NoopCatalog):
        def commit_table(self, table: Any, requirements: Any, updates: Any) -> Any:  # noqa: ARG002  # pyiceberg's
            metadata = update_table_metadata(table.metadata, updates)
            return CommitTableResponse.model_validate(
                {"metadata": metadata, "metadata-location": f"{table.metadata_location}#rehearsed"}
            )

    return Rehearsal
