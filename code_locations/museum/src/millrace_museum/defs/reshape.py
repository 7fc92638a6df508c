"""Reshape: one JSON document per object."""

from typing import Any

import dagster as dg
import polars as pl

from millrace.runs import current_measurement, stage
from millrace.runs.charts import bar_chart
from millrace_museum.collection import Collection
from millrace_museum.transforms.reshape import objects_by_century, reshaped


@dg.asset(group_name="reshape", kinds={"polars", "parquet"}, code_version="1")
@stage
def reshaped_objects(joined_objects: pl.LazyFrame, collection: Collection) -> dg.MaterializeResult:
    """Documents as readers get them, sorted by identifier."""
    museum = collection.museum()
    current_measurement().rows_in = joined_objects.select(pl.len()).collect().item()
    metadata: dict[str, Any] = {}
    centuries = objects_by_century(joined_objects).collect()
    if not centuries.is_empty():
        bars = {f"from {century}": objects for century, objects in centuries.iter_rows()}
        metadata["centuries"] = bar_chart(
            bars, category="century of making", value="objects", title=f"{museum.title}: objects by century"
        )
    return dg.MaterializeResult(value=reshaped(joined_objects, museum.museum, museum.attribution), metadata=metadata)
