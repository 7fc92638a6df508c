"""Profiles: which areas of technology a firm's awards are in, and how much of it is in one.

What belongs here: sums over classified awards. What does not: scores of single awards (`classify`). An award counts
for its primary area, once and with all of its money, so that a firm's awards add up to its classified awards; the
areas that support it are counted beside that.
"""

import polars as pl

from millrace_sbir.transforms.companies_amounts import total_usd


def profiles(classified: pl.LazyFrame, awards: pl.LazyFrame) -> pl.LazyFrame:
    """One row per firm and area.

    Args:
        classified: `award_id`, `area_id`, `is_primary`, `score`.
        awards: `award_id`, `company_id`, `award_year`, `award_amount_usd`.

    Returns:
        `company_id`, `area_id`, `awards` (with the area as primary), `supporting_awards`, `amount_usd` (of `awards`),
        `share` (0-1, of the firm's classified awards), `first_year`, `last_year`, `mean_score`; the last three over
        both kinds of awards. Sorted by firm and area. Awards without a firm are left out.
    """
    primary = pl.col("is_primary")
    rows = classified.select("award_id", "area_id", "is_primary", "score").join(_of_firms(awards), on="award_id")
    counted = rows.group_by("company_id", "area_id").agg(
        primary.sum().alias("awards"),
        (~primary).sum().alias("supporting_awards"),
        total_usd(pl.col("award_amount_usd").filter(primary)).alias("amount_usd"),
        pl.col("award_year").min().alias("first_year"),
        pl.col("award_year").max().alias("last_year"),
        # Scores have one decimal: as whole tenths their sum has no order.
        ((pl.col("score") * 10).round().cast(pl.Int64).sum() / pl.len() / 10).round(1).alias("mean_score"),
    )
    share = pl.col("awards") / pl.col("awards").sum().over("company_id")
    return counted.select(
        "company_id",
        "area_id",
        "awards",
        "supporting_awards",
        "amount_usd",
        share.round(4).alias("share"),
        "first_year",
        "last_year",
        "mean_score",
    ).sort("company_id", "area_id")


def profile_summaries(profiled: pl.LazyFrame) -> pl.LazyFrame:
    """One row per firm with a classified award.

    Args:
        profiled: What `profiles` gives.

    Returns:
        `company_id`, `classified_awards`, `areas` (with an award of their own), `dominant_area_id`, `dominant_share`,
        `concentration` (Herfindahl-Hirschman index of the awards' shares: 1 is one area, 1/n is n areas alike).
        Dominant is the area with the most awards, then the most money, then the first by name. Sorted by firm.
    """
    order = ["awards", "amount_usd", "area_id"]
    awards = pl.col("awards")
    return (
        profiled.filter(awards > 0)
        .group_by("company_id")
        .agg(
            awards.sum().alias("classified_awards"),
            pl.len().alias("areas"),
            pl.col("area_id").sort_by(order, descending=[True, True, False]).first().alias("dominant_area_id"),
            (awards.max() / awards.sum()).round(4).alias("dominant_share"),
            (awards.cast(pl.Int64).pow(2).sum() / awards.cast(pl.Int64).sum().pow(2)).round(4).alias("concentration"),
        )
        .sort("company_id")
    )


def _of_firms(awards: pl.LazyFrame) -> pl.LazyFrame:
    return awards.filter(pl.col("company_id").is_not_null()).select(
        "award_id", "company_id", "award_year", "award_amount_usd"
    )
