"""SAM.gov's Entity Management API: the entities of some UEIs, as rows that the monthly extract would have.

What belongs here: which pages to ask for, and their fields. What does not: how a page is asked for (`api.py`).

The API gives ten records a page, takes up to a hundred identifiers in brackets, and allows from ten requests a day (no
role) to ten thousand (a federal system account): https://open.gsa.gov/api/entity-api. It is for the few entities
that an extract lacks, not for all. It answers with active registrations unless asked for expired ones.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from millrace.quality import Reject, RejectKind, RejectLog, excerpt
from millrace.stores import Store
from millrace_sbir.columns import SAM_ENTITIES
from millrace_sbir.sources.allowance import DailyAllowance, TokenBucket
from millrace_sbir.sources.answers import Answer
from millrace_sbir.sources.api import PageCache, Service

SAM_URL = "https://api.sam.gov/entity-information/v3/entities"
SAM_KEY_FILE = "sam_api_key"
_PAGE_ROWS = 10
_SECTIONS = "entityRegistration,coreData,assertions"
_NAME = "api.sam.gov"
_STATUS = {"active": "A", "expired": "E", "inactive": "E"}
# Where each column is; the extract has statuses as one letter and dates without hyphens.
_PATHS = {
    "uei": ("entityRegistration", "ueiSAM"),
    "duns": ("entityRegistration", "ueiDUNS"),
    "cage": ("entityRegistration", "cageCode"),
    "legal_name": ("entityRegistration", "legalBusinessName"),
    "dba_name": ("entityRegistration", "dbaName"),
    "address1": ("coreData", "physicalAddress", "addressLine1"),
    "city": ("coreData", "physicalAddress", "city"),
    "state": ("coreData", "physicalAddress", "stateOrProvinceCode"),
    "zip": ("coreData", "physicalAddress", "zipCode"),
    "country": ("coreData", "physicalAddress", "countryCode"),
    "naics": ("assertions", "goodsAndServices", "primaryNaics"),
    "registration_status": ("entityRegistration", "registrationStatus"),
    "registration_date": ("entityRegistration", "registrationDate"),
    "expiration_date": ("entityRegistration", "registrationExpirationDate"),
}


def sam_service(secrets: Path, store: Store, *, per_day: int, url: str = SAM_URL) -> Service:
    """The API with the key in `sam_api_key`, at two requests a second and `per_day` a day (UTC)."""
    daily = DailyAllowance(store, "asked/sam.requests", per_day)
    pages = PageCache(store, "asked/sam.pages")
    return Service(_NAME, url, secrets / SAM_KEY_FILE, pages, TokenBucket(2.0, 2), daily)


def read_sam_api(service: Service, ueis: Iterable[str], log: RejectLog) -> Iterator[Answer]:
    """Yield the entities of some UEIs: `columns.SAM_ENTITIES`, `source_file`, `line` (of the answer, from 1).

    An answer is for ten UEIs, in their order. What the API has no entity for has no row.

    Raises:
        SourceUnavailableError: the API does not answer, or not again today; what was yielded is right, and the pages
            that came are not asked for again today.
    """
    line, ordered = 1, list(dict.fromkeys(ueis))
    for at in range(0, len(ordered), _PAGE_ROWS):
        asked = ordered[at : at + _PAGE_ROWS]
        missing, frames = set(asked), [_frame([], line, log)]
        for status in ("A", "E"):
            for records in _pages(service, sorted(missing), status) if missing else ():
                frames.append(_frame(records, line, log))
                missing -= set(frames[-1]["uei"])
                line += len(records)
        answer = Answer(asked, pl.concat(frames))
        service.figures.rows += answer.rows.height
        yield answer


def _pages(service: Service, ueis: list[str], status: str) -> Iterator[list[Any]]:
    """The records of each page; an entity with several bank accounts has several."""
    page = 0
    while True:
        params = {
            "ueiSAM": f"[{'~'.join(ueis)}]",
            "registrationStatus": status,
            "includeSections": _SECTIONS,
            "page": str(page),
            "size": str(_PAGE_ROWS),
        }
        answer = service.page(params=params)
        records = answer.get("entityData") or [] if isinstance(answer, dict) else []
        yield records
        page += 1
        if not records or page * _PAGE_ROWS >= int(answer.get("totalRecords") or 0):
            return


def _frame(records: list[Any], line: int, log: RejectLog) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, record in enumerate(records, start=line):
        cells = {column: _at(record, path) for column, path in _PATHS.items()}
        if cells["uei"] is None:
            reason = "the record has no entityRegistration.ueiSAM"
            log.add(Reject(RejectKind.ROW, f"{_NAME}:{number}", reason, "missing_uei", excerpt(str(record))))
            continue
        status = (cells["registration_status"] or "").lower()
        cells["registration_status"] = _STATUS.get(status, cells["registration_status"])
        for column in ("registration_date", "expiration_date"):
            cells[column] = (cells[column] or "").replace("-", "") or None
        rows.append({**cells, "source_file": _NAME, "line": number})
    schema = dict.fromkeys(SAM_ENTITIES, pl.String) | {"source_file": pl.String, "line": pl.UInt32}
    return pl.DataFrame(rows, schema=schema)


def _at(record: Any, path: tuple[str, ...]) -> str | None:
    for name in path:
        record = record.get(name) if isinstance(record, Mapping) else None
    return str(record) if record not in (None, "") else None
