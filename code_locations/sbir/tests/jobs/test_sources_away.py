"""A source that only enriches may be away: what was read of it stays, awards are partial, a later run catches up."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.quality import RejectLog
from millrace.stores import FolderStore
from millrace_sbir.sample import given_sources
from millrace_sbir.sources import sam_api
from millrace_sbir.sources.opening import Opening
from millrace_sbir.sources.tables import read_patents, read_sam

DOWN = "http://127.0.0.1:9/file"  # the port `discard`, at which nothing listens
ENRICHING = {
    "SBIR_SAM": ("raw_sam_entities", "sam_entities.zip"),
    "SBIR_PATENTS": ("raw_uspto_patents", "patents.zip"),
    "SBIR_COMPANIES": ("raw_sbir_companies", "companies.csv"),
}


def test_sources_that_are_down_at_first_leave_every_award_partial_and_a_later_run_catches_up(
    settled: Any, site: Any, sample: Path, compared: Callable[..., list[str]]
) -> None:
    site.environment = given_sources(sample) | dict.fromkeys(ENRICHING, DOWN)

    without = site.run()

    assert without.success, without.failures  # an enrichment rate of 0 warns and stops nothing
    enrichment = without.checks["enriched_sbir_awards_enrichment_check"]
    assert not enrichment.passed
    assert enrichment.severity.value == "WARN"
    assert set(site.table("enriched_sbir_awards")["enrichment_status"]) == {"partial"}
    assert len(site.graph()["Award"]) == len(settled.graph["Award"])
    for asset, _ in ENRICHING.values():
        check = without.checks[f"{asset}_source_check"]
        assert not check.passed
        assert "does not answer" in check.description
        assert "nothing was ever read of it" in check.description
        assert without.metadata[asset]["source_state"] == "kept"
        assert without.metadata[asset]["source_error_rate"] == 1.0
        assert without.metadata[asset]["source_requests"] == 2  # as often as the configuration says
        assert without.metadata[asset]["errors_by_kind"] == {"no answer": 2}

    site.environment = given_sources(sample)
    caught_up = site.run()

    assert caught_up.success, caught_up.failures
    assert all(caught_up.checks[f"{asset}_source_check"].passed for asset, _ in ENRICHING.values())
    assert compared(site.tables(), settled.tables) == []
    assert compared(site.graph(), settled.graph) == []


def test_a_source_that_goes_down_leaves_what_was_read_of_it_and_says_how_old_that_is(settled: Any) -> None:
    site, kept = settled.site, settled.site.environment
    site.run("raw_sam_entities")
    before = site.raw("raw_sam_entities")
    site.environment = kept | {"SBIR_SAM": DOWN}
    try:
        ended = site.run("raw_sam_entities")
        again = site.run("raw_sam_entities")
    finally:
        site.environment = kept

    assert ended.success
    assert again.success
    assert site.raw("raw_sam_entities").equals(before)
    for run in (ended, again):  # what is kept twice is as old as it was
        check = run.checks["raw_sam_entities_source_check"]
        assert not check.passed
        assert "UTC is used, 0.0 days old" in check.description
    assert ended.metadata["raw_sam_entities"]["source_read_at"] == again.metadata["raw_sam_entities"]["source_read_at"]


def test_an_address_that_is_wrong_is_an_error_and_no_source_that_is_away(settled: Any, server: Any) -> None:
    site, kept = settled.site, settled.site.environment
    server.faults = ["404"]
    site.environment = kept | {"SBIR_SAM": f"{server.url}/sam_entities.zip"}
    try:
        ended = site.run("raw_sam_entities")
    finally:
        site.environment = kept

    assert not ended.success
    assert ended.retries == 0
    assert "answers 404; check the address" in ended.failures["raw_sam_entities"]


def test_an_award_file_that_is_away_is_tried_again_and_stands_in_for_nothing(settled: Any) -> None:
    site, kept = settled.site, settled.site.environment
    site.environment = kept | {"SBIR_AWARDS": DOWN}
    try:
        ended = site.run("raw_sbir_awards")
    finally:
        site.environment = kept

    assert not ended.success
    assert ended.retries == 2  # of the step; each asks as often as the configuration says
    assert "does not answer" in ended.failures["raw_sbir_awards"]


def test_an_award_file_that_answers_at_the_second_try_is_read(settled: Any, sample: Path, server: Any) -> None:
    site, kept = settled.site, settled.site.environment
    server.content, server.faults = (sample / "awards.csv").read_bytes(), ["500", "503", "500"]
    site.environment = kept | {"SBIR_AWARDS": f"{server.url}/awards.csv"}
    try:
        ended = site.run("raw_sbir_awards")
    finally:
        site.environment = kept

    assert ended.success, ended.failures
    assert ended.retries == 1
    figures = ended.metadata["raw_sbir_awards"]
    assert (figures["source_requests"], figures["source_success_rate"]) == (2, 0.5)  # of the second try
    assert figures["source_response_seconds"] > 0


@pytest.fixture
def keys(settled: Any) -> None:
    """The keys of the APIs."""
    for name in ("sam_api_key", "uspto_api_key"):
        (settled.site.secrets / name).write_text("a key\n")


def sam_answers(sample: Path, tmp_path: Path) -> Callable[[Any], Any]:
    """Answers as SAM.gov's: the entities among those in brackets that are active."""
    entities = {row["uei"]: row for row in _read(read_sam, sample / "sam_entities.zip", tmp_path)}

    def answer(asked: Any) -> Any:
        assert asked.headers["x-api-key"] == "a key"
        wanted = asked.parameters["ueiSAM"].strip("[]").split("~")
        is_active = asked.parameters["registrationStatus"] == "A"
        found = [entities[uei] for uei in wanted if uei in entities and is_active]
        return {"totalRecords": len(found), "entityData": [_entity(row) for row in found]}

    return answer


def _entity(row: dict[str, Any]) -> dict[str, Any]:
    place = {"city": row["city"], "stateOrProvinceCode": row["state"], "zipCode": row["zip"]}
    registration = {"ueiSAM": row["uei"], "legalBusinessName": row["legal_name"], "cageCode": row["cage"]}
    return {
        "entityRegistration": registration | {"registrationStatus": "Active"},
        "coreData": {"physicalAddress": place | {"countryCode": row["country"]}},
    }


def patent_answers(sample: Path, tmp_path: Path) -> Callable[[Any], Any]:
    """Answers as PatentSearch's: the patents of the assignees that are asked for."""
    patents = _read(read_patents, sample / "patents.zip", tmp_path)

    def answer(asked: Any) -> Any:
        assert asked.headers["x-api-key"] == "a key"
        wanted = json.loads(asked.body)["q"]["assignees.assignee_organization"]
        found = [row for row in patents if row["assignee_name"] in wanted]
        return {"patents": [_patent(row) for row in found]}

    return answer


def _patent(row: dict[str, Any]) -> dict[str, Any]:
    assignee = {"assignee_organization": row["assignee_name"], "assignee_state": row["assignee_state"]}
    return {
        "patent_id": row["patent_id"],
        "patent_title": row["title"],
        "patent_date": row["grant_date"],
        "gov_interest_statement": row["government_interest"],
        "assignees": [assignee],
    }


def _read(reader: Any, path: Path, tmp_path: Path) -> list[dict[str, Any]]:
    with RejectLog(FolderStore(tmp_path / "rejects"), "read.ndjson") as log:
        return pl.concat(list(reader(Opening(tmp_path).open(str(path)), log))).to_dicts()


@pytest.mark.usefixtures("keys")
def test_sam_gov_is_asked_for_the_awards_entities_and_keeps_what_came_before_it_broke_off(
    settled: Any, sample: Path, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, kept = settled.site, settled.site.environment
    monkeypatch.setattr(sam_api, "_PAGE_ROWS", 2)  # several pages, however few entities the sample has
    ueis = set(site.table("validated_sbir_awards")["uei"].drop_nulls())
    site.run("raw_sam_entities")
    registry = set(site.raw("raw_sam_entities")["uei"])
    server.answer = sam_answers(sample, tmp_path)
    (site.home / "stages" / "sbir" / "raw_sam_entities.parquet").unlink()
    site.environment = kept | {"SBIR_SAM": "api", "SBIR_SAM_API": f"{server.url}/entities"}
    try:
        server.faults = ["", "", *["503"] * 5]
        broken_off = site.run("raw_sam_entities")
        half = set(site.raw("raw_sam_entities")["uei"])
        server.faults = []
        whole = site.run("raw_sam_entities")
        asked = len(server.asked)
        cached = site.run("raw_sam_entities")
        complete = site.raw("raw_sam_entities")
    finally:
        site.environment = kept
        site.run("raw_sam_entities")

    assert broken_off.success
    assert not broken_off.checks["raw_sam_entities_source_check"].passed
    assert 0 < len(half) < len(complete)
    assert whole.checks["raw_sam_entities_source_check"].passed
    assert set(complete["uei"]) == ueis & registry
    figures = whole.metadata["raw_sam_entities"]
    assert figures["source_success_rate"] == 1.0
    assert figures["source_requests"] > 0
    assert len(server.asked) == asked, "what was answered this week is asked for again, or what SAM.gov does not have"
    assert cached.metadata["raw_sam_entities"]["source_requests"] == 0


@pytest.mark.usefixtures("keys")
def test_uspto_is_asked_for_the_patents_of_the_awards_firms(
    settled: Any, sample: Path, server: Any, tmp_path: Path
) -> None:
    site, kept = settled.site, settled.site.environment
    server.answer = patent_answers(sample, tmp_path)
    site.environment = kept | {"SBIR_PATENTS": "api", "SBIR_PATENTS_API": f"{server.url}/patent/"}
    try:
        ended = site.run("raw_uspto_patents")
        patents = site.raw("raw_uspto_patents")
    finally:
        site.environment = kept
        site.run("raw_uspto_patents")

    assert ended.success, ended.failures
    names = set(site.table("validated_sbir_awards")["company_name"])
    assert set(patents["assignee_name"]) == names & set(site.raw("raw_uspto_patents")["assignee_name"])
    assert ended.metadata["raw_uspto_patents"]["source_requests"] == len(server.asked) > 0


def test_an_api_without_its_key_is_said_with_the_file(settled: Any) -> None:
    site, kept = settled.site, settled.site.environment
    (site.secrets / "sam_api_key").unlink(missing_ok=True)
    shutil.rmtree(site.home / "stages" / "sbir" / "asked", ignore_errors=True)
    site.environment = kept | {"SBIR_SAM": "api"}
    try:
        ended = site.run("raw_sam_entities")
    finally:
        site.environment = kept
        site.run("raw_sam_entities")

    assert not ended.success
    assert "sam_api_key cannot be read" in ended.failures["raw_sam_entities"]
