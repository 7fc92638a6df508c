"""Copies of a table that no catalog knows: an empty one to write files below, one with some of its files to read.

What belongs here: pyiceberg's metadata, rearranged. What does not: rows.

Polars commits what it writes, and scans what a table's metadata names. A copy takes the commit and keeps it to itself,
or names fewer files: in both cases Iceberg's own rules for columns, types and deleted rows hold, and nothing that
readers see has changed.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from pyiceberg.catalog.noop import NoopCatalog
    from pyiceberg.manifest import DataFile, ManifestEntry, ManifestFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot


def live_entries(table: "Table", snapshot: "Snapshot | None") -> "list[ManifestEntry]":
    """The data files of a snapshot, with what their manifests say of them."""
    from pyiceberg.manifest import ManifestContent

    return [
        entry
        for manifest in (snapshot.manifests(table.io) if snapshot is not None else ())
        if manifest.content == ManifestContent.DATA
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    ]


def live_files(table: "Table", snapshot: "Snapshot | None") -> "list[DataFile]":
    """The data files of a snapshot."""
    return [entry.data_file for entry in live_entries(table, snapshot)]


def empty_copy(table: "Table") -> "Table":
    """A table with the same columns and partitions at the same place, without a snapshot."""
    return _copy(table, None)


def files_of_commit(copy: "Table") -> "list[DataFile]":
    """The files that a commit to an empty copy has named; the commit is removed."""
    snapshot = copy.current_snapshot()
    files = live_files(copy, snapshot)
    if snapshot is not None:
        for manifest in snapshot.manifests(copy.io):
            _remove(copy, manifest.manifest_path)
        _remove(copy, snapshot.manifest_list)
    return files


@contextmanager
def excerpt(table: "Table", head: "Snapshot", entries: "Sequence[ManifestEntry]") -> Generator["Table"]:
    """A table that has some of a snapshot's files, all rows that others deleted from them, and the columns of today.

    Its metadata lies beside the table's until the block ends, since Polars plans a scan from there.
    """
    from pyiceberg.manifest import ManifestContent
    from pyiceberg.serializers import ToOutputFile

    written: list[str] = []
    try:
        manifests = list(_manifests(table, head, entries, written))
        manifests += [one for one in head.manifests(table.io) if one.content == ManifestContent.DELETES]
        copy = _copy(table, _listed(table, head, manifests, written))
        copy.metadata_location = _new(table, "metadata.json", written)
        ToOutputFile.table_metadata(copy.metadata, copy.io.new_output(copy.metadata_location))
        yield copy
    finally:
        for path in written:
            _remove(table, path)


def _manifests(
    table: "Table", head: "Snapshot", entries: "Sequence[ManifestEntry]", written: list[str]
) -> "Generator[ManifestFile]":
    """Write a manifest for each of the ways in which the table was ever partitioned."""
    from pyiceberg.manifest import write_manifest

    for number, spec in table.specs().items():
        of_spec = [entry for entry in entries if entry.data_file.spec_id == number]
        if of_spec:
            output = table.io.new_output(_new(table, "avro", written))
            with write_manifest(2, spec, table.schema(), output, head.snapshot_id, "deflate") as writer:
                for entry in of_spec:
                    writer.existing(entry)
            yield writer.to_manifest_file()


def _listed(table: "Table", head: "Snapshot", manifests: "list[ManifestFile]", written: list[str]) -> "Snapshot":
    from pyiceberg.manifest import write_manifest_list

    path = _new(table, "avro", written)
    sequence = head.sequence_number or 0
    output = table.io.new_output(path)
    with write_manifest_list(2, output, head.snapshot_id, head.parent_snapshot_id, sequence, "deflate") as writer:
        writer.add_manifests(manifests)
    return head.model_copy(update={"manifest_list": path, "schema_id": table.metadata.current_schema_id})


def _new(table: "Table", ending: str, written: list[str]) -> str:
    # Polars keeps files of metadata in memory by a name with a UUID: no two may have the same.
    path = table.location_provider().new_metadata_location(f"excerpt-{uuid4()}.{ending}")
    written.append(path)
    return path


def _remove(table: "Table", path: str) -> None:
    """Remove a file that no commit names; what stays, `retention` removes later."""
    with suppress(OSError):
        table.io.delete(path)


def _copy(table: "Table", head: "Snapshot | None") -> "Table":
    """A copy of a table that has one snapshot or none, and commits to nowhere."""
    from pyiceberg.table import Table
    from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRef, SnapshotRefType

    refs = {}
    if head is not None:
        branch = SnapshotRef(snapshot_id=head.snapshot_id, snapshot_ref_type=SnapshotRefType.BRANCH)
        refs = {MAIN_BRANCH: branch}
    # pyiceberg copies metadata some twenty times in a commit: without its history that costs nothing.
    metadata = table.metadata.model_copy(
        update={
            "snapshots": [] if head is None else [head],
            "current_snapshot_id": None if head is None else head.snapshot_id,
            "refs": refs,
            "snapshot_log": [],
            "metadata_log": [],
            "statistics": [],
        }
    )
    return Table(table.name(), metadata, table.metadata_location, table.io, _rehearsal()("rehearsal"), {})


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
