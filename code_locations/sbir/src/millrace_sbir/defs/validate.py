"""Validate: rows of text become rows of values that keep their contract, each with the hash of its content."""

from collections import Counter
from collections.abc import Callable

import dagster as dg
import polars as pl

from millrace.lakehouse import table
from millrace.resources import RejectFiles
from millrace.runs import current_measurement, logical_date
from millrace.runs.stage import stage
from millrace_sbir.transforms.validate import Validation, with_content_hash
from millrace_sbir.transforms.validate_awards import validated_awards
from millrace_sbir.transforms.validate_sources import validated_companies, validated_entities, validated_patents

_GROUP = "sbir_ingestion"
_KINDS = {"polars", "iceberg"}


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def validated_sbir_awards(
    context: dg.AssetExecutionContext, raw_sbir_awards: pl.LazyFrame, rejects: RejectFiles
) -> pl.LazyFrame:
    """Awards that keep their contract, each key once; the others are listed with column, value and rule."""
    log = rejects.log("validated_sbir_awards")
    return _hashed(lambda: validated_awards(raw_sbir_awards, log, logical_date(context)))


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def validated_sbir_companies(raw_sbir_companies: pl.LazyFrame, rejects: RejectFiles) -> pl.LazyFrame:
    """Rows of the company file that keep their contract, each firm once."""
    log = rejects.log("validated_sbir_companies")
    return _hashed(lambda: validated_companies(raw_sbir_companies, log))


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def validated_sam_entities(
    context: dg.AssetExecutionContext, raw_sam_entities: pl.LazyFrame, rejects: RejectFiles
) -> pl.LazyFrame:
    """Entities of SAM.gov that keep their contract, each UEI once."""
    log = rejects.log("validated_sam_entities")
    return _hashed(lambda: validated_entities(raw_sam_entities, log, logical_date(context)))


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def validated_uspto_patents(
    context: dg.AssetExecutionContext, raw_uspto_patents: pl.LazyFrame, rejects: RejectFiles
) -> pl.LazyFrame:
    """Patents and their assignees that keep their contract, each pair once."""
    log = rejects.log("validated_uspto_patents")
    return _hashed(lambda: validated_patents(raw_uspto_patents, log, logical_date(context)))


def _hashed(validate: Callable[[], Validation]) -> pl.LazyFrame:
    """The pass side with the hash of each record; the repeats that were left out are counted among the errors."""
    measurement = current_measurement()
    made = validate()

    broken = measurement.count_errors or dict[str, int]

    def counted() -> None:
        measurement.rows_in = made.rows
        measurement.count_errors = lambda: Counter(broken()) + Counter(duplicate=made.duplicates)

    measurement.at_end.append(counted)
    return with_content_hash(made.frame)
