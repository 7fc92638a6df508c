"""Which firm an award belongs to: a pure function over the distinct firms that all awards name.

| what an appearance has | whose it is | evidence |
| --- | --- | --- |
| a UEI | that UEI's | `uei` |
| a DUNS that rows show with one UEI | that UEI's | `duns_with_uei` |
| a DUNS | that DUNS's | `duns` |
| a name and state that one identified firm has | that firm's | `name_and_state` |
| the same with a city, where several have them | that firm's | `name_state_city` |
| a name and no state, where all who have the name are one firm | that firm's | `name_without_state` |
| any other name | its own | `name` |

UEI took the place of DUNS in April 2022, so one firm may have old rows with a DUNS, new ones with a UEI, and none with
both: where a name in a state belongs to one UEI and one DUNS and no other, they are one firm (`name_and_state`).
Nothing is unified by likeness: two firms in one are worse than one firm in two, which a later identifier mends. A firm
that moves or is renamed stays itself by its identifier.

What belongs here: identity among awards. What does not: SAM.gov's view of a firm (`match_firms`). It is computed over
all distinct firms each time (a hundred thousand rows in a second), so an incremental run gives what a full one gives.
"""

import polars as pl

from millrace_sbir.transforms.normalise_names import firm_key

APPEARANCE = ("company_name", "uei", "duns", "state", "city")


def appearances(awards: pl.LazyFrame, companies: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Distinct firms as awards name them, and as the company file does, whose rows often have both identifiers.

    Returns:
        `APPEARANCE`, `name_key`, `city_key`, `awards` (0 for one that only the company file has), `last_year`.
    """
    seen = awards.group_by(APPEARANCE).agg(awards=pl.len().cast(pl.Int64), last_year=pl.col("award_year").max())
    if companies is not None:
        listed = companies.select(*APPEARANCE, awards=pl.lit(0, dtype=pl.Int64), last_year=pl.lit(None, dtype=pl.Int32))
        seen = pl.concat([seen, listed]).group_by(APPEARANCE).agg(pl.col("awards").sum(), pl.col("last_year").max())
    keys = seen.select("company_name").unique().with_columns(name_key=firm_key(pl.col("company_name")))
    keyed = seen.join(keys, on="company_name", how="left")
    return keyed.with_columns(city_key=pl.col("city").str.to_uppercase().str.replace_all(r"[^\p{L}]", ""))


def identities(seen: pl.DataFrame) -> pl.DataFrame:
    """The firm of each appearance.

    Args:
        seen: `appearances`, in any order.

    Returns:
        The columns of `seen` with `company_id` and `evidence`, ordered by `APPEARANCE`.
    """
    by_duns = _only(seen.filter(pl.col("uei").is_not_null()), ["duns"], "uei").rename({"uei": "uei_of_duns"})
    known = seen.join(by_duns, on="duns", how="left").with_columns(
        own=pl.coalesce(
            pl.lit("UEI-") + pl.coalesce("uei", "uei_of_duns"),
            pl.lit("DUNS-") + pl.col("duns"),
        ),
        evidence=pl.when(pl.col("uei").is_not_null())
        .then(pl.lit("uei"))
        .when(pl.col("uei_of_duns").is_not_null())
        .then(pl.lit("duns_with_uei"))
        .when(pl.col("duns").is_not_null())
        .then(pl.lit("duns")),
    )
    joined = known.join(_successors(known), left_on="own", right_on="duns_id", how="left")
    known = joined.with_columns(
        own=pl.coalesce("uei_id", "own"),
        evidence=pl.when(pl.col("uei_id").is_not_null()).then(pl.lit("name_and_state")).otherwise("evidence"),
    )
    return _with_nameless(known).select(*seen.columns, "company_id", "evidence").sort(APPEARANCE)


def _only(frame: pl.DataFrame, by: list[str], column: str) -> pl.DataFrame:
    """`by` and `column` where rows with the same `by` have one value of `column` only."""
    usable = frame.filter(pl.all_horizontal(pl.col(*by, column).is_not_null())).select(*by, column).unique()
    return usable.filter(~pl.struct(by).is_duplicated())


def _successors(known: pl.DataFrame) -> pl.DataFrame:
    """`duns_id`, `uei_id`: a DUNS without UEI, and the UEI that follows it, by name and state alone on both sides."""
    at = ["name_key", "state"]
    identified = known.select(*at, "own").drop_nulls().unique()
    pair = identified.group_by(at).agg(pl.col("own").sort())
    # DUNS-… sorts before UEI-….
    first, last = pl.col("own").list.first(), pl.col("own").list.last()
    one_of_each = (pl.col("own").list.len() == 2) & first.str.starts_with("DUNS-") & last.str.starts_with("UEI-")
    pairs = pair.filter(one_of_each).select(duns_id=first, uei_id=last).unique()
    return pairs.filter(pl.col("duns_id").is_unique() & pl.col("uei_id").is_unique())


def _with_nameless(known: pl.DataFrame) -> pl.DataFrame:
    """Give appearances without identifier the one firm of their name, state and city, or of name and state."""
    at_state, at_city = ["name_key", "state"], ["name_key", "state", "city_key"]
    by_state = _only(known, at_state, "own").rename({"own": "of_state"})
    by_city = _only(known, at_city, "own").rename({"own": "of_city"})
    by_name = _only(known, ["name_key"], "own").rename({"own": "of_name"})
    named = known.join(by_state, on=at_state, how="left").join(by_city, on=at_city, how="left")
    named = named.join(by_name, on="name_key", how="left").with_columns(
        of_name=pl.when(pl.col("state").is_null()).then("of_name")
    )
    itself = pl.concat_str(
        pl.lit("NAME"), pl.col("name_key").fill_null("-").str.replace_all(" ", "-"), pl.col("state").fill_null("-"),
        separator="-",
    )  # fmt: skip
    return named.with_columns(
        company_id=pl.coalesce("own", "of_state", "of_city", "of_name", itself),
        evidence=pl.coalesce(
            "evidence",
            pl.when(pl.col("of_state").is_not_null()).then(pl.lit("name_and_state")),
            pl.when(pl.col("of_city").is_not_null()).then(pl.lit("name_state_city")),
            pl.when(pl.col("of_name").is_not_null()).then(pl.lit("name_without_state")),
            pl.lit("name"),
        ),
    )


def firms(identified: pl.DataFrame) -> pl.DataFrame:
    """One row per firm.

    Args:
        identified: `identities`.

    Returns:
        `company_id`, `company_name` and `name_key` (those of the most awards), `name_keys` (all), `uei`, `duns`,
        `state` and `city` (the latest), `states` (all), `awards`, `last_year`, `evidence` (all); by `company_id`.
    """
    newest = ["last_year", "awards", "company_name", "city", "state"]
    ordered = identified.sort(newest, descending=True, nulls_last=True, maintain_order=False)
    by_awards = ["awards", "company_name"]
    name = pl.col("company_name").sort_by(by_awards, descending=[True, False]).first()
    identifier = pl.col("company_id").first()
    rows = ordered.group_by("company_id", maintain_order=True).agg(
        company_name=name,
        name_key=pl.col("name_key").sort_by(by_awards, descending=[True, False]).first(),
        name_keys=pl.col("name_key").drop_nulls().unique().sort(),
        uei=pl.when(identifier.str.starts_with("UEI-")).then(identifier.str.strip_prefix("UEI-")),
        duns=pl.col("duns").drop_nulls().first(),
        state=pl.col("state").drop_nulls().first(),
        city=pl.col("city").drop_nulls().first(),
        states=pl.col("state").drop_nulls().unique().sort(),
        awards=pl.col("awards").sum(),
        last_year=pl.col("last_year").max(),
        evidence=pl.col("evidence").unique().sort(),
    )
    return rows.sort("company_id")


def with_company(awards: pl.LazyFrame, identified: pl.DataFrame) -> pl.LazyFrame:
    """Awards with `company_id` and `company_evidence`."""
    side = identified.lazy().select(*APPEARANCE, "company_id", company_evidence=pl.col("evidence"))
    return awards.join(side, on=APPEARANCE, how="left", nulls_equal=True)
