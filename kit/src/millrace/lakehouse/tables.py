"""A table: written, read, and read as it was.

    enriched = settings.tables("sbir").table("enriched_awards")
    enriched.write(frame, Declaration(Mode.UPSERT, key=("award_id",)), write_id=run_id)
    enriched.scan(as_of=yesterday)

What belongs here: what callers may do with a table. What does not: how (`modes.py`, `commits.py`, `data_files.py`).

A table comes into being with its first write. Until that one's commit it has no snapshot and counts as not there.
Columns are added before rows are written, in a commit of their own: no reader sees them before the rows, since a scan
has the columns of its snapshot.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl

from millrace.errors import StageMissingError, TableRefusedError
from millrace.lakehouse import data_files, modes
from millrace.lakehouse.catalogs import open_catalog
from millrace.lakehouse.columns import agreed, iceberg_schema, iceberg_type, stored
from millrace.lakehouse.commits import COMMIT_PROPERTIES, MAIN, WRITE_ID, commit, is_begun_only
from millrace.lakehouse.declaration import Changes, Declaration, Mode
from millrace.lakehouse.partitions import parsed_value, partition_of_values, partition_spec, require_partitions
from millrace.lakehouse.snapshots import Written, written

if TYPE_CHECKING:
    import pyiceberg.table
    from pyiceberg.manifest import DataFile

    from millrace.lakehouse.warehouse import Warehouse

_EVOLVES = 5


@dataclass(frozen=True)
class Table:
    """One table of a warehouse, there or not.

    Attributes:
        warehouse: Where it is.
        name: Its name; its namespace is the domain.
    """

    warehouse: "Warehouse"
    name: str

    @property
    def subject(self) -> str:
        """What errors call it."""
        return f"{self.warehouse.domain}.{self.name}"

    def write(
        self,
        rows: pl.LazyFrame | Changes,
        declaration: Declaration,
        *,
        write_id: str = "",
        branch: str = MAIN,
        only: Collection[Mapping[str, str]] = (),
    ) -> Written:
        """Write rows, in one commit; the table is made if it is not there.

        Args:
            rows: All columns of the table, in any order; or what changes, for `UPSERT`.
            declaration: How.
            write_id: What tells this write from any other; with one that the branch has, nothing is committed.
            branch: Branch to write to; made where main is if it is not there.
            only: Partitions to replace, for `OVERWRITE_PARTITION`: by column the value as text. One without a row
                becomes empty, and a row of another one is refused.

        Raises:
            TableRefusedError: the rows do not fit the table or the declaration.
            CommitConflictError: other writers were faster again and again.
        """
        changes = rows if isinstance(rows, Changes) else Changes(upserts=rows)
        if declaration.mode is not Mode.UPSERT and (changes.removed is not None or changes.upserts is None):
            raise TableRefusedError(
                self.subject, f"changes came for mode {declaration.mode.value}", expected="a frame", next_step="upsert"
            )
        store = self.warehouse.place.store()
        if changes.upserts is None:
            table, new = self.load(), []
        else:
            table, frame = self._ready(changes.upserts, declaration)
            new = data_files.write(table, frame, store)
        try:
            plan = self._plan(table, new, changes, declaration, branch, only)
        except Exception:
            data_files.remove(table, new)
            raise
        table, snapshot, was_there = commit(
            self.subject,
            self.load,
            plan,
            data_files.remove,
            branch,
            {WRITE_ID: write_id or uuid4().hex, "millrace.mode": declaration.mode.value},
        )
        if was_there:
            data_files.remove(table, new)
        return written(self.subject, snapshot, sum(file.record_count for file in new), was_there=was_there)

    def _plan(
        self,
        table: "pyiceberg.table.Table",
        new: "list[DataFile]",
        changes: Changes,
        declaration: Declaration,
        branch: str,
        only: Collection[Mapping[str, str]],
    ) -> Any:
        """What to do with the table as it is when it is asked."""
        match declaration.mode:
            case Mode.APPEND:
                return partial(modes.append, _branch=branch, new=new)
            case Mode.OVERWRITE:
                return partial(modes.overwrite, branch=branch, new=new)
            case Mode.OVERWRITE_PARTITION:
                expected = [self._partition(table, values) for values in only]
                return lambda now: modes.overwrite_partitions(self.subject, now, branch, new, expected)
            case Mode.UPSERT:
                store = self.warehouse.place.store()
                upsert = modes.Upsert(self.subject, table, declaration.key, new, changes.removed, store)
                return partial(upsert.plan, branch=branch)

    def _partition(self, table: "pyiceberg.table.Table", values: Mapping[str, str]) -> Any:
        dtypes = data_files.columns_of(table)
        unknown = [name for name in values if name not in dtypes]
        if unknown:
            raise TableRefusedError(self.subject, f"it has no column {', '.join(unknown)}", expected=f"{list(dtypes)}")
        parsed = {name: parsed_value(self.subject, text, dtypes[name]) for name, text in values.items()}
        return partition_of_values(self.subject, table, parsed)

    def scan(
        self,
        *,
        branch: str = "",
        tag: str = "",
        snapshot_id: int | None = None,
        as_of: datetime | None = None,
    ) -> pl.LazyFrame:
        """The rows of one snapshot, whatever is committed later; that of main unless something else is asked.

        Args:
            branch: Of this branch now.
            tag: Of this tag.
            snapshot_id: This one.
            as_of: What main was at a moment, which needs a time zone.

        Raises:
            StageMissingError: the table, or that snapshot of it, is not there.
        """
        table = self.load()
        asked = {"branch": branch, "tag": tag, "snapshot_id": snapshot_id, "as_of": as_of}
        if sum(value not in ("", None) for value in asked.values()) > 1:
            raise ValueError(f"{self.subject}: one snapshot is asked for in several ways: {asked}")
        if as_of is not None:
            found = table.snapshot_as_of_timestamp(int(as_of.astimezone().timestamp() * 1000))
        elif snapshot_id is not None:
            found = table.metadata.snapshot_by_id(snapshot_id)
        else:
            found = table.metadata.snapshot_by_name(branch or tag or MAIN)
        if found is None or is_begun_only(found):
            what = ", ".join(f"{name} {value}" for name, value in asked.items() if value not in ("", None))
            raise StageMissingError(
                self.subject,
                f"no snapshot for {what}" if what else "nothing has been written to it",
                next_step=f"one of {sorted(table.metadata.refs)}" if what else f"materialise {self.name} first",
            )
        return data_files.scan(table, found.snapshot_id, self.warehouse.place.store())

    def load(self) -> "pyiceberg.table.Table":
        """The table as it is now, for what pyiceberg does.

        Raises:
            StageMissingError: it is not there.
        """
        from pyiceberg.exceptions import NoSuchTableError

        try:
            return open_catalog(self.warehouse).load_table((self.warehouse.domain, self.name))
        except NoSuchTableError as error:
            raise StageMissingError(
                self.subject, "no such table", next_step=f"materialise {self.name} first"
            ) from error

    def _ready(self, rows: pl.LazyFrame, declaration: Declaration) -> "tuple[pyiceberg.table.Table, pl.LazyFrame]":
        """The table, with the columns that these rows need, and the rows in its columns and types."""
        given = rows.collect_schema()
        columns = stored(self.subject, given)
        needed = (*declaration.key, *(partition.source for partition in declaration.partitions))
        lacking = [name for name in dict.fromkeys(needed) if name not in columns]
        if lacking:
            raise TableRefusedError(
                self.subject,
                f"no column {', '.join(map(repr, lacking))}",
                expected="every column of key and partition_by",
                next_step="correct the asset's table(...)",
            )
        try:
            table = self.load()
        except StageMissingError:
            table = self._made(columns, declaration)
        require_partitions(self.subject, table, declaration.partitions)
        wanted = self._evolved(table, columns, declaration)
        casts = [pl.col(name) if given[name] == dtype else pl.col(name).cast(dtype) for name, dtype in wanted.items()]
        return table, rows.select(casts)

    def _evolved(self, table: "pyiceberg.table.Table", columns: pl.Schema, declaration: Declaration) -> pl.Schema:
        from pyiceberg.exceptions import CommitFailedException

        for attempt in range(_EVOLVES):
            there = data_files.columns_of(table)
            wanted = agreed(self.subject, there, columns, declaration.schema_policy)
            if dict(wanted) == dict(there):
                break
            try:
                with table.update_schema() as update:
                    for name, dtype in wanted.items():
                        if name not in there:
                            update.add_column(name, iceberg_type(dtype, count(1)))
                        elif there[name] != dtype:
                            update.update_column(name, field_type=iceberg_type(dtype, count(1)))
            except CommitFailedException:
                if attempt == _EVOLVES - 1:
                    raise
                table.refresh()
        return wanted

    def _made(self, columns: pl.Schema, declaration: Declaration) -> "pyiceberg.table.Table":
        catalog = open_catalog(self.warehouse)
        catalog.create_namespace_if_not_exists(self.warehouse.domain)
        schema = iceberg_schema(columns)
        return catalog.create_table_if_not_exists(
            (self.warehouse.domain, self.name),
            schema=schema,
            location=self.warehouse.place.below(self.name).address,
            partition_spec=partition_spec(declaration.partitions, schema),
            properties=COMMIT_PROPERTIES,
        )
