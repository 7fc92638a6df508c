"""Enrich: which firm an award belongs to, what SAM.gov and USPTO know of it, what its text says.

Firms and awards go on only where something has changed: the record itself, or what it is compared with.
"""

import dagster as dg
import polars as pl

from millrace.lakehouse import Changes, Mode, table
from millrace.lakehouse.io_manager import IcebergIOManager
from millrace.processing import CONTENT_HASH, content_hash, content_key, in_chunks
from millrace.resources import PartFiles
from millrace.runs.progress import step_progress
from millrace.runs.stage import stage
from millrace_sbir.incremental import INPUT_HASH, Earlier
from millrace_sbir.rules import Rules
from millrace_sbir.transforms.enrich import enriched, matched_companies, with_firms
from millrace_sbir.transforms.identity import appearances, firms, identities
from millrace_sbir.transforms.match_firms import match_firms
from millrace_sbir.transforms.patents import cited_awards, match_assignees, with_firm

_GROUP = "enrichment"
_KINDS = {"polars", "iceberg"}
_FIRMS_VERSION, _AWARDS_VERSION = "1", "1"


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def identified_companies(validated_sbir_awards: pl.LazyFrame, validated_sbir_companies: pl.LazyFrame) -> pl.DataFrame:
    """Every spelling and address under which a firm appears, with the firm that it is."""
    return identities(appearances(validated_sbir_awards, validated_sbir_companies).collect(engine="streaming"))


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version=_FIRMS_VERSION,
    io_manager_key="tables",
    metadata=table(mode=Mode.UPSERT, key=["company_id"]),
)
@stage
def enriched_companies(
    context: dg.AssetExecutionContext,
    identified_companies: pl.LazyFrame,
    validated_sam_entities: pl.LazyFrame,
    tables: dg.ResourceParam[IcebergIOManager],
    rules: dg.ResourceParam[Rules],
) -> Changes:
    """Firms with their entity of SAM.gov, how it was found, and how sure that is."""
    entities = validated_sam_entities
    # A likeness counts by how rare it is among all entities, so each firm is compared anew when one of them changes.
    reference = content_key(entities.select("uei", CONTENT_HASH).sort("uei"), repr(rules.matching), _FIRMS_VERSION)
    known = firms(identified_companies.collect(engine="streaming").filter(pl.col("awards") > 0))
    hashed = content_hash([*known.columns, "reference"])
    current = known.with_columns(reference=pl.lit(reference)).with_columns(hashed.alias(INPUT_HASH)).drop("reference")
    earlier = Earlier.of(context.run, tables.warehouse, "enriched_companies", "company_id")
    todo = earlier.lacking(current)
    context.log.info(f"{todo.height:,} of {current.height:,} firms are looked up")
    made = matched_companies(todo, match_firms(todo, entities, rules.matching), entities)
    return earlier.changes(made.lazy(), current.lazy())


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version=_AWARDS_VERSION,
    io_manager_key="tables",
    metadata=table(mode=Mode.UPSERT, key=["award_id"], partition_by=["award_year"]),
)
@stage
def enriched_sbir_awards(
    context: dg.AssetExecutionContext,
    validated_sbir_awards: pl.LazyFrame,
    identified_companies: pl.LazyFrame,
    enriched_companies: pl.LazyFrame,
    tables: dg.ResourceParam[IcebergIOManager],
    rules: dg.ResourceParam[Rules],
    parts: PartFiles,
) -> Changes:
    """Awards with their firm, its entity of SAM.gov, a clean abstract and keywords."""
    identified = identified_companies.collect(engine="streaming")
    companies = enriched_companies.collect(engine="streaming")
    earlier = Earlier.of(context.run, tables.warehouse, "enriched_sbir_awards", "award_id")
    made = in_chunks(
        validated_sbir_awards,
        lambda chunk, _: enriched(earlier.lacking(with_firms(chunk, identified, companies, _AWARDS_VERSION))),
        parts=parts.of("enriched_sbir_awards"),
        key=content_key(
            validated_sbir_awards.select("award_id", CONTENT_HASH),
            identified.lazy().select("company_id", "evidence"),
            companies.lazy().select("company_id", INPUT_HASH),
            _AWARDS_VERSION,
            str(earlier.rows is None),
        ),
        progress=step_progress(context),
        key_column="award_id",
        config=rules.chunks,
    )
    return earlier.changes(made, validated_sbir_awards)


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def enriched_patents(
    validated_uspto_patents: pl.LazyFrame,
    identified_companies: pl.LazyFrame,
    validated_sbir_awards: pl.LazyFrame,
    rules: dg.ResourceParam[Rules],
) -> pl.LazyFrame:
    """Patents with the firm that owns them, and with the awards that they name."""
    known = firms(identified_companies.collect(engine="streaming").filter(pl.col("awards") > 0))
    matched = match_assignees(validated_uspto_patents, known, rules.matching)
    cited = (
        cited_awards(validated_uspto_patents, validated_sbir_awards)
        .group_by("patent_id")
        .agg(cited_award_ids=pl.col("award_id").sort())
    )
    none = pl.lit([], dtype=pl.List(pl.String))
    accepted = pl.col("match_status") == "accepted"
    return (
        with_firm(validated_uspto_patents, matched)
        .with_columns(company_id=pl.when(accepted).then("company_id"))
        .join(cited, on="patent_id", how="left")
        .with_columns(pl.col("cited_award_ids").fill_null(none))
        .drop("source_file", "line", CONTENT_HASH, "government_interest")
        .sort("patent_assignee_id")
    )
