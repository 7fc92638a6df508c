"""One commit, made again until it stands or cannot.

What belongs here: retries, conflicts, write ids. What does not: which files a mode adds and removes (`modes.py`).

Two writers meet in the catalog, which takes a commit only on the metadata that it was made from. pyiceberg tries again
by itself where that is right: an append after anything, a replacement after what did not touch its rows. Where it is
not (`ValidationException`), the plan is made anew on the table as it is now. An append therefore never fails for
another one.

A commit whose answer is lost may stand. Each carries the id of its write, so that it is looked for before it is tried
again: by this process, or by the retry of its step.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import uniform
from typing import TYPE_CHECKING

from millrace.errors import CommitConflictError

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table
    from pyiceberg.table.snapshots import Snapshot

WRITE_ID = "millrace.write-id"
MAIN = "main"
_BEGUN = "millrace.begun-for-branch"
_TRIES = 20
_WAIT_SECONDS = 0.05
_MOST_SECONDS = 2.0
# pyiceberg's defaults give up after four tries; and its pause doubles up to a minute, which four writers at once never
# need.
COMMIT_PROPERTIES = {
    "commit.retry.num-retries": "20",
    "commit.retry.min-wait-ms": "50",
    "commit.retry.max-wait-ms": "2000",
}


@dataclass(frozen=True)
class Plan:
    """What a commit does.

    Attributes:
        added: Data files that it adds.
        removed: Data files that it removes; each must still be there.
        made_for_it: Those of `added` that are of no use if it fails.
        is_append: Whether it may stand beside whatever others have committed meanwhile.
    """

    added: "list[DataFile]"
    removed: "list[DataFile]" = field(default_factory=list)
    made_for_it: "list[DataFile]" = field(default_factory=list)
    is_append: bool = False


def commit(
    subject: str,
    load: "Callable[[], Table]",
    plan: "Callable[[Table], Plan]",
    discard: "Callable[[Table, list[DataFile]], None]",
    branch: str,
    properties: dict[str, str],
) -> "tuple[Table, Snapshot, bool]":
    """Make a plan and commit it, again while others are faster.

    Args:
        subject: The table, for errors.
        load: Loads the table as it is now.
        plan: Says what to do with it; asked anew after each conflict.
        discard: Removes files that no commit names.
        branch: Branch that is written to.
        properties: Of the snapshot; `WRITE_ID` among them.

    Returns:
        The table, the snapshot, and whether an earlier try of the same write had made it.

    Raises:
        CommitConflictError: others were faster twenty times.
    """
    from pyiceberg.exceptions import CommitFailedException, ValidationException

    reason: Exception | None = None
    for attempt in range(_TRIES):
        table = load()
        planned = None
        try:
            _begin_branch(table, branch)
            if (found := written_before(table, branch, properties[WRITE_ID])) is not None:
                return table, found, True
            planned = plan(table)
            _commit(table, planned, branch, properties)
        except (CommitFailedException, ValidationException) as error:
            discard(table, planned.made_for_it if planned is not None else [])
            reason = error
            pause = min(_WAIT_SECONDS * 2**attempt, _MOST_SECONDS)
            time.sleep(uniform(0, pause))  # noqa: S311  # no secret
        except Exception:
            # Whether it stands is not known: a lost answer looks like a lost question.
            if planned is None or (found := written_before(table := load(), branch, properties[WRITE_ID])) is None:
                raise
            return table, found, False
        else:
            snapshot = written_before(table, branch, properties[WRITE_ID])
            assert snapshot is not None  # noqa: S101  # pyiceberg has just put it there
            return table, snapshot, False
    raise CommitConflictError(
        subject,
        f"other writers were faster {_TRIES} times: {reason}",
        next_step="it is tried again on what is there then",
    ) from reason


def written_before(table: "Table", branch: str, write_id: str) -> "Snapshot | None":
    """The snapshot that a write has left on a branch; None if it has left none, or it has expired."""
    from pyiceberg.table.snapshots import ancestors_of

    for snapshot in ancestors_of(table.metadata.snapshot_by_name(branch), table.metadata):
        if snapshot.summary is not None and snapshot.summary.get(WRITE_ID) == write_id:
            return snapshot
    return None


def is_begun_only(snapshot: "Snapshot") -> bool:
    """Whether a snapshot stands there for a branch to begin at, before anything was written to main."""
    said = snapshot.summary.get(_BEGUN) if snapshot.summary is not None else None
    return said is not None and snapshot.parent_snapshot_id is None


def _begin_branch(table: "Table", branch: str) -> None:
    """Make a branch where main is; before anything is there main gets an empty snapshot, or pyiceberg would refuse."""
    if branch == MAIN or branch in table.metadata.refs:
        return
    if table.metadata.snapshot_by_name(MAIN) is None:
        with table.transaction() as transaction:
            transaction.update_snapshot(snapshot_properties={_BEGUN: branch}).fast_append().commit()
    main = table.metadata.snapshot_by_name(MAIN)
    assert main is not None  # noqa: S101  # it has just been made
    table.manage_snapshots().create_branch(main.snapshot_id, branch).commit()


def _commit(table: "Table", plan: Plan, branch: str, properties: dict[str, str]) -> None:
    with table.transaction() as transaction:
        update = transaction.update_snapshot(snapshot_properties=properties, branch=branch)
        with update.fast_append() if plan.is_append else update.overwrite() as producer:
            for file in plan.removed:
                producer.delete_data_file(file)
            for file in plan.added:
                producer.append_data_file(file)
