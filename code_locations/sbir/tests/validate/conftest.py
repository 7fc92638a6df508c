"""Fixtures: rows of a source made of a few named cells, and their way through a contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.quality import Reject, RejectKind, RejectLog, read_rejects
from millrace.stores import FolderStore
from millrace_sbir.columns import AWARDS, COMPANIES, PATENTS, SAM_ENTITIES
from millrace_sbir.transforms.validate import Rules, validation, with_content_hash
from millrace_sbir.transforms.validate_awards import award_rules
from millrace_sbir.transforms.validate_sources import company_rules, entity_rules, patent_rules

AS_OF = date(2026, 1, 31)
AWARD = {
    "company_name": "Lumera Photonics, Inc.",
    "award_title": "Quiet lasers",
    "agency": "Department of Defense",
    "branch": "Air Force",
    "phase": "Phase I",
    "program": "SBIR",
    "agency_tracking_number": "F241-0004-0385",
    "contract": "FA8651-24-P-B017",
    "award_date": "2024-03-04",
    "contract_end_date": "2024-12-04",
    "proposal_receipt_date": "2023-11-01",
    "notification_date": "2024-01-15",
    "solicitation_close_date": "2023-10-30",
    "award_year": "2024",
    "award_amount": "149,998.50",
    "uei": "ABCDEFGH1234",
    "duns": "012345678",
    "employees": "12",
    "state": "MA",
    "zip": "02139",
    "abstract": "Lasers, but quiet.",
    "pi_email": "pi@lumera.com",
}
ENTITY = {"uei": "ABCDEFGH1234", "legal_name": "LUMERA PHOTONICS INC", "country": "USA", "state": "MA", "zip": "02139"}
PATENT = {"patent_id": "10123456", "title": "Quiet laser", "grant_date": "2020-01-07", "assignee_name": "Lumera, Inc."}
COMPANY = {"company_name": "Lumera Photonics, Inc.", "uei": "ABCDEFGH1234", "state": "MA", "country": "US"}


@dataclass(frozen=True)
class Outcome:
    """What became of some rows."""

    passed: pl.DataFrame
    rejects: list[Reject]
    rows: int
    rejected: int
    duplicates: int
    values_rejected: int

    def of(self, kind: RejectKind) -> list[Reject]:
        """The rejects of a kind."""
        return [reject for reject in self.rejects if reject.kind == kind]


_SOURCES: dict[str, tuple[Mapping[str, str], Sequence[str], Callable[[], Rules]]] = {
    "awards": (AWARD, tuple(AWARDS.values()), lambda: award_rules(AS_OF)),
    "entities": (ENTITY, SAM_ENTITIES, lambda: entity_rules(AS_OF)),
    "patents": (PATENT, PATENTS, lambda: patent_rules(AS_OF)),
    "companies": (COMPANY, tuple(COMPANIES.values()), company_rules),
}


@pytest.fixture
def validated(tmp_path: Path) -> Callable[..., Outcome]:
    """Validate rows that name only the cells in which they differ from a good one; `rows` may bring a frame instead."""

    def run(source: str, *rows: Mapping[str, Any], raw: pl.DataFrame | None = None, batch_rows: int = 1_000) -> Outcome:
        good, columns, rules = _SOURCES[source]
        if raw is None:
            cells = [{**good, "source_file": "made.csv", "line": line, **row} for line, row in enumerate(rows, 2)]
            schema = {**dict.fromkeys(columns, pl.String), "source_file": pl.String, "line": pl.Int64}
            raw = pl.DataFrame(cells, schema=schema)
        store = FolderStore(tmp_path / "rejects")
        with RejectLog(store, "made.ndjson") as log:
            made = validation(raw.lazy(), rules(), log, batch_rows)
            passed = with_content_hash(made.frame).collect(engine="streaming")
        assert made.rows == raw.height == made.passed + made.rejected + made.duplicates
        assert made.passed == passed.height
        rejects = list(read_rejects(store, "made.ndjson"))
        return Outcome(passed, rejects, made.rows, made.rejected, made.duplicates, made.values_rejected)

    return run
