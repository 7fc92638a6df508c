"""Snapshots: what a write has left, which names they have, and a branch that is looked at before readers see it.

    enriched.write(frame, declaration, branch="audit")
    judge(enriched.scan(branch="audit"))
    publish(enriched, "audit")

What belongs here: snapshots, tags, branches. What does not: rows.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from millrace.errors import CommitConflictError, StageMissingError

if TYPE_CHECKING:
    from pyiceberg.table.snapshots import Snapshot

    from millrace.lakehouse.tables import Table

_MAIN = "main"


@dataclass(frozen=True)
class Written:
    """What a write has left.

    Attributes:
        table: Domain and name.
        snapshot_id: The snapshot.
        parent_snapshot_id: The one before it; None for the first.
        rows_written: Rows that came.
        files_added: Data files that the commit added, rewritten ones among them.
        files_removed: Data files that it removed.
        bytes_added: Size of the added files.
        rows_replaced: Rows that were there and are no more, or are anew.
        table_rows: Rows of the table now.
        table_files: Data files of the table now.
        table_bytes: Their size.
        was_there: Whether an earlier try had committed it.
    """

    table: str
    snapshot_id: int
    parent_snapshot_id: int | None
    rows_written: int
    files_added: int
    files_removed: int
    bytes_added: int
    rows_replaced: int
    table_rows: int
    table_files: int
    table_bytes: int
    was_there: bool


def written(subject: str, snapshot: "Snapshot", rows_written: int, *, was_there: bool) -> Written:
    """Read a snapshot's own summary."""

    def figure(name: str) -> int:
        said = snapshot.summary.get(name) if snapshot.summary is not None else None
        return int(said or 0)

    return Written(
        table=subject,
        snapshot_id=snapshot.snapshot_id,
        parent_snapshot_id=snapshot.parent_snapshot_id,
        rows_written=rows_written,
        files_added=figure("added-data-files"),
        files_removed=figure("deleted-data-files"),
        bytes_added=figure("added-files-size"),
        rows_replaced=figure("deleted-records") - (figure("added-records") - rows_written),
        table_rows=figure("total-records"),
        table_files=figure("total-data-files"),
        table_bytes=figure("total-files-size"),
        was_there=was_there,
    )


def tag(table: "Table", name: str, snapshot_id: int | None = None) -> None:
    """Give a snapshot a name under which it stays; that of main now unless one is said.

    Raises:
        StageMissingError: there is no such snapshot.
    """
    loaded = table.load()
    head = loaded.metadata.snapshot_by_name(_MAIN)
    chosen = snapshot_id if snapshot_id is not None or head is None else head.snapshot_id
    if chosen is None or loaded.metadata.snapshot_by_id(chosen) is None:
        raise StageMissingError(table.subject, f"no snapshot {chosen or 'on main'}", next_step="write to it first")
    loaded.manage_snapshots().create_tag(chosen, name).commit()


def drop_tag(table: "Table", name: str) -> None:
    """Take a snapshot's name away; it expires like any other then."""
    loaded = table.load()
    if name in loaded.metadata.refs:
        loaded.manage_snapshots().remove_tag(name).commit()


def publish(table: "Table", branch: str) -> int:
    """Let main be what a branch is, and drop the branch.

    Returns:
        The snapshot that readers see from now on.

    Raises:
        StageMissingError: there is no such branch.
        CommitConflictError: main has moved since the branch began, so that its rows would be lost.
    """
    from pyiceberg.exceptions import CommitFailedException
    from pyiceberg.table.snapshots import ancestors_of

    loaded = table.load()
    head, main = (loaded.metadata.snapshot_by_name(name) for name in (branch, _MAIN))
    if head is None:
        raise StageMissingError(table.subject, f"no branch {branch!r}", next_step="write to it first")
    conflict = CommitConflictError(
        table.subject,
        f"main has moved since {branch!r} began",
        expected="a branch that begins where main is",
        next_step=f"drop {branch!r} and write it again",
    )
    ancestors = {snapshot.snapshot_id for snapshot in ancestors_of(head, loaded.metadata)}
    if main is not None and main.snapshot_id not in ancestors:
        raise conflict
    if main != head:
        try:
            loaded.manage_snapshots().set_current_snapshot(ref_name=branch).commit()
        except CommitFailedException as error:
            raise conflict from error
    drop_branch(table, branch)
    return head.snapshot_id


def drop_branch(table: "Table", branch: str) -> None:
    """Drop a branch, published or not; nothing happens if it is not there.

    Raises:
        ValueError: it is main.
    """
    if branch == _MAIN:
        raise ValueError(f"{table.subject}: main is not dropped")
    loaded = table.load()
    if branch in loaded.metadata.refs:
        loaded.manage_snapshots().remove_branch(branch).commit()
