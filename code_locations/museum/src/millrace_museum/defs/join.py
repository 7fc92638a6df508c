"""Join: objects meet their artists, and what does not meet is reported."""

from typing import Any

import dagster as dg
import polars as pl

from millrace.runs import current_measurement, stage
from millrace.runs.metadata import preview
from millrace_museum.transforms.join import joined, unknown_artists, unused_artists

_SHOWN = 200


@dg.asset(group_name="join", kinds={"polars", "parquet"}, code_version="1")
@stage
def joined_objects(cleaned_objects: pl.LazyFrame, cleaned_artists: pl.LazyFrame) -> dg.MaterializeResult:
    """Objects with what is known of their artists; both directions of the join are counted."""
    current_measurement().rows_in = cleaned_objects.select(pl.len()).collect().item()
    unused = unused_artists(cleaned_objects, cleaned_artists).collect()
    records = cleaned_artists.select(pl.len()).collect().item()
    metadata: dict[str, Any] = {
        "artists_joined": records - unused.height,
        "artists_without_objects": unused.height,
        "unknown_artist_ids": unknown_artists(cleaned_objects, cleaned_artists).collect().height,
    }
    if unused.height:
        metadata["artists_without_objects_first"] = preview(unused.head(_SHOWN))
    return dg.MaterializeResult(value=joined(cleaned_objects, cleaned_artists), metadata=metadata)


@dg.asset_check(
    asset=joined_objects,
    additional_ins={"cleaned_objects": dg.AssetIn("cleaned_objects"), "cleaned_artists": dg.AssetIn("cleaned_artists")},
)
@stage
def joined_objects_unknown_artists_check(
    joined_objects: pl.LazyFrame,  # noqa: ARG001  # the asset that the check belongs to
    cleaned_objects: pl.LazyFrame,
    cleaned_artists: pl.LazyFrame,
) -> dg.AssetCheckResult:
    """Every artist that an object names has a record; museums without records of artists have none to miss."""
    records = cleaned_artists.select(pl.len()).collect().item()
    unknown = unknown_artists(cleaned_objects, cleaned_artists).collect()
    named = ", ".join(f"{row['artist_id']} ({row['name']})" for row in unknown.head(10).iter_rows(named=True))
    return dg.AssetCheckResult(
        passed=unknown.is_empty() or records == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{unknown.height} unknown artist identifiers: {named}" if named else "every artist is on record",
        metadata={"unknown_artist_ids": unknown.height, "artists": preview(unknown.head(_SHOWN))},
    )


@dg.asset_check(asset=joined_objects, additional_ins={"cleaned_objects": dg.AssetIn("cleaned_objects")}, blocking=True)
@stage
def joined_objects_reconciliation_check(
    joined_objects: pl.LazyFrame, cleaned_objects: pl.LazyFrame
) -> dg.AssetCheckResult:
    """The join neither loses nor doubles an object."""
    before = cleaned_objects.select(pl.len()).collect().item()
    after, distinct = joined_objects.select(pl.len(), pl.col("object_id").n_unique().alias("ids")).collect().row(0)
    return dg.AssetCheckResult(
        passed=before == after == distinct,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{before:,} objects before the join, {after:,} after it, {distinct:,} of them distinct",
    )
