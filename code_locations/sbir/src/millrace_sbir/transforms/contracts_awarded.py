"""Contracts: what awards are paid under.

What belongs here: what has no source of its own and is named by awards. What does not: promises about columns
(`millrace_sbir.contracts`). A contract is its number at its agency; numbers are compared without case, blanks and
dashes, because `W31P4Q-20-C-0046` and `W31P4Q20C0046` are both in use.
"""

import polars as pl

from millrace_sbir.transforms.companies_amounts import total_usd

_NO_NUMBER = ("", "NA", "NONE", "TBD", "PENDING", "UNKNOWN")


def contract_number(contract: pl.Expr) -> pl.Expr:
    """The number as it is compared: capital letters and digits; null if it says nothing."""
    bare = contract.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "")
    return pl.when(~bare.is_in(_NO_NUMBER) & ~bare.str.contains(r"^0+$")).then(bare)


def with_contract_id(awards: pl.LazyFrame) -> pl.LazyFrame:
    """Add `contract_id` (`agency/number`) to rows with `agency`, `contract`; null without a number."""
    number = contract_number(pl.col("contract"))
    return awards.with_columns(
        pl.concat_str(pl.col("agency").fill_null("unknown"), number, separator="/").alias("contract_id")
    )


def contracts(awards: pl.LazyFrame) -> pl.LazyFrame:
    """One row per contract.

    Args:
        awards: `award_id`, `company_id`, `agency`, `branch`, `program`, `contract`, `award_year`, `award_date`,
            `contract_end_date`, `award_amount_usd`.

    Returns:
        `contract_id`, `contract` (as spelled; the first in the alphabet), `agency`, `branch`, `program` (both null if
        its awards differ), `awards`, `company_id` (null if it has several), `amount_usd`, `first_award_year`,
        `last_award_year`, `start_date`, `end_date`, sorted by the first. Awards without a contract number are left out.
    """
    return (
        with_contract_id(awards)
        .filter(pl.col("contract_id").is_not_null())
        .group_by("contract_id")
        .agg(
            pl.col("contract").str.strip_chars().min(),
            pl.col("agency").min(),
            _only("branch"),
            _only("program"),
            pl.len().alias("awards"),
            _only("company_id"),
            total_usd(pl.col("award_amount_usd")).alias("amount_usd"),
            pl.col("award_year").min().cast(pl.Int64).alias("first_award_year"),
            pl.col("award_year").max().cast(pl.Int64).alias("last_award_year"),
            pl.col("award_date").min().alias("start_date"),
            pl.col("contract_end_date").max().alias("end_date"),
        )
        .sort("contract_id")
    )


def _only(name: str) -> pl.Expr:
    """The value that all rows of a group agree on, else null; rows without one do not object."""
    # Two values per group are kept, where a set of them would keep all.
    return pl.when(pl.col(name).min() == pl.col(name).max()).then(pl.col(name).min()).alias(name)
