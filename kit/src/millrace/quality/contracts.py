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
_PRIMARY_KEY = "primary_key"  # dataframely's name of the rule


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
        """Judge a stored frame without changing it, in one pass over the columns that rules look at.

        Rows are counted, not collected: of a frame that holds, sums and a hash per key come to memory, and no text.
        """
        columns = self.schema.column_names()
        unexpected = [name for name in frame.collect_schema().names() if name not in columns]
        rows = int(frame.select(pl.len()).collect(engine="streaming").item())
        if rows == 0 and not self.allow_empty:
            return Verdict(0, {}, "no row at all", unexpected, pl.DataFrame())
        try:
            self.schema.filter(frame.head(0).collect())
        except SchemaError as error:
            problem = str(error).split("Resolved plan until failure")[0]  # a page of Polars' query plan follows
            return Verdict(rows, {}, " ".join(problem.split()), unexpected, pl.DataFrame())
        broken = self._broken()
        sums = [expression.sum().alias(rule) for rule, expression in broken.items()]
        counts = frame.select(sums).collect(engine="streaming").row(0, named=True) if sums else {}
        violations = {rule: count for rule, count in counts.items() if count}
        repeated = self._repeated(frame)
        if repeated.height:
            violations[_PRIMARY_KEY] = repeated["rows"].sum()
            keys = repeated.drop("rows").head(EXAMPLES)
            examples = frame.join(keys.lazy(), on=keys.columns, how="semi", nulls_equal=True)
        else:
            examples = frame.filter(pl.any_horizontal(pl.lit(value=False), *(broken[rule] for rule in violations)))
        shown = examples.select(columns).head(EXAMPLES).collect(engine="streaming") if violations else pl.DataFrame()
        return Verdict(rows, violations, "", unexpected, shown)

    def _broken(self) -> dict[str, pl.Expr]:
        """Whether a row breaks a rule, by rule; without the primary key, which takes more than an expression.

        dataframely gives its rules away in `filter` only, which keeps the failing rows with all of their columns, and
        until it knows them all rows: 5 GB of two million awards.
        """
        rules = self.schema._validation_rules(with_cast=False)
        return {name: ~rule.expr.fill_null(value=True) for name, rule in rules.items() if name != _PRIMARY_KEY}

    def _repeated(self, frame: pl.LazyFrame) -> pl.DataFrame:
        """The values of the primary key that several rows have, with their `rows`."""
        key = self.schema.primary_key()
        if not key:
            return pl.DataFrame()
        hashed = pl.struct(key).hash()
        counted = frame.select(hash=hashed).group_by("hash").len().filter(pl.col("len") > 1)
        suspects = counted.select("hash").collect(engine="streaming")["hash"]
        if suspects.is_empty():
            return pl.DataFrame()
        keys = frame.select(key).filter(hashed.is_in(suspects.implode())).group_by(key).agg(rows=pl.len())
        return keys.filter(pl.col("rows") > 1).sort(key).collect(engine="streaming")
