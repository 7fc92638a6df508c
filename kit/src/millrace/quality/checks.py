"""Asset checks generated from contracts: two that can close a gate, two that only warn.

| check | severity | fails when |
| --- | --- | --- |
| `<asset>_contract_check` | error | a column is missing, a dtype differs, a rule is broken, nothing came |
| `<asset>_intake_check` | error | the source ended too soon, or more than the allowed share was rejected |
| `<asset>_rejects_check` | warning | any row or value was rejected at all |
| `<asset>_unexpected_fields_check` | warning | the source or the stage has fields that nobody named |

What belongs here: checks that need nothing but a contract and a file of rejects. What a schema cannot say (two
assets compared, a figure from the domain) is written by hand in the domain, next to its asset.

All four are one step: the stage is opened once, and a step costs some 50 ms of event writing (ADR 0001).
"""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from millrace.quality.contracts import Contract, Verdict
from millrace.quality.rejects import Reject, RejectKind
from millrace.resources import RejectFiles
from millrace.runs.metadata import preview
from millrace.runs.stage import stage

_EXAMPLES = 10
_BLOCKING = ("contract", "intake")
_PURPOSES = (*_BLOCKING, "rejects", "unexpected_fields")


def check_names(asset: str, *, blocking_only: bool = False) -> list[str]:
    """Names of the checks that are generated for an asset."""
    return [f"{asset}_{purpose}_check" for purpose in (_BLOCKING if blocking_only else _PURPOSES)]


def generated_checks(asset: str, contract: Contract, max_rejected_share: float) -> dg.AssetChecksDefinition:
    """Make the four checks of an asset.

    Args:
        asset: Name of the asset; its stage file and its rejects are what is judged.
        contract: What the stage promises; `contract.blocking` says whether errors stop what is downstream.
        max_rejected_share: Share of input rows (0-1) that may be rejected.
    """
    names = dict(zip(_PURPOSES, check_names(asset), strict=True))
    descriptions = {
        "contract": f"Columns, dtypes and rules of {contract.schema.__name__} hold on what is stored.",
        "intake": f"The source came whole and at most {max_rejected_share:.1%} of its rows were rejected.",
        "rejects": "No row and no value was rejected.",
        "unexpected_fields": "Source and stage have no field that nobody named.",
    }
    specs = [
        dg.AssetCheckSpec(
            name=names[purpose],
            asset=asset,
            description=descriptions[purpose],
            blocking=contract.blocking and purpose in _BLOCKING,
        )
        for purpose in names
    ]

    @dg.multi_asset_check(name=f"{asset}_checks", specs=specs, ins={"frame": dg.AssetIn(asset)}, can_subset=True)
    @stage
    def checks(
        context: dg.AssetCheckExecutionContext, frame: pl.LazyFrame, rejects: RejectFiles
    ) -> Iterator[dg.AssetCheckResult]:
        verdict = contract.judge(frame)
        tally = _Tally(rejects.read(asset))
        results = [
            _contract_result(asset, names["contract"], verdict),
            _intake_result(asset, names["intake"], verdict.rows, tally, max_rejected_share),
            _rejects_result(asset, names["rejects"], tally, rejects.address(asset)),
            _unexpected_result(asset, names["unexpected_fields"], verdict, tally),
        ]
        selected = {key.name for key in context.selected_asset_check_keys}
        yield from (result for result in results if result.check_name in selected)

    return checks


class _Tally:
    """Counts of rejects by kind and rule, and the first few of each kind, in one pass."""

    def __init__(self, rejects: Iterator[Reject]) -> None:
        self.counts: dict[RejectKind, int] = dict.fromkeys(RejectKind, 0)
        self.rules: dict[str, int] = {}
        self.first: dict[RejectKind, list[Reject]] = {kind: [] for kind in RejectKind}
        for reject in rejects:
            self.counts[reject.kind] += 1
            if reject.kind in (RejectKind.ROW, RejectKind.VALUE):
                self.rules[reject.rule] = self.rules.get(reject.rule, 0) + 1
            if len(self.first[reject.kind]) < _EXAMPLES:
                self.first[reject.kind].append(reject)


def _contract_result(asset: str, name: str, verdict: Verdict) -> dg.AssetCheckResult:
    problems = [verdict.schema_problem] if verdict.schema_problem else []
    problems += [f"{count:,} rows break {rule}" for rule, count in verdict.violations.items()]
    metadata: dict[str, dg.MetadataValue] = {"rows": dg.MetadataValue.int(verdict.rows)}
    if not verdict.examples.is_empty():
        metadata["examples"] = preview(verdict.examples)
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=verdict.holds,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(problems) or f"{verdict.rows:,} rows hold",
        metadata=metadata,
    )


def _intake_result(asset: str, name: str, rows: int, tally: _Tally, limit: float) -> dg.AssetCheckResult:
    rejected = tally.counts[RejectKind.ROW]
    share = rejected / (rows + rejected) if rows + rejected else 0.0
    cut_short = tally.first[RejectKind.SOURCE]
    problems = [f"{reject.place}: {reject.reason}" for reject in cut_short]
    if share > limit:
        problems.append(f"{rejected:,} of {rows + rejected:,} rows rejected ({share:.1%}, at most {limit:.1%})")
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR,
        description="; ".join(problems) or f"{rejected:,} of {rows + rejected:,} rows rejected ({share:.2%})",
        metadata={
            "rejected_share": share,
            "max_rejected_share": limit,
            "rows": rows,
            "rows_rejected": rejected,
        },
    )


def _rejects_result(asset: str, name: str, tally: _Tally, address: str) -> dg.AssetCheckResult:
    rows, values = tally.counts[RejectKind.ROW], tally.counts[RejectKind.VALUE]
    first = tally.first[RejectKind.ROW] + tally.first[RejectKind.VALUE]
    metadata: dict[str, dg.MetadataValue] = {
        "rows_rejected": dg.MetadataValue.int(rows),
        "values_rejected": dg.MetadataValue.int(values),
        "rules": dg.MetadataValue.json(tally.rules),
    }
    text = "nothing rejected"
    if first:
        metadata["file"] = dg.MetadataValue.path(address)
        metadata["first"] = preview(
            pl.DataFrame([[r.place, r.column, r.reason, r.excerpt] for r in first], _COLUMNS, orient="row")
        )
        text = f"{rows:,} rows and {values:,} values rejected, first {first[0].place}: {first[0].reason}"
        text += f"; all in {address}"
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=not first,
        severity=dg.AssetCheckSeverity.WARN,
        description=text,
        metadata=metadata,
    )


_COLUMNS = ["place", "column", "reason", "excerpt"]


def _unexpected_result(asset: str, name: str, verdict: Verdict, tally: _Tally) -> dg.AssetCheckResult:
    fields = [f"{reject.place} ({reject.reason})" for reject in tally.first[RejectKind.FIELD]]
    fields += [f"column {name}" for name in verdict.unexpected_columns]
    return dg.AssetCheckResult(
        check_name=name,
        asset_key=asset,
        passed=not fields,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(fields) or "every field is named",
        metadata={"fields": tally.counts[RejectKind.FIELD] + len(verdict.unexpected_columns)},
    )
