"""Classify: which areas of critical and emerging technology each award speaks of, and what that makes of its firm."""

import dagster as dg
import polars as pl

from millrace.lakehouse import Changes, Mode, table
from millrace.lakehouse.io_manager import IcebergIOManager
from millrace.processing import content_key, in_chunks
from millrace.resources import PartFiles
from millrace.runs.progress import step_progress
from millrace.runs.stage import stage
from millrace_sbir.incremental import INPUT_HASH, Earlier
from millrace_sbir.rules import Rules
from millrace_sbir.transforms.classify import ABSTRACT, TITLE
from millrace_sbir.transforms.classify_gathered import areas_of, gathered, with_input_hash
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
) -> Changes:
    """The areas of each award with score, confidence and evidence; only awards whose text or rules have changed."""
    classifier = rules.classifier()
    version = f"{_CODE_VERSION} {classifier.method} {classifier.version}"
    earlier = Earlier.of(context.run, tables.warehouse, "classified_sbir_awards", "award_id")
    texts = enriched_sbir_awards.select("award_id", "award_year", TITLE, ABSTRACT, enriched_from=INPUT_HASH)
    made = in_chunks(
        texts,
        lambda chunk, _: gathered(earlier.lacking(with_input_hash(chunk, version)), classifier),
        parts=parts.of("classified_sbir_awards"),
        key=content_key(texts.select("award_id", "enriched_from"), version, str(earlier.rows is None)),
        progress=step_progress(context),
        key_column="award_id",
        config=rules.chunks,
    )
    return earlier.changes(made, texts)


@dg.asset(group_name=_GROUP, kinds={"polars", "iceberg"}, code_version="1", io_manager_key="tables", metadata=table())
@stage
def profiled_companies(classified_sbir_awards: pl.LazyFrame, enriched_sbir_awards: pl.LazyFrame) -> pl.LazyFrame:
    """What each firm does: its awards by area, with amount, share and years."""
    return profiles(areas_of(classified_sbir_awards), enriched_sbir_awards)
