"""Harvest: the source becomes stage files. Nothing is interpreted here, and nothing later reads the source."""

from collections.abc import Iterator

import dagster as dg
import polars as pl

from millrace.quality import RejectLog
from millrace.resources import RejectFiles
from millrace.runs import stage
from millrace_museum.collection import Collection
from millrace_museum.model import harvested_schema


@dg.asset(group_name="harvest", kinds={"json", "polars", "parquet"}, code_version="1")
@stage
def harvested_objects(collection: Collection, rejects: RejectFiles) -> Iterator[dg.MaterializeResult]:
    """Objects as the source has them, in the model's fields, all text; with the file and line of each."""
    with rejects.log("harvested_objects") as log:
        yield dg.MaterializeResult(value=_frame(collection, "objects", log), metadata=_source_metadata(collection))


@dg.asset(group_name="harvest", kinds={"csv", "polars", "parquet"}, code_version="1")
@stage
def harvested_artists(collection: Collection, rejects: RejectFiles) -> Iterator[dg.MaterializeResult]:
    """Artists as the source has them; empty where the museum keeps no records of artists."""
    with rejects.log("harvested_artists") as log:
        yield dg.MaterializeResult(value=_frame(collection, "artists", log), metadata=_source_metadata(collection))


def _frame(collection: Collection, entity: str, log: RejectLog) -> pl.LazyFrame:
    harvest = collection.harvest(entity)
    if harvest is None:
        return pl.LazyFrame(schema=harvested_schema(entity))
    return harvest.frame(log)


def _source_metadata(collection: Collection) -> dict[str, str]:
    return {"source": collection.source, "museum": collection.museum().title}
