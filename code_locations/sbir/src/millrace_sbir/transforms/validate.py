"""Validation: text rows become typed rows that keep a contract; everything else is listed with column, value and rule.

What belongs here: the way of a batch through kinds, orders and contract, for any entity. What does not: which rules an
entity has (`validate_awards`, `validate_sources`), and which of several rows of one key stays (`validate_repeats`).

A wrong value costs its row only where the contract requires the column; else the row is kept without it. Rows come in
batches and each text is looked at once: conversion is nearly all the time that validation takes, and abstracts, of
which one is longer than all other columns together, are handed on untouched.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import dataframely as dy
import polars as pl
from polars.io.plugins import register_io_source

from millrace.processing import CONTENT_HASH, batches, content_hash
from millrace.quality import Reject, RejectKind, RejectLog
from millrace_sbir.columns import PLACE
from millrace_sbir.transforms.validate_kinds import Kind, converted, is_nothing
from millrace_sbir.transforms.validate_repeats import Repeats, settled

BATCH_ROWS = 32_768  # 50 MB of awards with their abstracts; half as many rows take 5 % longer


@dataclass(frozen=True)
class Order:
    """Two values of a row that contradict each other; the less trusted one is dropped.

    Attributes:
        column: Whose value is dropped.
        other: Column that contradicts it.
        broken: Whether they do.
        words: How, for people: `before award_date`.
    """

    column: str
    other: str
    broken: pl.Expr
    words: str

    @property
    def rule(self) -> str:
        """Name of the rule: `contract_end_date_before_award_date`."""
        return f"{self.column}_{'_'.join(self.words.split())}"


@dataclass(frozen=True)
class Rules:
    """What the rows of an entity must be.

    Attributes:
        schema: Contract of a row.
        kinds: What the text of each column can mean.
        repeats: Its key, and what becomes of rows with the same one.
        derive: Adds the columns that the source does not have.
        orders: Contradictions, in the order in which they are looked for.
        prepare: What is done to the text first.
    """

    schema: type[dy.Schema]
    kinds: Mapping[str, Kind]
    repeats: Repeats
    derive: Callable[[pl.DataFrame], pl.DataFrame]
    orders: tuple[Order, ...] = ()
    prepare: Callable[[pl.DataFrame], pl.DataFrame] = field(default=lambda batch: batch)

    @property
    def columns(self) -> list[str]:
        """Of the contract."""
        return self.schema.column_names()


@dataclass
class Validation:
    """Rows on their way through a contract, to be read once.

    Sinking `frame` fills the counts and the log; `rows = passed + rejected + duplicates` then holds.

    Attributes:
        frame: The pass side, lazy, in the order of the source.
        rows: Rows that came.
        passed: Rows that passed.
        rejected: Rows that did not, one ROW reject each.
        duplicates: Rows left out because another has the same content.
        values_rejected: Values dropped from rows that passed, one VALUE reject each.
    """

    frame: pl.LazyFrame = field(default_factory=pl.LazyFrame)
    rows: int = 0
    passed: int = 0
    rejected: int = 0
    duplicates: int = 0
    values_rejected: int = 0


def validation(raw: pl.LazyFrame, rules: Rules, log: RejectLog, batch_rows: int = BATCH_ROWS) -> Validation:
    """Prepare the validation of an entity's rows.

    Args:
        raw: Text columns of the source, as `batches` takes them, with `source_file` and `line`, which tell any two
            rows apart.
        rules: Of the entity.
        log: Open while the frame is sunk.
        batch_rows: Rows that are in memory at once.

    Returns:
        Its frame has the columns and dtypes of `rules.schema`.
    """
    made = Validation()
    raw = raw.with_columns(pl.col("line").cast(pl.Int64))  # sources count lines in 32 bits
    schema = rules.schema.create_empty().schema

    def batches(
        columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        for batch in _validated(raw, rules, log, made, batch_rows):
            frame = batch if rows is None else batch.head(rows)
            rows = None if rows is None else rows - frame.height
            frame = frame if predicate is None else frame.filter(predicate)
            yield frame if columns is None else frame.select(columns)
            if rows == 0:
                return

    made.frame = register_io_source(batches, schema=schema)
    return made


def with_content_hash(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with the hash of each record, in which its place does not count: a file may be sorted anew."""
    content = [name for name in frame.collect_schema().names() if name not in PLACE]
    return frame.with_columns(content_hash(content).alias(CONTENT_HASH))


def typed(batch: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """A batch as values: the columns of the contract; null for what is no value, a required one not excepted."""
    return _derived(_ordered(converted(batch, rules.kinds), rules), rules)


def _validated(
    raw: pl.LazyFrame, rules: Rules, log: RejectLog, made: Validation, batch_rows: int
) -> Iterator[pl.DataFrame]:
    dropped = settled(raw, rules.repeats, lambda batch: _judged(rules.prepare(batch), rules)[0], batch_rows)
    for batch in batches(raw, batch_rows):
        made.rows += batch.height
        texts = rules.prepare(batch)
        passed, failed, values = _judged(texts, rules)
        for reject in _row_rejects(texts, failed, rules):
            log.add(reject)
            made.rejected += 1
        gone = passed.select(PLACE).join(dropped, on=PLACE, how="inner") if dropped.height else dropped
        if gone.height:
            passed = passed.join(gone, on=PLACE, how="anti", maintain_order="left")
            values = values.join(gone, on=PLACE, how="anti", maintain_order="left")
            for row in gone.sort(PLACE).iter_rows(named=True):
                if row["rule"] is None:
                    made.duplicates += 1
                    continue
                log.add(Reject(RejectKind.ROW, _place(row), row["reason"], row["rule"], row["key"], rules.repeats.key))
                made.rejected += 1
        for row in values.iter_rows(named=True):
            reason = f"{row['column']} {row['value']!r} is {row['problem']}; the row is kept without it"
            log.add(Reject(RejectKind.VALUE, _place(row), reason, row["rule"], row["value"], row["column"]))
            made.values_rejected += 1
        made.passed += passed.height
        yield passed


def _judged(texts: pl.DataFrame, rules: Rules) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The rows of a batch that pass, those that fail with a column per rule, and the values dropped from the first."""
    made = converted(texts, rules.kinds)
    final = _derived(_ordered(made, rules), rules)
    passed, failure = rules.schema.filter(final)
    failed = failure.details()
    values = _unusable(texts, made, rules)
    if failed.height:
        values = values.join(failed, on=PLACE, how="anti", maintain_order="left")
    return passed, failed, values


def _ordered(made: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    for order in rules.orders:
        made = made.with_columns(pl.when(~order.broken.fill_null(value=False)).then(order.column).alias(order.column))
    return made


def _derived(made: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    return rules.derive(made).select(rules.columns)


_VALUES = {"source_file": pl.String, "line": pl.Int64, "column": pl.String, "value": pl.String}
_VALUES |= {"problem": pl.String, "rule": pl.String}


def _unusable(texts: pl.DataFrame, made: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Values that came and are none, or contradict another: place, `column`, `value`, `problem`, `rule`."""
    found = [pl.DataFrame(schema=_VALUES)]
    for name, kind in rules.kinds.items():
        if made[name].null_count() > texts[name].null_count():
            broken = made[name].is_null() & texts[name].is_not_null()
            came = texts.filter(broken & ~texts.select(is_nothing(pl.col(name), *kind.nothing))[name])
            found.append(_listed(came, name, pl.lit(f"not {kind.expected}"), f"{name}_unusable"))
    for order in rules.orders:
        broken = made.select(order.broken.fill_null(value=False).alias("broken"))["broken"]
        if broken.any():
            against = pl.concat_str(pl.lit(f"{order.words} ("), pl.col(order.other).fill_null("derived"), pl.lit(")"))
            found.append(_listed(texts.filter(broken), order.column, against, order.rule))
        made = made.with_columns(pl.when(~broken).then(pl.col(order.column)).alias(order.column))
    return pl.concat(found)


def _listed(texts: pl.DataFrame, name: str, problem: pl.Expr, rule: str) -> pl.DataFrame:
    return texts.select(*PLACE, column=pl.lit(name), value=pl.col(name), problem=problem, rule=pl.lit(rule))


def _row_rejects(texts: pl.DataFrame, failed: pl.DataFrame, rules: Rules) -> Iterator[Reject]:
    """One reject per failing row: every column that broke a rule, with the text that came."""
    if not failed.height:
        return
    columns = rules.columns
    names = [name for name in failed.columns if name not in columns]
    came = texts.join(failed.select(PLACE), on=PLACE, how="semi", maintain_order="left")
    by_place = {(row["source_file"], row["line"]): row for row in came.iter_rows(named=True)}
    for row in failed.iter_rows(named=True):
        text = by_place[row["source_file"], row["line"]]
        broken = [rule for rule in names if row[rule] == "invalid"]
        # A key that cannot be made is no cause: the part that is missing is.
        causes = [rule for rule in broken if rule.partition("|")[0] in text] or broken
        problems = [_problem(rule, text, row, rules) for rule in causes]
        first = causes[0].partition("|")[0]
        value, column = str(text.get(first) or ""), first if first in columns else ""
        yield Reject(RejectKind.ROW, _place(row), "; ".join(problems), causes[0], value, column)


def _problem(rule: str, text: Mapping[str, object], row: Mapping[str, object], rules: Rules) -> str:
    column = rule.partition("|")[0]
    if column not in rules.columns:
        return f"breaks {rule}"
    value = text.get(column, row[column])
    kind = rules.kinds.get(column)
    if value is None or pl.select(is_nothing(pl.lit(str(value)))).item():
        return f"{column} is missing"
    return f"{column} {value!r} is not {kind.expected}" if kind else f"{column} {value!r} breaks {rule}"


def _place(row: Mapping[str, object]) -> str:
    return f"{row['source_file']}:{row['line']}"
