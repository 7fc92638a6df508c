"""Publish: what a run has made is shown once all of it is there and every gate let it pass.

Each run leaves a snapshot of each table behind, most of them with all of its rows: those past their time go here too.
"""

from datetime import timedelta

import dagster as dg

from millrace.graph.resource import GraphResource
from millrace.lakehouse.io_manager import IcebergIOManager
from millrace.lakehouse.refresh import branch_of, show
from millrace.lakehouse.retention import forget
from millrace.quality.gate import Gates
from millrace.runs import current_measurement
from millrace.runs.stage import stage
from millrace_sbir.defs.load import LOADED, STANDS_ON
from millrace_sbir.rules import Rules

TABLES = (
    *("validated_sbir_awards", "validated_sbir_companies", "validated_sam_entities", "validated_uspto_patents"),
    *("identified_companies", "enriched_companies", "enriched_sbir_awards", "enriched_patents"),
    *("classified_sbir_awards", "profiled_companies"),
    *("transformed_sbir_awards", "transformed_phase_chains", "transformed_companies", "transformed_company_years"),
    *("transformed_contracts", "transformed_patents"),
)

_LAST_SNAPSHOTS = 2  # of each table, however old: what is read, and what it was before


@dg.asset(
    group_name="graph_construction",
    kinds={"iceberg"},
    code_version="1",
    deps=["loaded_relationships", "transformed_company_years"],
)
@stage
def published_tables(
    context: dg.AssetExecutionContext,
    tables: dg.ResourceParam[IcebergIOManager],
    graph: GraphResource,
    gates: Gates,
    rules: dg.ResourceParam[Rules],
) -> dg.MaterializeResult:
    """The tables as readers see them, and the graph of a full refresh: what a run has made appears here and not before.

    Snapshots past their time go.
    """
    gates.require_open(context.instance, "sbir tables", *STANDS_ON, *LOADED, "loaded_relationships")
    shown = show(tables.warehouse, TABLES, branch_of(context.run))
    graph.show(context.run)
    snapshots = [dg.TableRecord({"table": name, "snapshot_id": str(snapshot)}) for name, snapshot in shown.items()]
    age = timedelta(days=rules.config.keep_snapshots_days)
    forgotten = forget(tables.warehouse, TABLES, age, keep=_LAST_SNAPSHOTS)
    return dg.MaterializeResult(
        metadata={
            "expired_snapshots": forgotten.snapshots,
            "freed_bytes": forgotten.size_bytes,
            "dagster/row_count": len(shown),
            "output": dg.MetadataValue.path(tables.warehouse.place.address),
            "snapshots": dg.MetadataValue.table(snapshots) if snapshots else dg.MetadataValue.text("no table"),
            **current_measurement().metadata(len(shown)),
        }
    )
