"""Firms: what their awards add up to, in all and year by year.

What belongs here: one row per firm, and one per firm and year. What does not: who a firm is (`company_id` is given),
its areas and its chains, which come as frames and are joined. The years are a table of their own, not a list in the
firm's row: a graph keeps plain properties, and a chart reads rows.
"""

import polars as pl

from millrace_sbir.transforms.companies_amounts import total_usd


def company_totals(
    awards: pl.LazyFrame, transitions: pl.LazyFrame, summaries: pl.LazyFrame, patents: pl.LazyFrame
) -> pl.LazyFrame:
    """One row per firm with an award.

    Args:
        awards: `award_id`, `company_id`, `company_name`, `agency`, `phase`, `award_date`, `award_year`,
            `award_amount_usd`.
        transitions: What `phases.transitions` gives.
        summaries: What `profiles.profile_summaries` gives.
        patents: `company_id`, `patent_id`; a patent counts once per firm, however often it stands there.

    Returns:
        `company_id`, `company_name` (of the latest award), `awards`, `amount_usd`, `first_award_date`,
        `last_award_date`, `first_year`, `last_year`, `agencies`, `phases` (both sorted), `phase_one_awards`,
        `phase_two_awards`, `phase_three_awards`, `followed_awards`, `transition_rate`, `median_months`, `patents`,
        `classified_awards`, `dominant_area_id`, `dominant_share`, `concentration`. Sorted by firm. Counts are 0 where
        there is nothing; rates, areas and months are null. Awards without a firm are left out.
    """
    owned = (
        patents.filter(pl.col("company_id").is_not_null())
        .group_by("company_id")
        .agg(pl.col("patent_id").n_unique().alias("patents"))
    )
    followed = transitions.select("company_id", "followed_awards", "transition_rate", "median_months")
    areas = summaries.select("company_id", "classified_awards", "dominant_area_id", "dominant_share", "concentration")
    joined = _totals(awards)
    for frame in (followed, owned, areas):
        joined = joined.join(frame, on="company_id", how="left")
    return (
        joined.with_columns(pl.col("followed_awards", "patents", "classified_awards").fill_null(0))
        .select(
            "company_id",
            "company_name",
            "awards",
            "amount_usd",
            "first_award_date",
            "last_award_date",
            "first_year",
            "last_year",
            "agencies",
            "phases",
            "phase_one_awards",
            "phase_two_awards",
            "phase_three_awards",
            "followed_awards",
            "transition_rate",
            "median_months",
            "patents",
            "classified_awards",
            "dominant_area_id",
            "dominant_share",
            "concentration",
        )
        .sort("company_id")
    )


def company_years(awards: pl.LazyFrame) -> pl.LazyFrame:
    """One row per firm and year of award.

    Args:
        awards: `company_id`, `award_year`, `phase`, `award_amount_usd`.

    Returns:
        `company_id`, `award_year`, `awards`, `amount_usd`, `phase_one_awards`, `phase_two_awards`, sorted by the first
        two. Awards without a firm are left out; those without a year stand under a null year, so that the sums stay
        whole.
    """
    return (
        awards.filter(pl.col("company_id").is_not_null())
        .group_by("company_id", "award_year")
        .agg(
            pl.len().alias("awards"),
            total_usd(pl.col("award_amount_usd")).alias("amount_usd"),
            _of_phase("I").alias("phase_one_awards"),
            _of_phase("II").alias("phase_two_awards"),
        )
        .sort("company_id", "award_year", nulls_last=True)
    )


def _totals(awards: pl.LazyFrame) -> pl.LazyFrame:
    latest = ["award_date", "award_year", "award_id"]
    return (
        awards.filter(pl.col("company_id").is_not_null())
        .group_by("company_id")
        .agg(
            pl.col("company_name").sort_by(latest).drop_nulls().last(),
            pl.len().alias("awards"),
            total_usd(pl.col("award_amount_usd")).alias("amount_usd"),
            pl.col("award_date").min().alias("first_award_date"),
            pl.col("award_date").max().alias("last_award_date"),
            pl.col("award_year").min().alias("first_year"),
            pl.col("award_year").max().alias("last_year"),
            pl.col("agency").drop_nulls().unique().sort().alias("agencies"),
            pl.col("phase").drop_nulls().unique().sort().alias("phases"),
            _of_phase("I").alias("phase_one_awards"),
            _of_phase("II").alias("phase_two_awards"),
            _of_phase("III").alias("phase_three_awards"),
        )
    )


def _of_phase(phase: str) -> pl.Expr:
    return (pl.col("phase") == phase).fill_null(value=False).sum()
