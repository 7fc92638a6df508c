"""The whole job on a sample of which everything is known: what comes of it, and what a second run does."""

from typing import Any

import polars as pl

from millrace_sbir.columns import COMPANIES
from millrace_sbir.sample.mess import COLLISION, DUPLICATE, UNREADABLE, UNUSABLE

LOADS = ("loaded_companies", "loaded_sbir_awards", "loaded_contracts", "loaded_patents", "loaded_relationships")


def test_every_line_of_the_award_file_is_an_award_or_is_accounted_for(settled: Any, truth: dict[str, Any]) -> None:
    about, site = truth["awards"], settled.site
    unreadable = sum(about["mess"].get(kind, 0) for kind in UNREADABLE)
    unusable = sum(about["mess"].get(kind, 0) for kind in UNUSABLE)
    repeated, collided = (about["mess"].get(kind, 0) for kind in (DUPLICATE, COLLISION))
    assert min(unreadable, unusable, repeated) > 0  # else this would prove little

    assert settled.raw["raw_sbir_awards"].height == about["readable"]
    assert sum(reject.kind == "row" for reject in settled.rejects["raw_sbir_awards"]) == unreadable
    assert site.table("validated_sbir_awards").height == about["readable"] - unusable - repeated - collided
    assert sum(reject.kind == "row" for reject in settled.rejects["validated_sbir_awards"]) == unusable + collided
    assert settled.first.metadata["validated_sbir_awards"]["errors_by_kind"]["duplicate"] == repeated


def test_entities_patents_and_firms_are_those_of_the_sources(settled: Any, truth: dict[str, Any]) -> None:
    site = settled.site

    assert site.table("validated_sam_entities").height == truth["registry"]["readable"]
    assert site.table("validated_uspto_patents").height == truth["patents"]["readable"]
    assert site.table("validated_sbir_companies").height == truth["companies"]["readable"]
    assert settled.raw["raw_sbir_companies"].columns == [*COMPANIES.values(), "source_file", "line"]
    awarded = site.table("enriched_sbir_awards")
    assert site.table("transformed_companies").height == awarded["company_id"].n_unique()


def test_each_award_goes_through_every_stage_once(settled: Any) -> None:
    ids = settled.site.table("validated_sbir_awards")["award_id"].sort()

    assert ids.n_unique() == len(ids)
    for name in ("enriched_sbir_awards", "classified_sbir_awards", "transformed_sbir_awards"):
        assert settled.site.table(name)["award_id"].sort().equals(ids), name


def test_sums_of_firms_and_contracts_are_those_of_their_awards(settled: Any) -> None:
    awards = settled.site.table("transformed_sbir_awards")
    total = awards["award_amount_usd"].sum()

    for name in ("transformed_companies", "transformed_company_years"):
        assert settled.site.table(name)["amount_usd"].sum() == total, name
    contracted = awards.filter(pl.col("contract_id").is_not_null())
    contracts = settled.site.table("transformed_contracts")
    assert contracts["amount_usd"].sum() == contracted["award_amount_usd"].sum()
    assert contracts["awards"].sum() == contracted.height


def test_the_graph_has_what_the_tables_have(settled: Any) -> None:
    site, graph = settled.site, settled.graph
    awards = site.table("transformed_sbir_awards")
    keyed = {name: awards[name].drop_nulls() for name in ("agency", "person_id", "contract_id", "company_id")}
    patents = site.table("enriched_patents")

    assert {name: len(found) for name, found in graph.items()} == {
        "Company": site.table("transformed_companies").height,
        "Award": awards.height,
        "Contract": site.table("transformed_contracts").height,
        "Patent": site.table("transformed_patents").height,
        "Agency": keyed["agency"].n_unique(),
        "Person": keyed["person_id"].n_unique(),
        "CetArea": len(graph["CetArea"]),
        "RECEIVED": len(keyed["company_id"]),
        "UNDER_CONTRACT": len(keyed["contract_id"]),
        "FUNDED_BY": len(keyed["agency"]),
        "LEADS": len(keyed["person_id"]),
        "FOLLOWS": site.table("transformed_phase_chains").height,
        "APPLICABLE_TO": site.table("classified_sbir_awards")["areas"].list.len().sum(),
        "OWNS": patents.drop_nulls("company_id").select("company_id", "patent_id").n_unique(),
        "CITES_AWARD": patents.select("patent_id", "cited_award_ids")
        .unique("patent_id")["cited_award_ids"]
        .list.len()
        .sum(),
    }
    assert all(len(found) > 0 for found in graph.values())


def test_rows_in_are_rows_that_passed_were_rejected_or_are_duplicates(settled: Any) -> None:
    metadata = settled.first.metadata

    for entity in ("sbir_awards", "sbir_companies", "sam_entities", "uspto_patents"):
        raw, validated = metadata[f"raw_{entity}"], metadata[f"validated_{entity}"]
        assert validated["rows_in"] == raw["dagster/row_count"], entity
        turned_away = sum(reject.kind == "row" for reject in settled.rejects[f"validated_{entity}"])
        turned_away += validated["errors_by_kind"].get("duplicate", 0)
        assert validated["rows_in"] == validated["dagster/row_count"] + turned_away, entity


def test_every_load_says_that_its_figures_reconcile(settled: Any) -> None:
    for run in (settled.first, settled.second):
        for name in LOADS:
            assert run.checks[f"{name}_reconciliation_check"].passed, name


def test_a_second_run_on_the_same_sources_changes_nothing(settled: Any) -> None:
    assert settled.first.changes()["added"] > 0
    assert settled.second.changes() == {"added": 0, "changed": 0, "removed": 0}
    assert settled.changed() == []


def test_every_asset_says_what_it_did_and_what_it_took(settled: Any) -> None:
    metadata = settled.first.metadata

    assert len(metadata) > 20
    for asset, figures in metadata.items():
        needed = {"dagster/row_count", "rows_in", "seconds", "rows_per_second", "peak_memory_bytes", "removed_share"}
        assert needed - figures.keys() == set(), asset
        assert figures["peak_memory_bytes"] > 0, asset
        if asset.startswith(("raw_", "validated_")):
            assert {"errors_by_kind", "accepted_share", "quality_score"} - figures.keys() == set(), asset
        elif not asset.startswith(("loaded_", "published_")):
            assert 0 < figures["quality_score"] <= 1, asset


def test_errors_are_counted_by_kind(settled: Any, truth: dict[str, Any]) -> None:
    kinds, mess = settled.first.metadata["raw_sbir_awards"]["errors_by_kind"], truth["awards"]["mess"]

    assert kinds == {"wrong_width": mess["wrong_width:short"], "cp1252_bytes": mess["cp1252_bytes"]}
    validated = settled.first.metadata["validated_sbir_awards"]["errors_by_kind"]
    assert sum(validated.values()) - validated["duplicate"] == len(settled.rejects["validated_sbir_awards"])


def test_each_source_says_that_it_was_read(settled: Any) -> None:
    for entity in ("sbir_awards", "sbir_companies", "sam_entities", "uspto_patents"):
        assert settled.first.metadata[f"raw_{entity}"]["source_state"] == "read"
        if entity != "sbir_awards":
            assert settled.first.checks[f"raw_{entity}_source_check"].passed
