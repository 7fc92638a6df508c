"""Runs that are shown as a whole: each writes tables on branches of its own, reads these, and shows them at its end.

Until then readers have the tables as they were, and a run that fails, or that a check stops, leaves them so. What
belongs here: the branch of a run, and the end. What does not: which runs are refreshes (`millrace.runs.refresh`).

The tables are shown one after another, each in one commit: a run that is killed between two of them is completed by its
retry, which finds the branches that are left.
"""

from collections.abc import Iterable

import polars as pl
from dagster import AssetKey, DagsterRun

from millrace.errors import StageMissingError
from millrace.lakehouse.snapshots import drop_branch, publish
from millrace.lakehouse.warehouse import Warehouse
from millrace.runs.failures import first_run_id
from millrace.runs.refresh import makes_everything_anew
from millrace.runs.tags import SHOWN_BY_TAG

MAIN = "main"
_PREFIX = "run-"


def branch_of(run: DagsterRun) -> str:
    """The branch on which a run writes; a retry goes on with its first run's.

    Main, unless it is a full refresh, or a run of a job that is `shown_by` an asset. One of a few chosen assets without
    that one has nobody who would show it, so it writes to main.
    """
    shown_by = run.tags.get(SHOWN_BY_TAG)
    chosen = run.asset_selection
    is_shown = shown_by is not None and (not chosen or AssetKey(shown_by) in chosen)
    return f"{_PREFIX}{first_run_id(run)}" if is_shown or makes_everything_anew(run) else MAIN


def as_seen_by(run: DagsterRun, warehouse: Warehouse, name: str) -> pl.LazyFrame:
    """A table as a run sees it: what it, or an attempt before it, has written itself, else what all readers see.

    Raises:
        StageMissingError: nothing was written to it.
    """
    table, branch = warehouse.table(name), branch_of(run)
    if branch != MAIN and branch in table.load().metadata.refs:
        return table.scan(branch=branch)
    return table.scan()


def show(warehouse: Warehouse, names: Iterable[str], branch: str) -> dict[str, int]:
    """Let readers see what a run has written, and drop what runs that failed have left.

    Args:
        warehouse: The domain's tables.
        names: The tables.
        branch: Of the run; main has nothing to show.

    Returns:
        The snapshot that readers see, by table; a table that was never written has none.

    Raises:
        CommitConflictError: main has moved since the run began.
    """
    shown: dict[str, int] = {}
    for name in names:
        table = warehouse.table(name)
        try:
            refs = table.load().metadata.refs
        except StageMissingError:
            continue
        if branch != MAIN:
            if branch in refs:
                publish(table, branch)
            for other in refs:
                if other.startswith(_PREFIX) and other != branch:
                    drop_branch(table, other)
        snapshot = table.load().metadata.snapshot_by_name(MAIN)
        if snapshot is not None:
            shown[name] = snapshot.snapshot_id
    return shown
