"""Ingest: the sources as they are, every field as text, each row with its file and line.

What cannot be read is listed with its line and costs nothing else. A source that only enriches may be away: then what
was read of it last stays, and a check says how old that is.
"""

from collections.abc import Callable, Iterable, Iterator

import dagster as dg
import polars as pl
from polars.io.plugins import register_io_source

from millrace.resources import RejectFiles
from millrace.runs.stage import stage
from millrace_sbir.columns import AWARDS, COMPANIES, PATENTS, SAM_ENTITIES
from millrace_sbir.resources import Sources
from millrace_sbir.sources.opening import OpenedSource
from millrace_sbir.sources.tables import read_awards, read_companies, read_patents, read_sam

_GROUP = "sbir_ingestion"
_KINDS = {"polars", "parquet"}


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1")
@stage
def raw_sbir_awards(sources: Sources, rejects: RejectFiles) -> pl.LazyFrame:
    """The award file, row by row."""
    log = rejects.log("raw_sbir_awards")
    return _text(AWARDS.values(), sources.open("awards"), lambda source: read_awards(source, log))


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1")
@stage
def raw_sbir_companies(sources: Sources, rejects: RejectFiles) -> pl.LazyFrame:
    """The company file, row by row."""
    log = rejects.log("raw_sbir_companies")
    return _text(COMPANIES.values(), sources.open("companies"), lambda source: read_companies(source, log))


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1")
@stage
def raw_sam_entities(sources: Sources, rejects: RejectFiles) -> pl.LazyFrame:
    """SAM.gov's registry of entities, row by row."""
    log = rejects.log("raw_sam_entities")
    return _text(SAM_ENTITIES, sources.open("sam"), lambda source: read_sam(source, log))


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1")
@stage
def raw_uspto_patents(sources: Sources, rejects: RejectFiles) -> pl.LazyFrame:
    """USPTO's patents, a row for each assignee."""
    log = rejects.log("raw_uspto_patents")
    return _text(PATENTS, sources.open("patents"), lambda source: read_patents(source, log))


def _text(
    columns: Iterable[str], source: OpenedSource | None, read: Callable[[OpenedSource], Iterator[pl.DataFrame]]
) -> pl.LazyFrame:
    """The rows of a source, read while they are written; none of one that is not used."""
    schema = pl.Schema({**dict.fromkeys(columns, pl.String), "source_file": pl.String, "line": pl.Int64})
    if source is None:
        return pl.LazyFrame(schema=schema)

    def batches(
        wanted: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        for batch in read(source):
            frame = batch.cast({"line": pl.Int64}).select(schema.names())
            frame = frame if rows is None else frame.head(rows)
            rows = None if rows is None else rows - frame.height
            frame = frame if predicate is None else frame.filter(predicate)
            yield frame if wanted is None else frame.select(wanted)
            if rows == 0:
                return

    return register_io_source(batches, schema=schema)
