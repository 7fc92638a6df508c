"""Firms with awards and the entities of SAM.gov: identifiers first, names where there are none.

What belongs here: which identifiers count, and what of either side is a name. What does not: how names are compared
(`match_names`) and when a likeness is enough (`match_decide`).

DUNS numbers left the registry in 2022 and were given to others' branches before: one that two entities have counts for
neither. A name that leads to another UEI than the firm's own is for people to look at, however alike.
"""

import polars as pl

from millrace_sbir.transforms.match_decide import MatchConfig, decided_by_name
from millrace_sbir.transforms.normalise_names import firm_key, trade_key

_BY_IDENTIFIER = ("uei", "duns", "cage")


def match_firms(firms: pl.DataFrame, entities: pl.LazyFrame, config: MatchConfig) -> pl.DataFrame:
    """The entity of each firm.

    Args:
        firms: `identity.firms`: `company_id`, `name_keys`, `states`, `uei`, `duns`, and `cage` if it is known.
        entities: Rows of `contracts.ValidatedEntity`.
        config: When a likeness is enough.

    Returns:
        One row per firm, by `company_id`: `company_id`, `sam_uei` (null without a match), `match_method` (`uei`,
        `duns`, `cage`, or as in `match_decide`), `match_score` (0-100), `runner_up_score`, `match_status`
        (`accepted`, `review`, `none`).
    """
    known = entities.select("uei", "duns", "cage", "legal_name", "dba_name", "state").collect(engine="streaming")
    found = _by_identifier(firms, known)
    rest = firms.join(found, on="company_id", how="anti")
    named = decided_by_name(_names_of_firms(rest), names_of_entities(known), config)
    named = named.rename({"left_id": "company_id", "right_id": "sam_uei", "method": "match_method"}).rename(
        {"score": "match_score", "status": "match_status"}
    )
    own = firms.select("company_id", own=pl.col("uei"))
    contradicted = pl.col("own").is_not_null() & (pl.col("own") != pl.col("sam_uei"))
    matched = (
        pl.concat([found, named.select(found.columns)])
        .join(own, on="company_id", how="left")
        .with_columns(match_status=pl.when(contradicted).then(pl.lit("review")).otherwise("match_status"))
        .drop("own")
    )
    every = firms.select("company_id").join(matched, on="company_id", how="left")
    return every.with_columns(pl.col("match_status").fill_null("none")).sort("company_id")


def names_of_entities(entities: pl.DataFrame) -> pl.DataFrame:
    """`right_id` (UEI), `key`, `state`: legal names, trade names, and what stands behind d/b/a in a legal name."""
    names = pl.concat([entities["legal_name"], entities["dba_name"]]).drop_nulls().unique().alias("name").to_frame()
    keys = names.with_columns(firm=firm_key(pl.col("name")), trade=trade_key(pl.col("name")))
    of = [
        entities.select(right_id="uei", state="state", name=column)
        .join(keys, on="name")
        .select("right_id", pl.col(key).alias("key"), "state")
        for column, key in (("legal_name", "firm"), ("legal_name", "trade"), ("dba_name", "firm"))
    ]
    return pl.concat(of).drop_nulls("key").unique()


def _names_of_firms(firms: pl.DataFrame) -> pl.DataFrame:
    names = firms.select(left_id="company_id", key="name_keys", state="states")
    return names.explode("key", keep_nulls=True, empty_as_null=True).explode(
        "state", keep_nulls=True, empty_as_null=True
    )


def _by_identifier(firms: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """Firms that share an identifier with one entity, by the first of `_BY_IDENTIFIER` that they do."""
    found: list[pl.DataFrame] = []
    for name in _BY_IDENTIFIER:
        if name not in firms.columns:
            continue
        of_entity = entities.select(pl.col(name), sam_uei=pl.col("uei")).drop_nulls()
        of_entity = of_entity.filter(pl.col(name).is_unique())
        rows = firms.select("company_id", name).join(of_entity, on=name, how="inner")
        for earlier in found:
            rows = rows.join(earlier, on="company_id", how="anti")
        found.append(
            rows.select(
                "company_id",
                "sam_uei",
                match_method=pl.lit(name),
                match_score=pl.lit(100.0),
                runner_up_score=pl.lit(None, dtype=pl.Float64),
                match_status=pl.lit("accepted"),
            )
        )
    return pl.concat(found)
