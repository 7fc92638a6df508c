"""The rules of SAM.gov's entities, of patents and of the company file.

What belongs here: what each column can mean, keys, and what of a row holds in the United States only. What does not:
the award file (`validate_awards`), and how rules are applied (`validate`).
"""

from datetime import date, timedelta

import polars as pl

from millrace.quality import RejectLog
from millrace_sbir.contracts import CompanyRow, EntityRow, PatentRow
from millrace_sbir.transforms.normalise_names import firm_key
from millrace_sbir.transforms.validate import BATCH_ROWS, Order, Rules, Validation, validation
from millrace_sbir.transforms.validate_fields import (
    CAGE,
    COUNTRY,
    DUNS,
    FLAG,
    NAICS,
    NAME,
    PATENT,
    REGISTRATION,
    STATE,
    UEI,
    WEBSITE,
    WORDS,
    ZIP,
    count,
    day,
)
from millrace_sbir.transforms.validate_kinds import Kind, converted
from millrace_sbir.transforms.validate_repeats import Repeats

_FIRST_REGISTRATION = date(1990, 1, 1)  # SAM.gov took over what CCR and its forerunners had
_FIRST_PATENT = date(1976, 1, 1)  # patents before it are images without text
_MAX_AWARDS_OF_A_FIRM = 100_000


def entity_rules(as_of: date) -> Rules:
    """The rules for entities known on a day. State and ZIP code are those of the United States."""
    kinds = {
        "uei": UEI,
        "duns": DUNS,
        "cage": CAGE,
        "legal_name": NAME,
        "dba_name": NAME,
        "address1": WORDS,
        "city": WORDS,
        "state": STATE,
        "zip": ZIP,
        "country": COUNTRY,
        "naics": NAICS,
        "registration_status": REGISTRATION,
        "registration_date": day(_FIRST_REGISTRATION, as_of),
        "expiration_date": day(_FIRST_REGISTRATION, as_of + timedelta(days=2 * 366)),
    }
    before = pl.col("expiration_date") < pl.col("registration_date")
    orders = (Order("expiration_date", "registration_date", before, "before registration_date"),)
    # The same entity has a row per bank account; the UEI is never given to another.
    newest = ("expiration_date", "registration_date", "registration_status", "legal_name")
    return Rules(EntityRow, kinds, _of_column("uei", UEI, newest), lambda batch: batch, orders, _only_at_home)


def validated_entities(raw: pl.LazyFrame, log: RejectLog, as_of: date, batch_rows: int = BATCH_ROWS) -> Validation:
    """Entities that keep `EntityRow`, each UEI once; the newest registration stays."""
    return validation(raw, entity_rules(as_of), log, batch_rows)


def patent_rules(as_of: date) -> Rules:
    """The rules for patents granted up to a day."""
    kinds = {
        "patent_id": PATENT,
        "title": WORDS,
        "grant_date": day(_FIRST_PATENT, as_of),
        "assignee_name": NAME,
        "assignee_city": WORDS,
        "assignee_state": STATE,
    }
    parts = {name: kinds[name] for name in ("patent_id", "assignee_name")}
    repeats = Repeats(
        key="patent_assignee_id",
        parts=tuple(parts),
        of_parts=lambda batch: _with_assignee(converted(batch, parts)),
        of_typed=pl.col("patent_assignee_id"),
        newest=("grant_date", "assignee_name"),
    )
    return Rules(PatentRow, kinds, repeats, _with_assignee)


def validated_patents(raw: pl.LazyFrame, log: RejectLog, as_of: date, batch_rows: int = BATCH_ROWS) -> Validation:
    """Patents with their assignees that keep `PatentRow`, each pair once."""
    return validation(raw, patent_rules(as_of), log, batch_rows)


def company_rules() -> Rules:
    """The rules for the company file."""
    kinds = {
        "company_name": NAME,
        "uei": UEI,
        "duns": DUNS,
        "award_count": count(_MAX_AWARDS_OF_A_FIRM),
        **dict.fromkeys(("address1", "address2", "city"), WORDS),
        "state": STATE,
        "zip": ZIP,
        "country": COUNTRY,
        **dict.fromkeys(("is_hubzone_owned", "is_woman_owned", "is_disadvantaged"), FLAG),
        "company_website": WEBSITE,
    }
    parts = {name: kinds[name] for name in ("company_name", "uei", "duns", "state")}
    repeats = Repeats(
        key="company_key",
        parts=tuple(parts),
        of_parts=lambda batch: _with_company_key(converted(batch, parts)),
        of_typed=pl.col("company_key"),
        newest=("award_count", "company_name"),
    )
    return Rules(CompanyRow, kinds, repeats, _with_company_key, prepare=_only_at_home)


def validated_companies(raw: pl.LazyFrame, log: RejectLog, batch_rows: int = BATCH_ROWS) -> Validation:
    """Rows of the company file that keep `CompanyRow`, each firm once; the one with the most awards stays."""
    return validation(raw, company_rules(), log, batch_rows)


def _of_column(column: str, kind: Kind, newest: tuple[str, ...]) -> Repeats:
    return Repeats(column, (column,), lambda batch: converted(batch, {column: kind}), pl.col(column), newest=newest)


def _only_at_home(batch: pl.DataFrame) -> pl.DataFrame:
    """Without the state and the postal code of addresses abroad, which are no wrong ones."""
    country = COUNTRY.common(pl.col("country"))
    abroad = (country.is_not_null() & (country != "USA")).fill_null(value=False)
    return batch.with_columns(pl.when(~abroad).then(name).alias(name) for name in ("state", "zip"))


def _with_assignee(batch: pl.DataFrame) -> pl.DataFrame:
    names = batch.select("assignee_name").unique().with_columns(assignee_key=firm_key(pl.col("assignee_name")))
    keyed = batch.join(names, on="assignee_name", how="left", maintain_order="left", nulls_equal=True)
    identifier = pl.concat_str("patent_id", pl.col("assignee_key").fill_null(""), separator="/")
    return keyed.with_columns(patent_assignee_id=identifier)


def _with_company_key(batch: pl.DataFrame) -> pl.DataFrame:
    named = pl.concat_str(firm_key(pl.col("company_name")), pl.col("state").fill_null(""), separator="|")
    return batch.with_columns(company_key=pl.coalesce("uei", "duns", named))
