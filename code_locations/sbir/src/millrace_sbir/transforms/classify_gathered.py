"""One row per award with the list of its areas, and back; a row says that its award was classified, with any or none.

What belongs here: the two shapes. What does not: classifying (`classify`).
"""

import polars as pl

from millrace.processing import content_hash
from millrace_sbir.transforms.classify import ABSTRACT, CLASSIFIED, TITLE, Classifier

_OF_AREA = ("area_id", "rank", "is_primary", "score", "band", "evidence")
AREAS = pl.List(pl.Struct({name: CLASSIFIED[name] for name in _OF_AREA}))


def with_input_hash(awards: pl.DataFrame, version: str) -> pl.DataFrame:
    """Awards with the hash of what their areas depend on: title, abstract, and the version of classifier and rules."""
    of = ["award_year", TITLE, ABSTRACT, "version"]
    return awards.with_columns(version=pl.lit(version)).with_columns(input_hash=content_hash(of)).drop("version")


def gathered(awards: pl.DataFrame, classifier: Classifier) -> pl.DataFrame:
    """Classify a chunk of awards.

    Args:
        awards: What a classifier takes, with `award_year` and `input_hash`.
        classifier: Does it.

    Returns:
        `award_id`, `award_year`, `areas` (by rank; empty where there is none), `method`, `version`, `input_hash`,
        in the order of the awards.
    """
    found = classifier.classify(awards)
    lists = found.group_by("award_id").agg(areas=pl.struct(_OF_AREA).sort_by("rank"))
    empty = pl.lit([], dtype=AREAS)
    return awards.join(lists, on="award_id", how="left", maintain_order="left").select(
        "award_id",
        "award_year",
        pl.col("areas").cast(AREAS).fill_null(empty),
        method=pl.lit(classifier.method),
        version=pl.lit(classifier.version),
        input_hash=pl.col("input_hash"),
    )


def areas_of(classified: pl.LazyFrame) -> pl.LazyFrame:
    """One row per award and area: `award_id`, `area_id`, `rank`, `is_primary`, `score`, `band`, `evidence`."""
    return classified.select("award_id", "areas").explode("areas").filter(pl.col("areas").is_not_null()).unnest("areas")
