"""What the graph is made of: a frame for each part of the model, from the tables.

What belongs here: names and dtypes of the model put on columns of tables. What does not: sums (`transforms`) and
loading (`defs/load.py`).
"""

from collections.abc import Mapping

import polars as pl

from millrace.graph import FROM_KEY, TO_KEY
from millrace_sbir.taxonomy import Taxonomy
from millrace_sbir.transforms.classify_gathered import areas_of


def companies(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Nodes `Company`."""
    return transformed.select(
        "company_id",
        name="company_name",
        uei=pl.coalesce("uei", "sam_uei"),
        duns="duns",
        cage="cage",
        city="city",
        state="state",
        match_method="match_method",
        award_count=_whole("awards"),
        award_total_usd="amount_usd",
        first_award_year=_whole("first_year"),
        last_award_year=_whole("last_year"),
        transition_rate="transition_rate",
        patent_count=_whole("patents"),
        dominant_area_id="dominant_area_id",
    )


def awards(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Nodes `Award`."""
    return transformed.select(
        "award_id",
        "phase",
        "program",
        "award_date",
        "topic_code",
        "keywords",
        title="award_title",
        award_year=_whole("award_year"),
        amount_usd="award_amount_usd",
    )


def contracts(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Nodes `Contract`."""
    return transformed.select(
        "contract_id",
        "first_award_year",
        "last_award_year",
        number="contract",
        award_count=_whole("awards"),
        total_usd="amount_usd",
    )


def people(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Nodes `Person`: by the first of their spellings in the alphabet."""
    named = transformed.filter(pl.col("person_id").is_not_null())
    return named.group_by("person_id").agg(name=pl.col("pi_name").min())


def agencies(transformed: pl.LazyFrame, names: Mapping[str, str]) -> pl.LazyFrame:
    """Nodes `Agency`; `names` by code."""
    codes = transformed.filter(pl.col("agency").is_not_null()).select(agency_id="agency").unique()
    return codes.with_columns(name=pl.col("agency_id").replace(dict(names)))


def areas(taxonomy: Taxonomy) -> pl.LazyFrame:
    """Nodes `CetArea`."""
    rows = [(area.id, area.name, " ".join(area.definition.split())) for area in taxonomy.areas]
    return pl.LazyFrame(rows, schema=["area_id", "name", "definition"], orient="row")


def received(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `RECEIVED`."""
    return _between(transformed, "company_id", "award_id")


def under_contract(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `UNDER_CONTRACT`."""
    return _between(transformed, "award_id", "contract_id")


def funded_by(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `FUNDED_BY`."""
    return _between(transformed, "award_id", "agency", branch="branch")


def leads(transformed: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `LEADS`."""
    return _between(transformed, "person_id", "award_id")


def follows(chains: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `FOLLOWS`."""
    return _between(
        chains,
        "award_id",
        "follows_award_id",
        method="method",
        score=pl.col("score") * 100,
        months_between=pl.col("months_between").floor().cast(pl.Int64),
    )


def applicable_to(classified: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `APPLICABLE_TO`."""
    return _between(
        areas_of(classified),
        "award_id",
        "area_id",
        score="score",
        band="band",
        is_primary="is_primary",
        evidence=pl.col("evidence").list.eval(pl.element().struct.field("term").unique(maintain_order=True)),
    )


def owns(enriched_patents: pl.LazyFrame, companies_: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `OWNS`: one per firm and patent, by the likest of its assignees."""
    owned = enriched_patents.filter(pl.col("company_id").is_not_null()).join(
        companies_.select("company_id"), on="company_id", how="semi"
    )
    order = ["company_id", "patent_id", "match_score", "patent_assignee_id"]
    best = owned.sort(order, descending=[False, False, True, False]).unique(["company_id", "patent_id"], keep="first")
    return _between(best, "company_id", "patent_id", method="match_method", score="match_score")


def cites_award(enriched_patents: pl.LazyFrame) -> pl.LazyFrame:
    """Relationships `CITES_AWARD`."""
    cited = enriched_patents.select("patent_id", award_id="cited_award_ids").explode("award_id").unique()
    return _between(cited, "patent_id", "award_id")


def _between(frame: pl.LazyFrame, start: str, end: str, **properties: str | pl.Expr) -> pl.LazyFrame:
    known = frame.filter(pl.col(start).is_not_null() & pl.col(end).is_not_null())
    made = {name: pl.col(value) if isinstance(value, str) else value for name, value in properties.items()}
    return known.select(pl.col(start).alias(FROM_KEY), pl.col(end).alias(TO_KEY), **made)


def _whole(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int64)
