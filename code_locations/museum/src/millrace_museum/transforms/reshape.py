"""Reshape: one JSON document per object, as readers get it."""

import polars as pl


def reshaped(frame: pl.LazyFrame, museum: str, attribution: str) -> pl.LazyFrame:
    """Make the documents.

    Args:
        frame: Joined objects.
        museum: Short name, in every document.
        attribution: Whom to credit, in every document.

    Returns:
        `object_id`, `title`, `document` (JSON text), sorted by `object_id`, so that the same objects in
        another order give the same output.
    """
    document = pl.struct(
        pl.col("object_id").alias("id"),
        pl.lit(museum).alias("museum"),
        "title",
        "other_title",
        "group_title",
        "artist_credit",
        _list("artists"),
        "classification",
        "medium",
        pl.struct(pl.col("date_text").alias("text"), "start_year", "end_year").alias("dates"),
        pl.struct(pl.col("dimensions_text").alias("text"), "height_mm", "width_mm", "depth_mm").alias("dimensions"),
        pl.struct(pl.col("acquisition_year").alias("year"), "credit_line").alias("acquisition"),
        "inscription",
        _list("movements"),
        _list("subjects"),
        pl.struct(pl.col("page_url").alias("page"), pl.col("image_url").alias("image"), "image_copyright").alias(
            "links"
        ),
        pl.lit(attribution).alias("attribution"),
    )
    return frame.select("object_id", "title", document.struct.json_encode().alias("document")).sort("object_id")


def objects_by_century(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Objects by the century of their making: `century` (its first year), `objects`, by century."""
    return (
        frame.filter(pl.col("start_year").is_not_null())
        .group_by((pl.col("start_year") // 100 * 100).alias("century"))
        .agg(pl.len().alias("objects"))
        .sort("century")
    )


def _list(name: str) -> pl.Expr:
    """A list field, empty rather than null: readers iterate without asking first."""
    return pl.col(name).fill_null([])
