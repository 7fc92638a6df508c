"""Classify: what every classifier answers, and how points become areas, scores and bands.

What belongs here: the port `Classifier`, its columns, and the ranking that all of them share. What does not: where the
points come from (`classify_terms`, `classify_model`).

A classifier sees one chunk at a time and each row by itself: an award gets the same rows whatever it is classified
with, which is what makes an incremental run the same as a full one.
"""

from typing import Protocol

import polars as pl

from millrace_sbir.taxonomy import Bands

TITLE = "award_title"
ABSTRACT = "cleaned_abstract"
HIGH, MEDIUM, LOW = "high", "medium", "low"

# `start` and `end` count characters of the column `field`, so that text[start:end] is what was matched.
EVIDENCE = pl.Struct(
    {"field": pl.String, "start": pl.UInt32, "end": pl.UInt32, "term": pl.String, "weight": pl.Float64}
)
CLASSIFIED = pl.Schema(
    {
        "award_id": pl.String,
        "area_id": pl.String,
        "rank": pl.UInt8,  # 1 is the primary area, the others support it
        "is_primary": pl.Boolean,
        "score": pl.Float64,  # 0-100, one decimal
        "band": pl.String,
        "evidence": pl.List(EVIDENCE),
        "method": pl.String,
        "version": pl.String,
    }
)


class Classifier(Protocol):
    """Scores awards against the areas of a taxonomy."""

    @property
    def method(self) -> str:
        """Name of the method: `terms`, `model`."""
        ...

    @property
    def version(self) -> str:
        """Of all data that the answer depends on; it belongs into the input hash."""
        ...

    def classify(self, awards: pl.DataFrame) -> pl.DataFrame:
        """Areas of each award.

        Args:
            awards: `award_id`, `award_title`, `cleaned_abstract`; other columns are left alone. Null texts count as
                empty.

        Returns:
            `CLASSIFIED`: one row per award and area that reaches the lowest band, the awards in their order, their
            areas by rank; an award without an area has no row.
        """
        ...


def ranked(scored: pl.LazyFrame, bands: Bands, max_areas: int, min_share: float) -> pl.LazyFrame:
    """Choose the areas of each award.

    Args:
        scored: `row`, `area` (position in the taxonomy), `points` (what is ranked by), `score` (0-100).
        bands: Smallest score of each band.
        max_areas: Areas per award.
        min_share: Smallest share of the first area's points that a further one needs.

    Returns:
        The same columns with `rank` and `band`, by row and rank. Equal points go by the order of the taxonomy.
    """
    # Rows of one award stand together: looking for where the award changes takes a fifth of what `over` takes.
    is_first = pl.col("row") != pl.col("row").shift(1)
    of_first = {
        name: pl.when(is_first.fill_null(value=True)).then(name).forward_fill().alias(f"first_{name}")
        for name in ("place", "points")
    }
    return (
        scored.filter(pl.col("score") >= bands.low)
        .sort("row", "points", "area", descending=[False, True, False])
        .with_row_index("place")
        .with_columns(of_first.values())
        .with_columns(rank=(pl.col("place") - pl.col("first_place") + 1).cast(pl.UInt32))
        .filter(pl.col("rank") <= max_areas, pl.col("points") >= min_share * pl.col("first_points"))
        .with_columns(
            pl.col("rank").cast(pl.UInt8),
            band=pl.when(pl.col("score") >= bands.high)
            .then(pl.lit(HIGH))
            .when(pl.col("score") >= bands.medium)
            .then(pl.lit(MEDIUM))
            .otherwise(pl.lit(LOW)),
        )
        .drop("place", "first_place", "first_points")
    )


def answered(
    chosen: pl.LazyFrame,
    evidence: pl.LazyFrame,
    awards: pl.DataFrame,
    area_ids: tuple[str, ...],
    classifier: Classifier,
) -> pl.DataFrame:
    """Put an answer together.

    Args:
        chosen: What `ranked` gives.
        evidence: `row`, `area`, `evidence`.
        awards: What was asked; `row` is the position in it.
        area_ids: By `area`.
        classifier: Whose answer it is.

    Returns:
        `CLASSIFIED`.
    """
    ids = awards.lazy().select("award_id").with_row_index("row")
    areas = pl.LazyFrame({"area_id": area_ids}, schema={"area_id": pl.String}).with_row_index("area")
    return (
        chosen.join(evidence, on=["row", "area"], how="left")
        .join(ids, on="row", how="left")
        .join(areas, on="area", how="left")
        .sort("row", "rank")
        .select(
            "award_id",
            "area_id",
            "rank",
            (pl.col("rank") == 1).alias("is_primary"),
            "score",
            "band",
            pl.col("evidence").fill_null([]),
            pl.lit(classifier.method).alias("method"),
            pl.lit(classifier.version).alias("version"),
        )
        .collect()
        .cast(dict(CLASSIFIED))
    )
