"""A contract: the dataframely schema of a stage, and how it splits rows into those that pass and those that fail.

What belongs here: splitting and judging frames. What does not: Dagster (`millrace.quality.checks`) and the
schemas themselves (each domain's `contracts.py`).

The contract language is dataframely throughout: one schema gives the columns, the dtypes, the rules, the
counts per rule and both sides of the split, on lazy frames too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dataframely as dy
import polars as pl
from dataframely.exc import SchemaError

from millrace.quality.rejects import Reject, RejectKind, RejectSink, excerpt

EXAMPLES = 5


@dataclass(frozen=True)
class Verdict:
    """How a stored frame stands against its contract.

    Attributes:
        rows: Rows judged.
        violations: Rows that break a rule, by rule; empty if all hold.
        schema_problem: Missing columns or wrong dtypes, in words; empty if the schema holds.
        unexpected_columns: Columns that the contract does not name.
        examples: Up to five rows that break a rule.
    """

    rows: int
    violations: Mapping[str, int]
    schema_problem: str
    unexpected_columns: Sequence[str]
    examples: pl.DataFrame

    @property
    def holds(self) -> bool:
        """Whether the schema and every rule hold; unexpected columns only warn."""
        return not self.violations and not self.schema_problem


@dataclass(frozen=True)
class Contract:
    """What a stage promises.

        Contract(CleanedObject, blocking=True)

    Attributes:
        schema: Columns, dtypes and rules.
        blocking: Whether a broken contract stops what is downstream in the same run.
        allow_empty: Whether no row at all keeps the promise.
    """

    schema: type[dy.Schema]
    blocking: bool = True
    allow_empty: bool = False

    def split(self, frame: pl.LazyFrame, log: RejectSink, place: Callable[[Mapping[str, object]], str]) -> pl.LazyFrame:
        """Keep the rows that pass; log each row that fails, with the rules that it broke.

        Args:
            frame: Has at least the schema's columns in the schema's dtypes; further columns are dropped.
            log: Receives one row reject for each failing row.
            place: Says where a failing row came from.

        Raises:
            dataframely.exc.SchemaError: a column is missing or has another dtype.
        """
        passed, failed = self.schema.filter(frame)
        rules = failed.counts()
        if rules:
            columns = self.schema.column_names()
            for row in failed.details().iter_rows(named=True):
                broken = [rule for rule in rules if row[rule] == "invalid"]
                record = {name: row[name] for name in columns}
                log.add(
                    Reject(
                        RejectKind.ROW,
                        place(record),
                        f"breaks {', '.join(broken)} of {self.schema.__name__}",
                        broken[0],
                        excerpt(record),
                    )
                )
        return passed

    def judge(self, frame: pl.LazyFrame) -> Verdict:
        """Judge a stored frame without changing it."""
        columns = frame.collect_schema().names()
        unexpected = [name for name in columns if name not in self.schema.column_names()]
        rows = int(frame.select(pl.len()).collect().item())
        if rows == 0 and not self.allow_empty:
            return Verdict(0, {}, "no row at all", unexpected, pl.DataFrame())
        try:
            failed = self.schema.filter(frame)[1]
            violations = failed.counts()
        except SchemaError as error:
            problem = str(error).split("Resolved plan until failure")[0]  # a page of Polars' query plan follows
            return Verdict(rows, {}, " ".join(problem.split()), unexpected, pl.DataFrame())
        return Verdict(rows, violations, "", unexpected, failed.invalid().head(EXAMPLES))
