"""The four sources as they are published: what their columns are called in files and in APIs, and how each is read.

What belongs here: names. What does not: formats (`delimited.py`, `json_rows.py`) and files (`opening.py`).

    with RejectLog(store, "raw_sbir_awards.ndjson") as log:
        for frame in read_awards(Opening(cache).open("https://data.example.gov/awards.csv.gz"), log):
            ...  # columns.AWARDS as String, source_file, line
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import polars as pl

from millrace.errors import SourceUnreadableError
from millrace.quality import RejectLog
from millrace_sbir.columns import AWARDS, COMPANIES, PATENTS, SAM_ENTITIES
from millrace_sbir.sources.delimited import Limits, head_of, read_delimited, read_positions
from millrace_sbir.sources.dialect import Dialect
from millrace_sbir.sources.headers import Table
from millrace_sbir.sources.json_rows import looks_like_json, read_json
from millrace_sbir.sources.opening import OpenedSource

Reader = Callable[..., Iterator[pl.DataFrame]]

# https://www.sbir.gov/api/awards, as of 2024.
_AWARDS_API = {
    "firm": "company_name",
    "proposal_award_date": "award_date",
    "date_of_notification": "notification_date",
    "hubzone_owned": "is_hubzone_owned",
    "socially_economically_disadvantaged": "is_disadvantaged",
    "women_owned": "is_woman_owned",
    "number_employees": "employees",
    "company_url": "company_website",
    "poc_name": "contact_name",
    "poc_title": "contact_title",
    "poc_phone": "contact_phone",
    "poc_email": "contact_email",
}
_COMPANIES_API = {
    "firm": "company_name",
    "number_awards": "award_count",
    "hubzone_owned": "is_hubzone_owned",
    "woman_owned": "is_woman_owned",
    "women_owned": "is_woman_owned",
    "socially_economically_disadvantaged": "is_disadvantaged",
    "company_url": "company_website",
}
# The tables g_patent, g_assignee_disambiguated, g_location_disambiguated and g_gov_interest of PatentsView, joined by
# patent and location.
_PATENTS_FILE = {
    "patent_id": "patent_id",
    "patent_title": "title",
    "patent_date": "grant_date",
    "disambig_assignee_organization": "assignee_name",
    "disambig_city": "assignee_city",
    "disambig_state": "assignee_state",
    "gi_statement": "government_interest",
}
# SAM.gov's "Master Extract Mapping", public, version 2: 142 fields, here from 0.
_SAM_POSITIONS = {
    "uei": 0,
    "duns": 1,
    "cage": 3,
    "legal_name": 11,
    "dba_name": 12,
    "address1": 15,
    "city": 17,
    "state": 18,
    "zip": 19,
    "country": 21,
    "naics": 32,
    "registration_status": 5,
    "registration_date": 7,
    "expiration_date": 8,
}
_SAM_DIALECT = Dialect("|", has_quotes=False, width=142, end_mark="EOF PUBLIC")
_SAM_START = b"BOF "

AWARDS_TABLE = Table("raw_sbir_awards", AWARDS, _AWARDS_API)
COMPANIES_TABLE = Table("raw_sbir_companies", COMPANIES, _COMPANIES_API)
SAM_TABLE = Table("raw_sam_entities", {name: name for name in SAM_ENTITIES})
PATENTS_TABLE = Table("raw_uspto_patents", _PATENTS_FILE, {name: name for name in PATENTS})
_DEFAULT = Limits()


def read_awards(
    source: OpenedSource, log: RejectLog, *, columns: Mapping[str, str] | None = None, limits: Limits = _DEFAULT
) -> Iterator[pl.DataFrame]:
    """Yield the awards, CSV or JSON: the columns of `columns.AWARDS` as String, `source_file`, `line` (UInt32).

    Args:
        source: Where they lie; its `identity` says which content that is.
        log: Takes what cannot be read (row), unknown columns (field), a source that breaks off (source).
        columns: Further names in the source, for the domain's.
        limits: Of memory and of a record.

    Raises:
        SourceUnreadableError: the source lacks columns, has no header, is empty, or unpacks to too much.
    """
    return _read(source, AWARDS_TABLE, log, columns, limits)


def read_companies(
    source: OpenedSource, log: RejectLog, *, columns: Mapping[str, str] | None = None, limits: Limits = _DEFAULT
) -> Iterator[pl.DataFrame]:
    """Yield the companies, as `read_awards` does the awards: the columns of `columns.COMPANIES`."""
    return _read(source, COMPANIES_TABLE, log, columns, limits)


def read_sam(
    source: OpenedSource, log: RejectLog, *, columns: Mapping[str, str] | None = None, limits: Limits = _DEFAULT
) -> Iterator[pl.DataFrame]:
    """Yield SAM.gov's entities: `columns.SAM_ENTITIES`, of its public monthly extract or of a file with a header."""
    return _read(source, SAM_TABLE, log, columns, limits)


def read_patents(
    source: OpenedSource, log: RejectLog, *, columns: Mapping[str, str] | None = None, limits: Limits = _DEFAULT
) -> Iterator[pl.DataFrame]:
    """Yield the patents, one row per patent and assignee: `columns.PATENTS`, of PatentsView's tables joined."""
    return _read(source, PATENTS_TABLE, log, columns, limits)


def _read(
    source: OpenedSource, table: Table, log: RejectLog, columns: Mapping[str, str] | None, limits: Limits
) -> Iterator[pl.DataFrame]:
    table = replace(table, given={**(table.given or {}), **(columns or {})})
    found, rejected = False, log.counts.total()
    for frame in _frames(source, table, log, limits):
        found = found or not frame.is_empty()
        yield frame
    if not found and log.counts.total() == rejected:
        raise SourceUnreadableError(
            f"sbir.{table.asset}", f"{source.name} holds no record", next_step="fetch or export it again"
        )


def _frames(source: OpenedSource, table: Table, log: RejectLog, limits: Limits) -> Iterator[pl.DataFrame]:
    with source.files() as files:
        for name, stream in files:
            if looks_like_json(stream):
                yield from read_json(stream, name, table, log, limits)
            elif table.asset == SAM_TABLE.asset and head_of(stream).startswith(_SAM_START):
                yield from read_positions(stream, name, _SAM_POSITIONS, _SAM_DIALECT, log, limits)
            else:
                yield from read_delimited(stream, name, table, log, limits)
