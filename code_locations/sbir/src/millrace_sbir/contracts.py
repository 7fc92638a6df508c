"""What the raw and the validated stages promise, as dataframely schemas.

Raw stages hold text, so they only promise their columns and that each row has its place; their gate is that the source
came whole and was readable.

What belongs here: columns, dtypes, ranges and keys, each described once. What does not: how a text becomes a value
(`transforms.validate_fields`), and which values may be dropped (`transforms.validate_awards`, `validate_sources`).

Each validated entity has two schemas: its rows, which are judged batch by batch, and the same with a primary key, which
holds for the whole stage only and which the generated check judges there.
"""

from collections.abc import Iterable

import dataframely as dy
import polars as pl

from millrace.quality import Contract
from millrace_sbir.columns import AWARDS, COMPANIES, PATENTS, SAM_ENTITIES

FIRST_YEAR = 1982  # the Small Business Innovation Development Act, 22 July 1982
LAST_YEAR = 2100
MAX_AWARD_USD = 100_000_000.0  # the largest known, strategic phases II of the Air Force, are at some 60 million
MAX_EMPLOYEES = 10_000  # eligible firms have at most 500; the file has affiliates counted too
MAX_ID_CHARACTERS = 200

_UEI = r"^[A-HJ-NP-Z1-9][A-HJ-NP-Z0-9]{11}$"
_DUNS = r"^\d{9}$"
_CAGE = r"^[0-9A-HJ-NP-Z]{5}$"
_STATE = r"^[A-Z]{2}$"
_ZIP = r"^\d{5}(-\d{4})?$"


def _text(about: str, *, required: bool = False, regex: str | None = None) -> dy.String:
    return dy.String(nullable=not required, min_length=1 if required else None, regex=regex, description=about)


_HASH = dy.String(nullable=False, regex="^[0-9a-f]{32}$", description="of its content, by millrace.processing")


class _Placed(dy.Schema):
    """A row that knows where it came from; a record's content is everything but this."""

    source_file = dy.String(nullable=False, description="file of the source")
    line = dy.Int64(nullable=False, min=1, description="line at which the record begins, from 1")


def _raw(name: str, columns: Iterable[str]) -> type[dy.Schema]:
    """The schema of a raw stage: each column of the source as text."""
    return type(name, (_Placed,), {column: dy.String(nullable=True) for column in columns})


RawAward = _raw("RawAward", AWARDS.values())
RawCompany = _raw("RawCompany", COMPANIES.values())
RawEntity = _raw("RawEntity", SAM_ENTITIES)
RawPatent = _raw("RawPatent", PATENTS)


class AwardRow(_Placed):
    """One award, typed."""

    award_id = _text("AGENCY_TRACKING_CONTRACT, the natural key", required=True)
    company_name = _text("firm, as the award names it", required=True)
    award_title = _text("title")
    agency = _text("code of the agency, such as DOD", required=True)
    branch = _text("part of the agency")
    phase = dy.String(nullable=True, regex="^I{1,3}$", description="I, II or III")
    program = dy.String(nullable=True, regex="^S(BIR|TTR)$", description="SBIR or STTR")
    agency_tracking_number = _text("the agency's number of the proposal", required=True)
    contract = _text("contract or grant number, as written")
    contract_key = _text("the same, letters and digits only, to join by", regex="^[A-Z0-9]+$")
    award_date = dy.Date(nullable=True, description="date of the award")
    contract_end_date = dy.Date(nullable=True, description="last day of the contract")
    solicitation_number = _text("solicitation")
    solicitation_year = dy.Int32(nullable=True, min=FIRST_YEAR, max=LAST_YEAR, description="year of the solicitation")
    solicitation_close_date = dy.Date(nullable=True, description="last day for proposals")
    proposal_receipt_date = dy.Date(nullable=True, description="day on which the proposal came in")
    notification_date = dy.Date(nullable=True, description="day on which the firm was told")
    topic_code = _text("topic of the solicitation")
    award_year = dy.Int32(
        nullable=False, min=FIRST_YEAR, max=LAST_YEAR, description="fiscal year; else that of award_date"
    )
    award_amount = dy.Float64(nullable=False, min_exclusive=0.0, max=MAX_AWARD_USD, description="US dollars")
    uei = _text("unique entity identifier", regex=_UEI)
    duns = _text("D-U-N-S number", regex=_DUNS)
    is_hubzone_owned = dy.Bool(nullable=True, description="owned in a HUBZone")
    is_disadvantaged = dy.Bool(nullable=True, description="socially and economically disadvantaged")
    is_woman_owned = dy.Bool(nullable=True, description="owned by women")
    employees = dy.Int64(nullable=True, min=0, max=MAX_EMPLOYEES, description="number of employees")
    company_website = _text("website")
    address1 = _text("first line of the address")
    address2 = _text("second line of the address")
    city = _text("city")
    state = _text("code of the state or territory", regex=_STATE)
    zip = _text("ZIP code", regex=_ZIP)
    abstract = _text("abstract, as it came")
    contact_name = _text("contact at the firm")
    contact_title = _text("its title")
    contact_phone = _text("its telephone")
    contact_email = _text("its e-mail")
    pi_name = _text("principal investigator")
    pi_title = _text("its title")
    pi_phone = _text("its telephone")
    pi_email = _text("its e-mail")
    ri_name = _text("research institution (STTR)")
    ri_poc_name = _text("contact at the research institution")
    ri_poc_phone = _text("its telephone")

    @dy.rule()
    def dates_in_order(cls) -> pl.Expr:  # noqa: N805  # dataframely hands in the class
        """The contract does not end before the award."""
        return pl.col("award_date") <= pl.col("contract_end_date")


class ValidatedAward(AwardRow):
    """An award as stored: each key once."""

    award_id = dy.String(primary_key=True, max_length=MAX_ID_CHARACTERS, description="AGENCY_TRACKING_CONTRACT")
    content_hash = _HASH


class EntityRow(_Placed):
    """One entity of SAM.gov, typed."""

    uei = _text("unique entity identifier", required=True, regex=_UEI)
    duns = _text("D-U-N-S number", regex=_DUNS)
    cage = _text("CAGE or NCAGE code", regex=_CAGE)
    legal_name = _text("legal name", required=True)
    dba_name = _text("name under which it does business")
    address1 = _text("first line of the address")
    city = _text("city")
    state = _text("code of the US state or territory; null elsewhere", regex=_STATE)
    zip = _text("US ZIP code; null elsewhere", regex=_ZIP)
    country = _text("country; USA for the United States")
    naics = _text("primary NAICS code", regex=r"^\d{2,6}$")
    registration_status = _text("Active, Expired or as it came")
    registration_date = dy.Date(nullable=True, description="first registration")
    expiration_date = dy.Date(nullable=True, description="end of the registration")


class ValidatedEntity(EntityRow):
    """An entity as stored: each UEI once."""

    uei = dy.String(primary_key=True, regex=_UEI, description="unique entity identifier")
    content_hash = _HASH


class PatentRow(_Placed):
    """One patent and one of its assignees, typed."""

    patent_assignee_id = _text("PATENT/ASSIGNEE, the key", required=True)
    patent_id = _text("number without commas, country and kind", required=True, regex=r"^(D|H|PP|RE|T|X)?\d{1,8}$")
    title = _text("title", required=True)
    grant_date = dy.Date(nullable=True, description="date of the grant")
    assignee_name = _text("assignee; null for a patent of its inventors")
    assignee_key = _text("the same, normalised, to match by")
    assignee_city = _text("its city")
    assignee_state = _text("its state", regex=_STATE)
    government_interest = _text("statement of government interest, as it came")


class ValidatedPatent(PatentRow):
    """A patent and assignee as stored: each pair once."""

    patent_assignee_id = dy.String(primary_key=True, description="PATENT/ASSIGNEE")
    content_hash = _HASH


class CompanyRow(_Placed):
    """One row of the company file, typed."""

    company_key = _text("UEI, else DUNS, else normalised name and state", required=True)
    company_name = _text("firm", required=True)
    uei = _text("unique entity identifier", regex=_UEI)
    duns = _text("D-U-N-S number", regex=_DUNS)
    award_count = dy.Int64(nullable=True, min=0, description="awards, as the file counts them")
    address1 = _text("first line of the address")
    address2 = _text("second line of the address")
    city = _text("city")
    state = _text("code of the state or territory", regex=_STATE)
    zip = _text("ZIP code", regex=_ZIP)
    country = _text("country; USA for the United States")
    is_hubzone_owned = dy.Bool(nullable=True, description="owned in a HUBZone")
    is_woman_owned = dy.Bool(nullable=True, description="owned by women")
    is_disadvantaged = dy.Bool(nullable=True, description="socially and economically disadvantaged")
    company_website = _text("website")


class ValidatedCompany(CompanyRow):
    """A company as stored: each key once."""

    company_key = dy.String(primary_key=True, description="UEI, else DUNS, else normalised name and state")
    content_hash = _HASH


# A source that only enriches may be unused, or away since the first run: then there is no row.
CONTRACTS: dict[str, Contract] = {
    "raw_sbir_awards": Contract(RawAward),
    "raw_sbir_companies": Contract(RawCompany, allow_empty=True),
    "raw_sam_entities": Contract(RawEntity, allow_empty=True),
    "raw_uspto_patents": Contract(RawPatent, allow_empty=True),
    "validated_sbir_awards": Contract(ValidatedAward),
    "validated_sam_entities": Contract(ValidatedEntity, allow_empty=True),
    "validated_uspto_patents": Contract(ValidatedPatent, allow_empty=True),
    "validated_sbir_companies": Contract(ValidatedCompany, allow_empty=True),
}
