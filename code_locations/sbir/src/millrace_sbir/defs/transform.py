"""Transform: what awards add up to, by firm, contract and person, and which one carries on another's work.

Everything here is made anew each time: sums over all awards cost seconds, and what has changed of them is found when
they are loaded.
"""

import dagster as dg
import polars as pl

from millrace.lakehouse import table
from millrace.runs.stage import stage
from millrace_sbir.rules import Rules
from millrace_sbir.transforms.companies import company_totals, company_years
from millrace_sbir.transforms.companies_parts import part_by_part
from millrace_sbir.transforms.companies_people import with_person_id
from millrace_sbir.transforms.contracts_awarded import contracts, with_contract_id
from millrace_sbir.transforms.phases import follows, transitions
from millrace_sbir.transforms.profiles import profile_summaries

_GROUP = "transformation"
_KINDS = {"polars", "iceberg"}
# Of an award that a graph or a chart needs; its texts stay where they are.
_FACTS = (
    *("award_id", "company_id", "company_name", "award_title", "agency", "branch", "phase", "program"),
    *("contract", "contract_id", "award_date", "contract_end_date", "award_year", "award_amount_usd"),
    *("topic_code", "solicitation_number", "pi_name", "person_id", "state", "city", "keywords"),
)


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def transformed_sbir_awards(enriched_sbir_awards: pl.LazyFrame) -> pl.LazyFrame:
    """The facts of each award, with the keys of its firm, contract and investigator."""
    return with_person_id(with_contract_id(enriched_sbir_awards)).select(_FACTS)


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def transformed_phase_chains(transformed_sbir_awards: pl.LazyFrame, rules: dg.ResourceParam[Rules]) -> pl.LazyFrame:
    """Which award carries on the work of which, of the phase before."""
    # A chain stays within a firm.
    return part_by_part(transformed_sbir_awards, pl.col("company_id"), lambda part: follows(part, rules.chains))


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def transformed_companies(
    transformed_sbir_awards: pl.LazyFrame,
    transformed_phase_chains: pl.LazyFrame,
    profiled_companies: pl.LazyFrame,
    enriched_companies: pl.LazyFrame,
    enriched_patents: pl.LazyFrame,
) -> pl.LazyFrame:
    """What each firm received, how often its work went on, what it owns and what it does."""
    totals = company_totals(
        transformed_sbir_awards,
        transitions(transformed_sbir_awards, transformed_phase_chains),
        profile_summaries(profiled_companies),
        enriched_patents.select("company_id", "patent_id"),
    )
    entity = pl.col("sam_gov_data").struct
    known = enriched_companies.select(
        *("company_id", "uei", "duns", "city", "state", "match_method"),
        sam_uei=entity.field("uei"),
        cage=entity.field("cage"),
    )
    return totals.join(known, on="company_id", how="left").sort("company_id")


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def transformed_company_years(transformed_sbir_awards: pl.LazyFrame) -> pl.LazyFrame:
    """What each firm received, year by year."""
    return company_years(transformed_sbir_awards)


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def transformed_contracts(transformed_sbir_awards: pl.LazyFrame) -> pl.LazyFrame:
    """The contracts and grants under which awards were made."""
    return part_by_part(transformed_sbir_awards, pl.col("contract_id"), contracts)


@dg.asset(group_name=_GROUP, kinds=_KINDS, code_version="1", io_manager_key="tables", metadata=table())
@stage
def transformed_patents(enriched_patents: pl.LazyFrame) -> pl.LazyFrame:
    """Patents of firms that received awards, and those that name an award: one row each."""
    concerned = enriched_patents.filter(pl.col("company_id").is_not_null() | (pl.col("cited_award_ids").list.len() > 0))
    return (
        concerned.group_by("patent_id")
        .agg(pl.col("title").min(), pl.col("grant_date").min())
        .with_columns(grant_year=pl.col("grant_date").dt.year().cast(pl.Int64))
        .sort("patent_id")
    )
