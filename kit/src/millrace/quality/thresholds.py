"""Thresholds judged: one scan of an asset gives the figures of all of its demands.

What belongs here: the figures and the verdicts, free of Dagster. What does not: what is demanded
(`millrace.thresholds`) and the asset checks (`millrace.quality.threshold_checks`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from millrace.thresholds import AssetThresholds, Completeness, Enrichment, Range, Uniqueness, Validity

Figure = float | int | Mapping[str, float] | Mapping[str, int]


@dataclass(frozen=True)
class Judgement:
    """What became of one demand.

    Attributes:
        purpose: completeness, uniqueness, validity or enrichment.
        problems: Why it is not met; empty if it is.
        summary: What was found, if it is met.
        figures: What was judged, and by what.
    """

    purpose: str
    problems: list[str]
    summary: str
    figures: Mapping[str, Figure]

    @property
    def is_met(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.problems


@dataclass
class _Scan:
    """The aggregates that the demands need, and what came of them."""

    schema: pl.Schema
    wanted: dict[str, pl.Expr] = field(default_factory=dict)
    found: Mapping[str, int] = field(default_factory=dict)

    def want(self, name: str, expression: pl.Expr) -> None:
        self.wanted[name] = expression.alias(name)

    def missing(self, columns: Iterable[str]) -> list[str]:
        return [f"column {name!r} is not there" for name in columns if name not in self.schema]


def judge_thresholds(frame: pl.LazyFrame, thresholds: AssetThresholds) -> list[Judgement]:
    """Judge an asset by its thresholds, in one streaming scan.

    Uniqueness holds 64 bits of each distinct key; of two million different keys two would look alike once in ten
    million times.

    Args:
        frame: The asset. A column that a threshold names and the asset lacks is a problem of that threshold.
        thresholds: What is demanded.

    Returns:
        One judgement for each demand, in the order of `AssetThresholds`.
    """
    scan = _Scan(frame.collect_schema())
    scan.want("rows", pl.len())
    demands = [
        (name, demand)
        for name in ("completeness", "uniqueness", "validity", "enrichment")
        if (demand := getattr(thresholds, name)) is not None
    ]
    for _, demand in demands:
        _ask(scan, demand)
    scan.found = frame.select(scan.wanted.values()).collect(engine="streaming").row(0, named=True)
    empty = ["no row at all"] if scan.found["rows"] == 0 and not thresholds.allow_empty else []
    judgements = [_judge(scan, demand) for _, demand in demands]
    return [
        Judgement(name, [*empty, *problems], summary, {**figures, "total_count": scan.found["rows"]})
        for (name, _), (problems, summary, figures) in zip(demands, judgements, strict=True)
    ]


Verdict = tuple[list[str], str, dict[str, Figure]]


def _ask(scan: _Scan, demand: Any) -> None:
    """Add what a demand needs to the scan; columns that are not there are left out."""
    if isinstance(demand, Completeness | Enrichment):
        columns = demand.columns if isinstance(demand, Completeness) else [demand.column]
        for name in columns:
            if name in scan.schema:
                scan.want(f"filled:{name}", _is_filled(name, scan.schema[name]).sum())
    elif isinstance(demand, Uniqueness) and not scan.missing(demand.key):
        whole = pl.all_horizontal(pl.col(name).is_not_null() for name in demand.key)
        scan.want("distinct", pl.struct(demand.key).hash().filter(whole).n_unique())
    elif isinstance(demand, Validity):
        for name, limits in demand.ranges.items():
            if name in scan.schema and _misfit(scan.schema[name], limits) is None:
                scan.want(f"given:{name}", pl.col(name).count())
                scan.want(f"valid:{name}", _is_within(name, scan.schema[name], limits).sum())


def _is_filled(name: str, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(name)
    if dtype == pl.String:
        return value.is_not_null() & (value.str.strip_chars() != "")
    return value.is_not_null()


def _is_within(name: str, dtype: pl.DataType, limits: Range) -> pl.Expr:
    value = pl.col(name)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    within = pl.lit(value=True)
    if limits.min is not None:
        within &= value >= limits.min
    if limits.max is not None:
        within &= value <= limits.max
    return within & value.is_not_nan() if dtype.is_float() else within


def _misfit(dtype: pl.DataType, limits: Range) -> str | None:
    """Why a range cannot be applied to a column; None if it can."""
    if limits.is_temporal:
        return None if isinstance(dtype, pl.Date | pl.Datetime) else "dates"
    return None if dtype.is_numeric() else "numbers"


def _judge(scan: _Scan, demand: Any) -> Verdict:
    if isinstance(demand, Completeness):
        return _completeness(scan, demand)
    if isinstance(demand, Uniqueness):
        return _uniqueness(scan, demand)
    if isinstance(demand, Validity):
        return _validity(scan, demand)
    return _enrichment(scan, demand)


def _completeness(scan: _Scan, demand: Completeness) -> Verdict:
    there = [name for name in demand.columns if name in scan.schema]
    coverage = {name: _share(scan.found[f"filled:{name}"], scan.found["rows"]) for name in there}
    problems = scan.missing(demand.columns)
    problems += [
        f"{name}: {share:.2%} of {scan.found['rows']:,} rows have a value (at least {demand.min_coverage:.2%})"
        for name, share in coverage.items()
        if share < demand.min_coverage
    ]
    summary = f"{', '.join(f'{name} {share:.2%}' for name, share in coverage.items())} of the rows have a value"
    return problems, summary, {"min_coverage": demand.min_coverage, "field_coverage": coverage}


def _uniqueness(scan: _Scan, demand: Uniqueness) -> Verdict:
    figures: dict[str, Figure] = {"min_unique": demand.min_unique}
    problems = scan.missing(demand.key)
    if problems:
        return problems, "", figures
    rows, distinct = scan.found["rows"], scan.found["distinct"]
    share = _share(distinct, rows)
    said = f"{distinct:,} distinct keys ({', '.join(demand.key)}) in {rows:,} rows ({share:.2%}"
    if share < demand.min_unique:
        problems = [f"{said}, at least {demand.min_unique:.2%})"]
    return problems, f"{said})", {**figures, "unique_share": share, "unique_count": distinct}


def _validity(scan: _Scan, demand: Validity) -> Verdict:
    problems = scan.missing(demand.ranges)
    valid: dict[str, float] = {}
    outside: dict[str, int] = {}
    for name, limits in demand.ranges.items():
        if name not in scan.schema:
            continue
        expected = _misfit(scan.schema[name], limits)
        if expected is not None:
            problems.append(f"{name} is {scan.schema[name]}, its range expects {expected}")
            continue
        given = scan.found[f"given:{name}"]
        outside[name] = given - scan.found[f"valid:{name}"]
        valid[name] = _share(given - outside[name], given)
        if valid[name] < demand.min_valid:
            bounds = " to ".join("" if bound is None else str(bound) for bound in (limits.min, limits.max))
            problems.append(
                f"{name}: {outside[name]:,} of {given:,} values are outside of {bounds.strip()} "
                f"({valid[name]:.2%} within, at least {demand.min_valid:.2%})"
            )
    summary = f"{', '.join(f'{name} {share:.2%}' for name, share in valid.items())} within their ranges"
    return problems, summary, {"min_valid": demand.min_valid, "field_validity": valid, "outside_count": outside}


def _enrichment(scan: _Scan, demand: Enrichment) -> Verdict:
    figures: dict[str, Figure] = {"min_rate": demand.min_rate}
    problems = scan.missing([demand.column])
    if problems:
        return problems, "", figures
    rows, enriched = scan.found["rows"], scan.found[f"filled:{demand.column}"]
    rate = _share(enriched, rows)
    said = f"{enriched:,} of {rows:,} rows have {demand.column} ({rate:.2%}"
    if rate < demand.min_rate:
        problems = [f"{said}, at least {demand.min_rate:.2%})"]
    return problems, f"{said})", {**figures, "enrichment_rate": rate, "enriched_count": enriched}


def _share(part: int, whole: int) -> float:
    """A share (0-1), not rounded: 94.9999 % is no 95 %. Of nothing everything is as it should be."""
    return part / whole if whole else 1.0
