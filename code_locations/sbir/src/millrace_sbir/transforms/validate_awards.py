"""The rules of the award file: what each column can mean, what contradicts what, what an award's key is.

What belongs here: rules of awards. What does not: how rules are applied (`validate`), formats (`validate_fields`).
"""

from datetime import date, timedelta

import polars as pl

from millrace.quality import RejectLog
from millrace_sbir.contracts import FIRST_YEAR, MAX_AWARD_USD, MAX_EMPLOYEES, AwardRow
from millrace_sbir.transforms.normalise_codes import contract_key
from millrace_sbir.transforms.normalise_names import firm_key
from millrace_sbir.transforms.validate import BATCH_ROWS, Order, Rules, Validation, validation
from millrace_sbir.transforms.validate_fields import (
    AGENCY,
    BRANCH,
    DUNS,
    EMAIL,
    FLAG,
    NAME,
    NUMBER,
    PHASE,
    PHONE,
    PROGRAM,
    STATE,
    UEI,
    WEBSITE,
    WORDS,
    ZIP,
    count,
    day,
    dollars,
    year,
)
from millrace_sbir.transforms.validate_kinds import Kind, converted
from millrace_sbir.transforms.validate_repeats import Repeats

FIRST_DAY = date(FIRST_YEAR, 7, 22)
LONGEST_CONTRACT = timedelta(days=15 * 365)
_MAX_YEARS_APART = 2  # award_year is a fiscal year, and of some agencies that of the solicitation
_KEY_PARTS = ("agency", "agency_tracking_number", "contract")


def award_rules(as_of: date) -> Rules:
    """The rules for awards known on a day.

    Args:
        as_of: Nothing was awarded after this day; contracts may end later.
    """
    past, years = day(FIRST_DAY, as_of), year(FIRST_YEAR, as_of.year + 1)  # a fiscal year begins in October
    kinds = {
        "company_name": NAME,
        "award_title": WORDS,
        "agency": AGENCY,
        "branch": BRANCH,
        "phase": PHASE,
        "program": PROGRAM,
        "agency_tracking_number": NUMBER,
        "contract": NUMBER,
        "award_date": past,
        "contract_end_date": day(FIRST_DAY, as_of + LONGEST_CONTRACT),
        "solicitation_number": WORDS,
        "solicitation_year": years,
        "solicitation_close_date": past,
        "proposal_receipt_date": past,
        "notification_date": past,
        "topic_code": WORDS,
        "award_year": years,
        "award_amount": dollars(MAX_AWARD_USD),
        "uei": UEI,
        "duns": DUNS,
        **dict.fromkeys(("is_hubzone_owned", "is_disadvantaged", "is_woman_owned"), FLAG),
        "employees": count(MAX_EMPLOYEES),
        "company_website": WEBSITE,
        **dict.fromkeys(("address1", "address2", "city"), WORDS),
        "state": STATE,
        "zip": ZIP,
        **dict.fromkeys(("contact_name", "contact_title", "pi_name", "pi_title", "ri_name", "ri_poc_name"), WORDS),
        **dict.fromkeys(("contact_phone", "pi_phone", "ri_poc_phone"), PHONE),
        **dict.fromkeys(("contact_email", "pi_email"), EMAIL),
    }
    return Rules(AwardRow, kinds, _repeats(kinds), _derive, _ORDERS)


def validated_awards(raw: pl.LazyFrame, log: RejectLog, as_of: date, batch_rows: int = BATCH_ROWS) -> Validation:
    """Awards that keep `AwardRow`, each key once; the others go to the log when the frame is sunk.

    Args:
        raw: The columns of `columns.AWARDS` as text, with `source_file` and `line`.
        log: Open while the frame is sunk.
        as_of: Day of the run: nothing was awarded later.
        batch_rows: Rows that are in memory at once.
    """
    return validation(raw, award_rules(as_of), log, batch_rows)


_ORDERS = (
    Order(
        "award_date",
        "award_year",
        (pl.col("award_date").dt.year() - pl.col("award_year")).abs() > _MAX_YEARS_APART,
        "years away from award_year",
    ),
    Order("contract_end_date", "award_date", pl.col("contract_end_date") < pl.col("award_date"), "before award_date"),
    Order(
        "solicitation_close_date",
        "award_date",
        pl.col("solicitation_close_date") > pl.col("award_date"),
        "after award_date",
    ),
    Order(
        "proposal_receipt_date",
        "award_date",
        pl.col("proposal_receipt_date") > pl.col("award_date"),
        "after award_date",
    ),
    Order(
        "notification_date",
        "proposal_receipt_date",
        pl.col("notification_date") < pl.col("proposal_receipt_date"),
        "before proposal_receipt_date",
    ),
)


def _derive(awards: pl.DataFrame) -> pl.DataFrame:
    return awards.with_columns(
        award_year=pl.coalesce("award_year", pl.col("award_date").dt.year()),
        contract_key=_contract_key(),
        award_id=_award_id(),
    )


def _contract_key() -> pl.Expr:
    key = contract_key(pl.col("contract"))
    return pl.when(key != "").then(key)


def _tracking() -> pl.Expr:
    return pl.col("agency_tracking_number").str.to_uppercase().str.replace_all(r"[\s_]+", "-")


def _award_id() -> pl.Expr:
    """`DOD_F241-0004-0385_FA865124PB017`: null without agency or tracking number; a contract may be missing.

    A row without a tracking number may be the same award as one that has it, and would be counted twice.
    """
    return pl.concat_str("agency", _tracking(), _contract_key().fill_null(""), separator="_").str.strip_suffix("_")


def _record() -> pl.Expr:
    """Tracking number and contract, whatever the agency; without a contract the agency tells numbers apart."""
    return pl.concat_str(_tracking(), pl.coalesce(_contract_key(), "agency"), separator="_")


def _repeats(kinds: dict[str, Kind]) -> Repeats:
    parts = {name: kinds[name] for name in _KEY_PARTS}
    return Repeats(
        key="award_id",
        parts=_KEY_PARTS,
        of_parts=lambda batch: converted(batch, parts),
        of_typed=_record(),
        same=(pl.col("agency"), firm_key(pl.col("company_name")), pl.col("phase"), pl.col("program")),
        newest=("award_date", "contract_end_date", "notification_date", "award_year", "award_amount"),
    )
