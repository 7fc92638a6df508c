"""Classify: which areas of critical and emerging technology each award speaks of, and what that makes of its firm."""

import dagster as dg
import polars as pl

from millrace.lakehouse import Changes, Mode, table
from millrace.lakehouse.io_manager import IcebergIOManager
from millrace.processing import content_hash, content_key, in_chunks
from millrace.resources import PartFiles
from millrace.runs.progress import step_progress
from millrace.runs.refresh import is_full_refresh
from millrace.runs.stage import stage
from millrace_sbir.incremental import INPUT_HASH, step
from millrace_sbir.rules import Rules
from millrace_sbir.transforms.classify import ABSTRACT, TITLE
from millrace_sbir.transforms.classify_gathered import areas_of, gathered
from millrace_sbir.transforms.profiles import profiles

_GROUP = "cet_pipeline"
_CODE_VERSION = "1"


@dg.asset(
    group_name=_GROUP,
    kinds={"polars", "iceberg"},
    code_version=_CODE_VERSION,
    io_manager_key="tables",
    metadata=table(mode=Mode.UPSERT, key=["award_id"], partition_by=["award_year"]),
)
@stage
def classified_sbir_awards(
    context: dg.AssetExecutionContext,
    enriched_sbir_awards: pl.LazyFrame,
    tables: dg.ResourceParam[IcebergIOManager],
    rules: dg.ResourceParam[Rules],
    parts: PartFiles,
) -> pl.LazyFrame | Changes:
    """The areas of each award with score, confidence and evidence; only awards whose text or rules have changed."""
    classifier = rules.classifier()
    texts = enriched_sbir_awards.select("award_id", "award_year", TITLE, ABSTRACT)
    hashed = content_hash(["award_year", TITLE, ABSTRACT, "version"]).alias(INPUT_HASH)
    current = texts.with_columns(version=pl.lit(f"{_CODE_VERSION} {classifier.method} {classifier.version}"))
    current = current.with_columns(hashed).select("award_id", INPUT_HASH)
    todo = step(
        tables.warehouse, "classified_sbir_awards", current, "award_id", is_full_refresh=is_full_refresh(context)
    )
    work = texts.join(todo.work, on="award_id").sort("award_id")
    made = in_chunks(
        work,
        lambda frame, _chunk: gathered(frame, classifier),
        parts=parts.of("classified_sbir_awards"),
        key=content_key(work.select("award_id", INPUT_HASH)),
        progress=step_progress(context),
    )
    context.log.info(f"awards {todo.words}")
    return todo.changes(made)


@dg.asset(group_name=_GROUP, kinds={"polars", "iceberg"}, code_version="1", io_manager_key="tables", metadata=table())
@stage
def profiled_companies(classified_sbir_awards: pl.LazyFrame, enriched_sbir_awards: pl.LazyFrame) -> pl.LazyFrame:
    """What each firm does: its awards by area, with amount, share and years."""
    return profiles(areas_of(classified_sbir_awards), enriched_sbir_awards)
