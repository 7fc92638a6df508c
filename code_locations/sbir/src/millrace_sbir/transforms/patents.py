"""Patents and the firms that own them, and the awards that their statements of government interest name.

What belongs here: assignees as names, and numbers in statements. What does not: how names are compared (`match_names`,
`match_decide`); the firms are the reference here.

A statement names a contract in running text, with hyphens, blanks or neither. So its words are joined in windows, and a
window counts only if it is a number of an award on record that is long enough to be nobody else's.
"""

import polars as pl

from millrace_sbir.transforms.match_decide import MatchConfig, decided_by_name
from millrace_sbir.transforms.normalise_codes import award_number

_NSF, _NSF_NUMBER = "NSF", r"^\d{7}$"
_WORDS_OF_A_NUMBER = 5  # "W31P4Q 20 C 0046", and one for a blank too many


def match_assignees(patents: pl.LazyFrame, firms: pl.DataFrame, config: MatchConfig) -> pl.DataFrame:
    """The firm of each assignee.

    Args:
        patents: Rows of `contracts.ValidatedPatent`.
        firms: `identity.firms`.
        config: When a likeness is enough.

    Returns:
        One row per assignee and state that is like a firm: `assignee_key`, `assignee_state`, `company_id`,
        `match_method` (as in `match_decide`), `match_score` (0-100), `runner_up_score`, `match_status` (`accepted`,
        `review`); by the first two.
    """
    seen = patents.select("assignee_key", "assignee_state").drop_nulls("assignee_key").unique()
    assignees = seen.collect(engine="streaming").sort("assignee_key", "assignee_state")
    left = assignees.with_columns(
        left_id=pl.concat_str("assignee_key", pl.col("assignee_state").fill_null(""), separator="|")
    )
    right = firms.select(right_id="company_id", key="name_keys", state="states")
    right = right.explode("key", keep_nulls=True, empty_as_null=True).explode(
        "state", keep_nulls=True, empty_as_null=True
    )
    decided = decided_by_name(left.select("left_id", key="assignee_key", state="assignee_state"), right, config)
    matched = left.join(decided, on="left_id", how="inner").sort("assignee_key", "assignee_state")
    return matched.select(
        "assignee_key",
        "assignee_state",
        company_id="right_id",
        match_method="method",
        match_score="score",
        runner_up_score="runner_up_score",
        match_status="status",
    )


def with_firm(patents: pl.LazyFrame, matched: pl.DataFrame) -> pl.LazyFrame:
    """Patents with the columns of `match_assignees`; `match_status` is `none` where no firm is like the assignee."""
    at = ["assignee_key", "assignee_state"]
    joined = patents.join(matched.lazy(), on=at, how="left", nulls_equal=True)
    return joined.with_columns(pl.col("match_status").fill_null("none"))


def cited_awards(patents: pl.LazyFrame, awards: pl.LazyFrame) -> pl.LazyFrame:
    """Which awards the statements of patents name, by contract or grant number.

    The seven digits of an NSF award count only where the statement names NSF: they are dates and patent numbers too.

    Args:
        patents: `patent_id`, `government_interest`.
        awards: `award_id`, `agency`, `contract_key`.

    Returns:
        `patent_id`, `award_id`, `number` (as normalised), each pair once, in no order. A number of several awards, as
        of a phase I and its phase II under one contract, names all of them.
    """
    key, is_nsf = pl.col("contract_key"), pl.col("agency") == "NSF"
    of_nsf = pl.when(is_nsf & key.str.contains(_NSF_NUMBER)).then(pl.lit(_NSF) + key)
    known = awards.select("award_id", number=pl.coalesce(award_number(key), of_nsf)).drop_nulls()
    text = pl.col("government_interest").str.to_uppercase()
    stated = (
        patents.select("patent_id", "government_interest")
        .drop_nulls()
        .unique()
        .select(
            "patent_id",
            words=text.str.extract_all(r"[A-Z0-9]+"),
            names_nsf=text.str.contains(r"NATIONAL SCIENCE FOUNDATION|\bNSF\b"),
        )
    )
    numbers = [_windows(stated, size) for size in range(1, _WORDS_OF_A_NUMBER + 1)]
    return pl.concat(part.join(known, on="number", how="inner") for part in numbers).unique(["patent_id", "award_id"])


def _windows(stated: pl.LazyFrame, size: int) -> pl.LazyFrame:
    """`patent_id`, `number`: what `size` neighbouring words are together, where that can be a number."""
    together = pl.concat_str(*(pl.element().shift(-step) for step in range(size)), ignore_nulls=False)
    each = stated.select("patent_id", "names_nsf", text=pl.col("words").list.eval(together))
    rows = each.explode("text", keep_nulls=False, empty_as_null=False)
    of_nsf = pl.when(pl.col("names_nsf") & pl.col("text").str.contains(_NSF_NUMBER)).then(pl.lit(_NSF) + pl.col("text"))
    return rows.select("patent_id", number=pl.coalesce(award_number(pl.col("text")), of_nsf)).drop_nulls()
