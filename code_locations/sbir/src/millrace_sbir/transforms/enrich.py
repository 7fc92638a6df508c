"""Enrichment of awards: the firm, what SAM.gov knows of it, clean text and keywords.

What belongs here: the columns of an enriched award. What does not: who a firm is (`identity`), which entity it is
(`match_firms`), how text is cleaned (`text`).
"""

import polars as pl

from millrace.processing import CONTENT_HASH, content_hash
from millrace_sbir.transforms.identity import APPEARANCE
from millrace_sbir.transforms.text import with_cleaned_abstract
from millrace_sbir.transforms.text_keywords import with_keywords

SUCCESS, PARTIAL = "success", "partial"
SAM_GOV_DATA = pl.Struct(
    {"uei": pl.String, "legal_name": pl.String, "cage": pl.String, "naics": pl.String, "registration_status": pl.String}
)
_OF_FIRM = ("match_method", "match_score", "match_status")


def matched_companies(firms: pl.DataFrame, matches: pl.DataFrame, entities: pl.LazyFrame) -> pl.DataFrame:
    """Firms with their entity of SAM.gov.

    Args:
        firms: `identity.firms`, with `input_hash`.
        matches: `match_firms` of these.
        entities: Rows of `contracts.ValidatedEntity`.

    Returns:
        The columns of both, and `sam_gov_data`: null unless a match was accepted.
    """
    known = entities.select("uei", "legal_name", "cage", "naics", "registration_status")
    wanted = matches.filter(pl.col("match_status") == "accepted").select(uei="sam_uei").unique()
    data = (
        known.join(wanted.lazy(), on="uei", how="semi")
        .select(sam_uei="uei", sam_gov_data=pl.struct("uei", "legal_name", "cage", "naics", "registration_status"))
        .collect(engine="streaming")
    )
    joined = firms.join(matches, on="company_id", how="left").join(data, on="sam_uei", how="left")
    accepted = pl.col("match_status") == "accepted"
    return joined.with_columns(pl.when(accepted).then("sam_gov_data").cast(SAM_GOV_DATA)).sort("company_id")


def with_firms(awards: pl.DataFrame, identified: pl.DataFrame, companies: pl.DataFrame, version: str) -> pl.DataFrame:
    """Awards with their firm and its entity, and the hash of all that their enriched row depends on.

    Args:
        awards: Rows of `contracts.ValidatedAward` with `content_hash`.
        identified: `identity.identities`.
        companies: `matched_companies`.
        version: Of the rules by which texts are enriched.
    """
    firm = identified.select(*APPEARANCE, "company_id", company_evidence="evidence")
    entity = companies.select("company_id", *_OF_FIRM, "sam_gov_data")
    joined = awards.join(firm, on=APPEARANCE, how="left", nulls_equal=True, maintain_order="left").join(
        entity, on="company_id", how="left", maintain_order="left"
    )
    of = [CONTENT_HASH, "company_id", "company_evidence", *_OF_FIRM, "sam_gov_data", "version"]
    return joined.with_columns(version=pl.lit(version)).with_columns(input_hash=content_hash(of)).drop("version")


def enriched(awards: pl.DataFrame) -> pl.DataFrame:
    """Awards of `with_firms` with `cleaned_abstract`, `keywords` and `enrichment_status`; the raw abstract is left.

    `success` says that SAM.gov's entity was found and that there is an abstract; anything less is `partial`.
    """
    texts = with_keywords(with_cleaned_abstract(awards.lazy()).collect())
    whole = pl.col("sam_gov_data").is_not_null() & pl.col("cleaned_abstract").is_not_null()
    status = pl.when(whole).then(pl.lit(SUCCESS)).otherwise(pl.lit(PARTIAL))
    named = texts.with_columns(enrichment_status=status).rename({"award_amount": "award_amount_usd"})
    return named.drop("abstract", "source_file", "line", CONTENT_HASH)
