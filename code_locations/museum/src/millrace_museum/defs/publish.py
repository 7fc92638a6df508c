"""Publish: documents become files that the public reads, all at once, and say what changed."""

from typing import Any

import dagster as dg
import orjson
import polars as pl

from millrace.quality.gate import require_open_gates
from millrace.runs import current_measurement, logical_date, stage
from millrace.runs.charts import bar_chart
from millrace_museum.collection import Collection, Shelf
from millrace_museum.contracts import CONTRACTS
from millrace_museum.defs import join  # the module: a check named here would be one of this module too
from millrace_museum.outputs.changes import compare
from millrace_museum.outputs.documents import DOCUMENTS, digests, publication_name, read_published, write_publication

CHANGE_REPORT = "change_report.json"


@dg.asset(group_name="publish", kinds={"json", "file"}, code_version="1")
@stage
def published_objects(
    context: dg.AssetExecutionContext, reshaped_objects: pl.LazyFrame, collection: Collection, shelf: Shelf
) -> dg.MaterializeResult:
    """JSON documents, bulk file and sitemaps of the whole collection, and what changed since the last time.

    Nothing is published while a blocking check of an earlier stage has failed or has not judged what lies there.
    The switch to the new publication is the last thing that happens; the change report is in place before it.
    """
    require_open_gates(
        context.instance, "museum.published_objects", CONTRACTS, [join.joined_objects_reconciliation_check]
    )
    museum = collection.museum()
    address = shelf.address(museum.museum)
    today = logical_date(context)
    with shelf.publisher(museum.museum).session() as session:
        before = session.current
        current_measurement().rows_in = reshaped_objects.select(pl.len()).collect().item()
        previous = None if before is None else read_published(before.read(DOCUMENTS))
        published, changes = compare(digests(reshaped_objects), previous, today)
        name = publication_name(published, address)
        if session.has(name):
            context.log.info("publication %s is there already; nothing to write", name)
        else:
            facts = {"publication": name, "museum": museum.museum, "attribution": museum.attribution}
            with session.writing(name) as folder:
                context.log.info("writing %s documents to %s", f"{len(published):,}", folder)
                write_publication(folder, reshaped_objects, published, facts, address)
        report = {
            "publication": name,
            "previous": None if before is None else before.name,
            "logical_date": today,
            "counts": changes.counts,
            "added": changes.added,
            "changed": changes.changed,
            "removed": changes.removed,
        }
        metadata: dict[str, Any] = {
            "dagster/row_count": len(published),
            "publication": name,
            "output": dg.MetadataValue.path(session.store.address),
            "changes": bar_chart(
                changes.counts, category="change", value="objects", title="Changes since the last publication"
            ),
            **changes.counts,
            **current_measurement().metadata(len(published)),
        }
        session.place(CHANGE_REPORT, orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        session.switch(name, {"museum": museum.museum, "objects": len(published)})
    return dg.MaterializeResult(metadata=metadata)
