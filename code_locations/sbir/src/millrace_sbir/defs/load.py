"""Load: tables become nodes and relationships, once every gate behind them has let them pass.

Relationships come last, and after them what is gone is swept. Each part is compared with its last load, so a run with
nothing new writes nothing. A full refresh loads the second server, if there is one, and readers follow at the end.
"""

from collections.abc import Iterable

import dagster as dg
import polars as pl

from millrace.graph import GraphReport, PartReport
from millrace.graph.resource import GraphResource
from millrace.quality.gate import Gates
from millrace.resources import RejectFiles
from millrace.runs import current_measurement
from millrace.runs.stage import stage
from millrace_sbir import graph as model
from millrace_sbir import graph_frames as frames
from millrace_sbir.rules import Rules
from millrace_sbir.transforms.normalise_codes import AGENCIES

_KINDS = {"neo4j"}
_GROUP = "graph_construction"
STANDS_ON = (
    *("raw_sbir_awards", "raw_sbir_companies", "raw_sam_entities", "raw_uspto_patents"),
    *("validated_sbir_awards", "validated_sbir_companies", "validated_sam_entities", "validated_uspto_patents"),
    *("enriched_sbir_awards", "classified_sbir_awards"),
    *("transformed_companies", "transformed_contracts", "transformed_patents"),
)


LOADED = ("loaded_companies", "loaded_sbir_awards", "loaded_contracts", "loaded_patents")


def _behind(*read: str) -> list[str]:
    """The assets that the graph stands on, without those that a step reads: their checks come first, too."""
    return [asset for asset in STANDS_ON if asset not in read]


def _reconciliation(asset: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(
        f"{asset}_reconciliation_check",
        asset=asset,
        description="Rows in = elements written, unchanged or rejected, and the graph has as many as it should.",
        blocking=True,
    )


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version="1",
    deps=_behind("transformed_companies"),
    check_specs=[_reconciliation("loaded_companies")],
)
@stage
def loaded_companies(
    context: dg.AssetExecutionContext,
    transformed_companies: pl.LazyFrame,
    graph: GraphResource,
    gates: Gates,
    rules: dg.ResourceParam[Rules],
) -> dg.MaterializeResult:
    """Nodes of firms, and of the areas of technology."""
    _require_gates(context, gates)
    with graph.open_for(context.run) as loader:
        reports = [
            loader.load_nodes(model.CET_AREA, frames.areas(rules.taxonomy)),
            loader.load_nodes(model.COMPANY, frames.companies(transformed_companies)),
        ]
    return _result("loaded_companies", reports)


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version="1",
    deps=_behind(),
    check_specs=[_reconciliation("loaded_sbir_awards")],
)
@stage
def loaded_sbir_awards(
    context: dg.AssetExecutionContext, transformed_sbir_awards: pl.LazyFrame, graph: GraphResource, gates: Gates
) -> dg.MaterializeResult:
    """Nodes of awards, of the agencies that fund them and of the people who lead them."""
    _require_gates(context, gates)
    with graph.open_for(context.run) as loader:
        reports = [
            loader.load_nodes(model.AGENCY, frames.agencies(transformed_sbir_awards, AGENCIES)),
            loader.load_nodes(model.PERSON, frames.people(transformed_sbir_awards)),
            loader.load_nodes(model.AWARD, frames.awards(transformed_sbir_awards)),
        ]
    return _result("loaded_sbir_awards", reports)


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version="1",
    deps=_behind("transformed_contracts"),
    check_specs=[_reconciliation("loaded_contracts")],
)
@stage
def loaded_contracts(
    context: dg.AssetExecutionContext, transformed_contracts: pl.LazyFrame, graph: GraphResource, gates: Gates
) -> dg.MaterializeResult:
    """Nodes of contracts."""
    _require_gates(context, gates)
    with graph.open_for(context.run) as loader:
        reports = [loader.load_nodes(model.CONTRACT, frames.contracts(transformed_contracts))]
    return _result("loaded_contracts", reports)


@dg.asset(
    group_name="patent_loading",
    kinds=_KINDS,
    code_version="1",
    deps=_behind("transformed_patents"),
    check_specs=[_reconciliation("loaded_patents")],
)
@stage
def loaded_patents(
    context: dg.AssetExecutionContext, transformed_patents: pl.LazyFrame, graph: GraphResource, gates: Gates
) -> dg.MaterializeResult:
    """Nodes of patents."""
    _require_gates(context, gates)
    with graph.open_for(context.run) as loader:
        reports = [loader.load_nodes(model.PATENT, transformed_patents)]
    return _result("loaded_patents", reports)


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version="1",
    deps=LOADED,
    check_specs=[_reconciliation("loaded_relationships")],
)
@stage
def loaded_relationships(
    context: dg.AssetExecutionContext,
    transformed_sbir_awards: pl.LazyFrame,
    transformed_companies: pl.LazyFrame,
    transformed_phase_chains: pl.LazyFrame,
    classified_sbir_awards: pl.LazyFrame,
    enriched_patents: pl.LazyFrame,
    graph: GraphResource,
    gates: Gates,
    rejects: RejectFiles,
    rules: dg.ResourceParam[Rules],
) -> dg.MaterializeResult:
    """Who received, funds, leads, owns, cites and follows what; then what is gone is swept."""
    _require_gates(context, gates, *LOADED)
    log = rejects.log("loaded_relationships")
    awards = transformed_sbir_awards
    whole = (
        (model.RECEIVED, frames.received(awards)),
        (model.UNDER_CONTRACT, frames.under_contract(awards)),
        (model.FUNDED_BY, frames.funded_by(awards)),
        (model.LEADS, frames.leads(awards)),
        (model.FOLLOWS, frames.follows(transformed_phase_chains)),
        (model.APPLICABLE_TO, frames.applicable_to(classified_sbir_awards)),
        (model.OWNS, frames.owns(enriched_patents, transformed_companies)),
        (model.CITES_AWARD, frames.cites_award(enriched_patents)),
    )
    with graph.open_for(context.run) as loader:
        reports = [
            loader.load_relationships(
                relationship, frame, rejects=log, max_rejected_share=rules.max_rejected_relationships
            )
            for relationship, frame in whole
        ]
        swept = loader.finish()
    return _result("loaded_relationships", reports, swept)


def _require_gates(context: dg.AssetExecutionContext, gates: Gates, *loaded: str) -> None:
    """Also those whose checks ran in an earlier run: nothing of the graph is touched unless all of it may be."""
    gates.require_open(context.instance, "sbir graph", *STANDS_ON, *loaded)


def _result(asset: str, reports: Iterable[PartReport], whole: GraphReport | None = None) -> dg.MaterializeResult:
    reports = list(reports)
    problems = [problem for report in reports for problem in report.problems]
    problems += whole.problems if whole is not None else []
    figures = {
        name: sum(getattr(report, name) for report in reports)
        for name in ("rows_in", "added", "changed", "unchanged", "removed", "rejected", "counted", "retries")
    }
    by_part = dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "part": report.part,
                    **{name: getattr(report, name) for name in (*figures, "expected")},
                    "seconds": round(report.seconds, 2),
                }
            )
            for report in reports
        ]
    )
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": figures["counted"],
            "parts": by_part,
            **current_measurement().metadata(figures["counted"]),
            **figures,
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=f"{asset}_reconciliation_check",
                passed=not problems,
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(problems) or f"{figures['rows_in']:,} rows are accounted for",
                metadata=figures,
            )
        ],
    )
