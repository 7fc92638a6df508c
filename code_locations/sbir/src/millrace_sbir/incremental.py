"""Steps that go on with what has changed: which records do, and what becomes of their table.

What belongs here: what a table was made from, held against what it would be made from now. What does not: what is done
with the records (`transforms`).

The input of a record is named by one hash, over all that its row depends on: its own content, what it is joined with,
the version of the rules. Its row keeps that hash. So what has another one is made anew, whatever has changed, and a
table that was made step by step has the rows of one that was made at once.
"""

from dataclasses import dataclass

import polars as pl
from dagster import DagsterRun

from millrace.errors import StageMissingError
from millrace.lakehouse import Changes, Warehouse
from millrace.lakehouse.refresh import as_seen_by
from millrace.runs.refresh import makes_everything_anew

INPUT_HASH = "input_hash"


@dataclass(frozen=True)
class Earlier:
    """What a table was made from.

    Attributes:
        key: Column that tells its rows apart.
        rows: The key and `input_hash` of each of its rows (2,200,000 awards take 200 MB); None where there is no table,
            or all of it is to be made anew.
    """

    key: str
    rows: pl.DataFrame | None

    @classmethod
    def of(cls, run: DagsterRun, warehouse: Warehouse, name: str, key: str) -> "Earlier":
        """What a table was made from, as the run sees it: a retry goes on with what the attempt before has written.

        In a full refresh it is nothing.
        """
        if makes_everything_anew(run):
            return cls(key, None)
        try:
            return cls(key, as_seen_by(run, warehouse, name).select(key, INPUT_HASH).collect(engine="streaming"))
        except StageMissingError:
            return cls(key, None)

    def lacking(self, records: pl.DataFrame) -> pl.DataFrame:
        """Records that no row was made from: new ones, and those whose input has changed.

        Args:
            records: Any of them, with key and `input_hash`.
        """
        if self.rows is None:
            return records
        return records.join(self.rows, on=[self.key, INPUT_HASH], how="anti", maintain_order="left")

    def changes(self, made: pl.LazyFrame, current: pl.LazyFrame) -> Changes:
        """What the asset gives to its table.

        Args:
            made: The rows of all lacking records.
            current: The keys of all records.
        """
        if self.rows is None:
            return Changes(upserts=made)
        gone = self.rows.lazy().select(self.key).join(current.select(self.key), on=self.key, how="anti")
        return Changes(upserts=made, removed=gone)
