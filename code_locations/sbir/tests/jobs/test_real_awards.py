"""Real awards through ingestion, validation and classification, as the job does it; nothing of them is lost."""

import csv
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace_sbir.columns import AWARDS

_REAL = os.environ.get("MILLRACE_REAL_DATA")
pytestmark = pytest.mark.skipif(
    not _REAL or not (Path(_REAL) / "sbir").is_dir(), reason="MILLRACE_REAL_DATA does not lead to real awards"
)


def award_file(folder: Path) -> Path:
    """Both real files as one award file of 42 columns."""
    path = folder / "awards.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(AWARDS), restval="")
        writer.writeheader()
        writer.writerows(_nih(row) for row in _rows("nih_awards.csv"))
        writer.writerows(_dod(row) for row in _rows("award_abstracts.csv"))
    return path


def _rows(name: str) -> list[dict[str, str]]:
    with (Path(_REAL or "") / "sbir" / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _nih(row: dict[str, str]) -> dict[str, str]:
    return {
        "Company": row["firm_name"],
        "Agency": row["agency"],
        "Agency Tracking Number": row["award_id"],
        "Contract": row["award_id"],
        "State": row["firm_state"],
        "Award Amount": row["award_amount"],
        "Proposal Award Date": row["award_date"],
        "Award Year": row["award_year"],
        "Phase": row["phase"],
        "Topic Code": row["topic_code"],
    }


def _dod(row: dict[str, str]) -> dict[str, str]:
    tracking, contract = row["award_id"].split("_", 1)
    return {
        "Company": "Not in this file, Inc.",
        "Award Title": row["title"],
        "Agency": "DOD",
        "Branch": row["branch"],
        "Agency Tracking Number": tracking,
        "Contract": contract,
        "Award Amount": "1",
        "Award Year": row["award_year"],
        "Phase": row["phase"],
        "Topic Code": row["topic_code"],
        "Abstract": row["abstract"],
    }


def test_real_awards_run_through_the_job_and_none_is_lost(site: Any, tmp_path: Path) -> None:
    site.environment = {"SBIR_AWARDS": str(award_file(tmp_path))}

    ended = site.run()

    assert ended.success, ended.failures
    assert site.raw("raw_sbir_awards").height == 1_226
    assert site.rejects("raw_sbir_awards") == []
    assert site.table("validated_sbir_awards").height == 1_226
    assert {reject.rule for reject in site.rejects("validated_sbir_awards")} == {"phase_unusable"}  # NIH's "Other"
    classified = site.table("classified_sbir_awards")
    assert classified.height == 1_226
    has_area = classified.with_columns(
        has_area=pl.col("areas").list.len() > 0, of_dod=pl.col("award_id").str.starts_with("DOD")
    )
    by_agency = dict(has_area.group_by("of_dod").agg(pl.col("has_area").sum()).iter_rows())
    assert by_agency[False] == 0  # the other file has neither titles nor abstracts
    assert by_agency[True] > 113  # most: the file was drawn up to try classification on
    assert len(site.graph()["Award"]) == 1_226
    for entity in ("sbir_companies", "sam_entities", "uspto_patents"):
        assert ended.metadata[f"raw_{entity}"]["source_state"] == "not used"
