"""What is no longer needed: snapshots past their time, and files that no snapshot names.

What belongs here: functions that a job calls. What does not: when it does.

Expiring a snapshot only forgets it. Its files go when no other snapshot names them, together with what killed writers
have left: whatever lies below the table's folder, is older than any write can take, and is named by nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from millrace.errors import StageMissingError
from millrace.lakehouse.tables import Table
from millrace.lakehouse.warehouse import Warehouse

if TYPE_CHECKING:
    import pyiceberg.table

_LONGEST_WRITE = timedelta(hours=1)
_TRIES = 5


@dataclass(frozen=True)
class Removed:
    """What was removed.

    Attributes:
        names: Paths of the files.
        size_bytes: Their size.
    """

    names: tuple[str, ...]
    size_bytes: int


@dataclass(frozen=True)
class Forgotten:
    """What tables no longer have.

    Attributes:
        snapshots: How many were expired.
        size_bytes: Size of the files that nothing needed any more.
    """

    snapshots: int
    size_bytes: int


def forget(
    warehouse: Warehouse, names: Iterable[str], older_than: timedelta, keep: int, now: datetime | None = None
) -> Forgotten:
    """Expire snapshots of several tables, and remove the files that only these had; see the two functions below.

    A table that was never written has nothing to forget.
    """
    snapshots = size_bytes = 0
    for name in names:
        table = warehouse.table(name)
        try:
            snapshots += len(expire_snapshots(table, older_than, keep, now))
            size_bytes += remove_orphans(table, older_than, now).size_bytes
        except StageMissingError:
            continue
    return Forgotten(snapshots, size_bytes)


def expire_snapshots(table: Table, older_than: timedelta, keep: int, now: datetime | None = None) -> list[int]:
    """Forget old snapshots. What has a tag stays, and so do the last ones of every branch.

    Args:
        table: The table.
        older_than: Age below which every snapshot stays.
        keep: How many stay of main and of each branch, however old they are.
        now: The time that ages are reckoned to.

    Returns:
        The snapshots that are gone.

    Raises:
        ValueError: `keep` is less than 1.
        CommitFailedException: other writers were faster again and again.
    """
    from pyiceberg.exceptions import CommitFailedException

    if keep < 1:
        raise ValueError(f"keep is {keep}; at least the current snapshot stays")
    before = (now or datetime.now(UTC)) - older_than
    for attempt in range(_TRIES):
        loaded = table.load()
        kept = _kept(loaded, keep)
        gone = [
            snapshot.snapshot_id
            for snapshot in loaded.metadata.snapshots
            if snapshot.snapshot_id not in kept and snapshot.timestamp_ms < before.timestamp() * 1000
        ]
        if not gone:
            break
        try:
            loaded.maintenance.expire_snapshots().by_ids(gone).commit()
        except CommitFailedException:
            if attempt == _TRIES - 1:
                raise
        else:
            break
    return sorted(gone)


def remove_orphans(table: Table, older_than: timedelta, now: datetime | None = None) -> Removed:
    """Remove files below the table's folder that no snapshot names.

    Args:
        table: The table.
        older_than: Age below which a file stays: a write that goes on may be about to name it.
        now: The time that ages are reckoned to.

    Raises:
        ValueError: `older_than` is less than an hour.
    """
    if older_than < _LONGEST_WRITE:
        raise ValueError(f"older_than is {older_than}; a file of the last {_LONGEST_WRITE} may belong to a write")
    before = (now or datetime.now(UTC)) - older_than
    loaded = table.load()
    # Listed first: what is committed from now on was not there, or is young.
    found = {path: size for path, size, changed in _files(loaded) if changed < before}
    named = _named(table.load())
    orphans = {path: size for path, size in found.items() if path not in named}
    for path in orphans:
        loaded.io.delete(path)
    return Removed(tuple(sorted(orphans)), sum(orphans.values()))


def _kept(loaded: "pyiceberg.table.Table", keep: int) -> set[int]:
    from pyiceberg.table.refs import SnapshotRefType
    from pyiceberg.table.snapshots import ancestors_of

    kept: set[int] = set()
    for ref in loaded.metadata.refs.values():
        kept.add(ref.snapshot_id)
        if ref.snapshot_ref_type == SnapshotRefType.BRANCH:
            line = ancestors_of(loaded.metadata.snapshot_by_id(ref.snapshot_id), loaded.metadata)
            kept |= {snapshot.snapshot_id for _, snapshot in zip(range(keep), line, strict=False)}
    return kept


def _named(loaded: "pyiceberg.table.Table") -> set[str]:
    """Paths of all files that some snapshot needs, and of the metadata that leads to them."""
    named = {loaded.metadata_location, *(entry.metadata_file for entry in loaded.metadata.metadata_log)}
    named |= {one.statistics_path for one in (*loaded.metadata.statistics, *loaded.metadata.partition_statistics)}
    seen: set[str] = set()
    for snapshot in loaded.metadata.snapshots:
        named.add(snapshot.manifest_list)
        for manifest in snapshot.manifests(loaded.io):
            if manifest.manifest_path in seen:
                continue
            seen.add(manifest.manifest_path)
            entries = manifest.fetch_manifest_entry(loaded.io, discard_deleted=True)
            named |= {entry.data_file.file_path for entry in entries}
    return {_plain(path) for path in named | seen}


def _files(loaded: "pyiceberg.table.Table") -> Iterator[tuple[str, int, datetime]]:
    """Path, size and last change of every file below a table's folder."""
    from pyarrow.fs import FileSelector, FileType
    from pyiceberg.io.pyarrow import PyArrowFileIO

    io = PyArrowFileIO(loaded.io.properties)
    scheme, netloc, path = io.parse_location(loaded.metadata.location, loaded.io.properties)
    files = io.fs_by_scheme(scheme, netloc).get_file_info(FileSelector(path, recursive=True, allow_not_found=True))
    head = "" if scheme == "file" else f"{scheme}://"
    for file in files:
        if file.type == FileType.File:
            yield f"{head}{file.path}", file.size, file.mtime


def _plain(path: str) -> str:
    return path.removeprefix("file://")
