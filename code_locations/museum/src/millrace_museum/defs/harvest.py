"""Harvest: the source becomes stage files. Nothing is interpreted here, and nothing later reads the source."""

import dagster as dg
import polars as pl

from millrace.quality import RejectLog
from millrace.resources import RejectFiles
from millrace.runs import stage
from millrace_museum.collection import Collection
from millrace_museum.model import harvested_schema


@dg.asset(group_name="harvest", kinds={"json", "polars", "parquet"}, code_version="1")
@stage
def harvested_objects(collection: Collection, rejects: RejectFiles) -> dg.MaterializeResult:
    """Objects as the source has them, in the model's fields, all text; with the file and line of each."""
    return _harvest(collection, "objects", rejects.log("harvested_objects"))


@dg.asset(group_name="harvest", kinds={"csv", "polars", "parquet"}, code_version="1")
@stage
def harvested_artists(collection: Collection, rejects: RejectFiles) -> dg.MaterializeResult:
    """Artists as the source has them; empty if the museum keeps no records of artists."""
    return _harvest(collection, "artists", rejects.log("harvested_artists"))


def _harvest(collection: Collection, entity: str, log: RejectLog) -> dg.MaterializeResult:
    harvest = collection.harvest(entity)
    frame = pl.LazyFrame(schema=harvested_schema(entity)) if harvest is None else harvest.frame(log)
    metadata = {"source": collection.source, "museum": collection.museum().title}
    return dg.MaterializeResult(value=frame, metadata=metadata)
