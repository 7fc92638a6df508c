"""What each mode adds to a table and takes from it, in whole data files.

What belongs here: which files. What does not: committing them.

A file is taken out by its name, never by a condition on its rows: so it does not matter how its partition came about
(by a bucket, by a month, from a null), and no row is judged twice. The new rows lie in files before anything is
planned; a plan that is made again after a conflict only rewrites what was there.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import polars as pl

from millrace.errors import TableRefusedError
from millrace.lakehouse import data_files
from millrace.lakehouse.commits import Plan
from millrace.lakehouse.copies import live_entries, live_files
from millrace.lakehouse.partitions import PartitionOf, is_fixed_by, partition_of

if TYPE_CHECKING:
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table

    from millrace.stores.store import Store

_EXAMPLES = 3


def append(_table: "Table", _branch: str, new: "list[DataFile]") -> Plan:
    """Add the new rows to those that are there."""
    return Plan(new, is_append=True)


def overwrite(table: "Table", branch: str, new: "list[DataFile]") -> Plan:
    """Replace all rows by the new ones."""
    return Plan(new, live_files(table, table.metadata.snapshot_by_name(branch)))


def overwrite_partitions(
    subject: str, table: "Table", branch: str, new: "list[DataFile]", expected: Collection[PartitionOf]
) -> Plan:
    """Replace the rows of the partitions that have new ones, and of those that are expected to.

    Args:
        subject: The table, for errors.
        table: The table now.
        branch: Branch that is written to.
        new: Files of the new rows.
        expected: If there are any, new rows must be in these; one without a row becomes empty.

    Raises:
        TableRefusedError: new rows are elsewhere, or files of the table are partitioned as it no longer is.
    """
    landed = {partition_of(file) for file in new}
    if expected and not landed <= set(expected):
        strays = ", ".join(sorted(str(record) for _, record in landed - set(expected))[:_EXAMPLES])
        raise TableRefusedError(
            subject,
            f"rows of other partitions came: {strays}",
            expected="rows of the partitions that this run is for",
            next_step="filter the frame by the run's partition key",
        )
    live = live_files(table, table.metadata.snapshot_by_name(branch))
    if any(file.spec_id != table.spec().spec_id for file in live):
        raise TableRefusedError(
            subject,
            "some of its files are partitioned as the table once was",
            expected="one way for all",
            next_step="overwrite the whole table once",
        )
    return Plan(new, [file for file in live if partition_of(file) in landed | set(expected)])


class Upsert:
    """Replaces rows by key, in whole partitions: a touched one is read, merged and written anew.

    Touched are the partitions that new rows are in, and those that hold a row with a key that comes or goes, wherever
    it was before. Without partitions the table is one.

    Args:
        subject: The table, for errors.
        table: The table.
        key: Columns that tell rows apart.
        new: Files of the rows that come.
        removed: Keys of the rows that go; None if none go.
        store: Where files lie.

    Raises:
        TableRefusedError: a key comes twice or is null, or the keys to remove lack a column.
    """

    def __init__(
        self,
        subject: str,
        table: "Table",
        key: Sequence[str],
        new: "list[DataFile]",
        removed: pl.LazyFrame | None,
        store: "Store",
    ) -> None:
        self._key = list(key)
        self._new = new
        self._store = store
        self._dtypes = data_files.columns_of(table)
        empty = pl.DataFrame(schema={name: self._dtypes[name] for name in key})
        coming = data_files.keys_in(new, key, self._dtypes, store).select(self._key).collect() if new else empty
        _require_keys(subject, coming)
        going = empty if removed is None else self._going_keys(subject, removed)
        self._keys = pl.concat([coming, going]).unique() if going.height else coming
        self._going = going

    def plan(self, table: "Table", branch: str) -> Plan:
        """Rewrite the touched partitions as they are now."""
        head = table.metadata.snapshot_by_name(branch)
        entries = live_entries(table, head)
        partitions = self._touched(table, [entry.data_file for entry in entries])
        touched = [entry for entry in entries if partition_of(entry.data_file) in partitions]
        if head is None or not touched:
            return Plan(self._new)
        with data_files.rows_in(table, head, touched, self._store) as rows:
            others = rows.join(self._keys.lazy(), on=self._key, how="anti")
            rewritten = data_files.write(table, others, self._store)
        return Plan([*rewritten, *self._new], [entry.data_file for entry in touched], rewritten)

    def _touched(self, table: "Table", live: "list[DataFile]") -> set[PartitionOf]:
        partitions = {partition_of(file) for file in self._new}
        elsewhere = {file.file_path: file for file in live if partition_of(file) not in partitions}
        # Where the key says in which partition a row is, what comes can have been in no other.
        sought = self._going if is_fixed_by(self._key, table, live) else self._keys
        if elsewhere and sought.height:
            held = data_files.keys_in(elsewhere.values(), self._key, self._dtypes, self._store)
            found = held.join(sought.lazy(), on=self._key, how="semi").select(data_files.FILE_COLUMN).unique()
            partitions |= {partition_of(elsewhere[path]) for path in found.collect().to_series()}
        return partitions

    def _going_keys(self, subject: str, removed: pl.LazyFrame) -> pl.DataFrame:
        given = removed.collect_schema()
        wanted = {name: self._dtypes[name] for name in self._key}
        lacking = [f"{name!r} ({dtype})" for name, dtype in wanted.items() if given.get(name) != dtype]
        if lacking:
            raise TableRefusedError(
                subject, f"keys to remove lack {', '.join(lacking)}", expected=f"the key {self._key}", next_step=""
            )
        return removed.select(self._key).unique().collect()


def _require_keys(subject: str, keys: pl.DataFrame) -> None:
    """Refuse rows that a key does not tell apart."""
    holes = keys.filter(pl.any_horizontal(pl.all().is_null())).height
    twice = keys.filter(keys.is_duplicated()).unique(maintain_order=True)
    if not holes and not twice.height:
        return
    examples = ", ".join(str(row[0] if len(row) == 1 else row) for row in twice.head(_EXAMPLES).iter_rows())
    problems = [f"{twice.height:,} keys come more than once, {examples} among them"] if twice.height else []
    problems += [f"{holes:,} rows have a null in the key"] if holes else []
    raise TableRefusedError(
        subject,
        "; ".join(problems),
        expected=f"rows that {keys.columns} tells apart",
        next_step="reject or merge them before they are written",
    )
