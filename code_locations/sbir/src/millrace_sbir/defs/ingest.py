"""Ingest: the sources as they are, every field as text, each row with its file and line.

What cannot be read is listed with its line and costs nothing else. A source that only enriches may be away: then what
was read of it last stays, and a check says how old that is.

An API is asked for what the awards need and not for all that it has, so two of the assets come after validated awards.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import polars as pl
from polars.io.plugins import register_io_source

from millrace.errors import SourceUnavailableError
from millrace.lakehouse.io_manager import IcebergIOManager
from millrace.lakehouse.refresh import as_seen_by
from millrace.quality import RejectLog
from millrace.resources import RejectFiles, StageParquetIOManager
from millrace.runs.stage import stage
from millrace_sbir.availability import Kept, Reading, source_check
from millrace_sbir.columns import AWARDS, COMPANIES, PATENTS, SAM_ENTITIES
from millrace_sbir.resources import Sources
from millrace_sbir.sources.answers import Answer, Answers
from millrace_sbir.sources.api import Service
from millrace_sbir.sources.opening import OpenedSource
from millrace_sbir.sources.patents_api import read_patents_api
from millrace_sbir.sources.sam_api import read_sam_api
from millrace_sbir.sources.tables import read_awards, read_companies, read_patents, read_sam

_GROUP = "sbir_ingestion"
_KINDS = {"polars", "parquet"}
_AWARDS = "validated_sbir_awards"
# Of an asset that answers for a check itself Dagster expects no value, unless it is told of which type one is.
_FRAME = dg.PythonObjectDagsterType(pl.LazyFrame, name="RawRows")

Reader = Callable[[OpenedSource, RejectLog], Iterator[pl.DataFrame]]
Asker = Callable[[Service, list[str], RejectLog], Iterator[Answer]]


@dataclass(frozen=True)
class _Enriching:
    """A source that only enriches.

    Attributes:
        name: Of its setting.
        columns: Its columns.
        key: The one by which rows that came stand in for rows that were read before.
        read: Reads its file.
        ask: Asks its API; None if there is none.
        asked_by: Column of the awards whose values it is asked for.
        by: Its own column with such values.
    """

    name: str
    columns: tuple[str, ...]
    key: str
    read: Reader
    ask: Asker | None = None
    asked_by: str = ""
    by: str = ""


_COMPANIES = _Enriching("companies", tuple(COMPANIES.values()), "company_name", read_companies)
_SAM = _Enriching("sam", SAM_ENTITIES, "uei", read_sam, read_sam_api, "uei", "uei")
_PATENTS = _Enriching("patents", PATENTS, "patent_id", read_patents, read_patents_api, "company_name", "assignee_name")


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1")
@stage
def raw_sbir_awards(sources: Sources, rejects: RejectFiles) -> dg.MaterializeResult:
    """The award file, row by row."""
    reading = Reading(sources.shown("awards"))
    source = sources.open("awards", reading.figures)
    log = rejects.log("raw_sbir_awards")
    reading.count_errors(log)
    return dg.MaterializeResult(
        value=_lazily(tuple(AWARDS.values()), source, read_awards, log), metadata=reading.metadata()
    )


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version="1",
    dagster_type=_FRAME,
    check_specs=[source_check("raw_sbir_companies")],
)
@stage
def raw_sbir_companies(
    context: dg.AssetExecutionContext,
    sources: Sources,
    rejects: RejectFiles,
    io_manager: dg.ResourceParam[StageParquetIOManager],
    tables: dg.ResourceParam[IcebergIOManager],
) -> dg.MaterializeResult:
    """The company file, row by row."""
    return _read(context, _COMPANIES, sources, rejects, io_manager, tables)


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version="1",
    dagster_type=_FRAME,
    deps=[_AWARDS],
    check_specs=[source_check("raw_sam_entities")],
)
@stage
def raw_sam_entities(
    context: dg.AssetExecutionContext,
    sources: Sources,
    rejects: RejectFiles,
    io_manager: dg.ResourceParam[StageParquetIOManager],
    tables: dg.ResourceParam[IcebergIOManager],
) -> dg.MaterializeResult:
    """SAM.gov's registry of entities, row by row; of its API, the entities whose UEI an award has."""
    return _read(context, _SAM, sources, rejects, io_manager, tables)


@dg.asset(
    group_name=_GROUP,
    kinds=_KINDS,
    code_version="1",
    dagster_type=_FRAME,
    deps=[_AWARDS],
    check_specs=[source_check("raw_uspto_patents")],
)
@stage
def raw_uspto_patents(
    context: dg.AssetExecutionContext,
    sources: Sources,
    rejects: RejectFiles,
    io_manager: dg.ResourceParam[StageParquetIOManager],
    tables: dg.ResourceParam[IcebergIOManager],
) -> dg.MaterializeResult:
    """USPTO's patents, a row for each assignee; of its API, those of assignees with the name of a firm."""
    return _read(context, _PATENTS, sources, rejects, io_manager, tables)


def _read(
    context: dg.AssetExecutionContext,
    source: _Enriching,
    sources: Sources,
    rejects: RejectFiles,
    stages: StageParquetIOManager,
    tables: IcebergIOManager,
) -> dg.MaterializeResult:
    """Read a source that may be away, from its file or by its API."""
    asset = context.asset_key.to_user_string()
    reading, kept = Reading(sources.shown(source.name)), Kept.of(context, stages)
    reading.count_errors()
    frame = pl.LazyFrame(schema=_schema(source.columns))
    try:
        if source.ask is not None and sources.asks_api(source.name):
            wanted, store = _of_awards(context, tables, source.asked_by), stages.place.store()
            reading.count_errors(log := rejects.log(asset))
            answers = Answers(store, f"asked/{source.name}.parquet", _schema(source.columns), source.key, source.by)
            to_ask = answers.to_ask(wanted, timedelta(days=sources.limits.answers_kept_days))
            context.log.info("%s is asked for %s of %s values", reading.source, f"{len(to_ask):,}", f"{len(wanted):,}")
            try:
                with sources.service(source.name, reading.figures, store) as service:
                    for answer in source.ask(service, to_ask, log):
                        answers.add(answer)
            finally:
                answers.save(wanted)
                frame = answers.rows().lazy()
        else:
            opened = sources.open(source.name, reading.figures)
            log = rejects.log(asset)  # not before: of what is kept the rejects are kept, too
            reading.count_errors(log)
            frame = _lazily(source.columns, opened, source.read, log)
    except SourceUnavailableError as problem:
        context.log.warning(str(problem))
        reading.problem, reading.kept = problem, kept
    if reading.problem is not None:
        frame = kept.beside(frame, source.key)
    return dg.MaterializeResult(value=frame, metadata=reading.metadata(), check_results=[reading.check(asset)])


def _of_awards(context: dg.AssetExecutionContext, tables: IcebergIOManager, column: str) -> list[str]:
    """The values of a column of the awards, each once: some 30,000 for all awards."""
    awards = as_seen_by(context.run, tables.warehouse, _AWARDS)
    values = awards.select(column).drop_nulls().unique().sort(column)
    return values.collect(engine="streaming").to_series().to_list()


def _schema(columns: tuple[str, ...]) -> pl.Schema:
    return pl.Schema({**dict.fromkeys(columns, pl.String), "source_file": pl.String, "line": pl.Int64})


def _lazily(columns: tuple[str, ...], source: OpenedSource | None, read: Reader, log: RejectLog) -> pl.LazyFrame:
    """The rows of a file, read while they are written; none of one that is not used."""
    schema = _schema(columns)
    if source is None:
        return pl.LazyFrame(schema=schema)

    def batches(
        wanted: list[str] | None, predicate: pl.Expr | None, rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        for batch in read(source, log):
            frame = batch.cast({"line": pl.Int64}).select(schema.names())
            frame = frame if rows is None else frame.head(rows)
            rows = None if rows is None else rows - frame.height
            frame = frame if predicate is None else frame.filter(predicate)
            yield frame if wanted is None else frame.select(wanted)
            if rows == 0:
                return

    return register_io_source(batches, schema=schema)
