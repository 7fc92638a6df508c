"""Awards with every column that aggregates read; a test gives what matters to it."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

SCHEMA = {
    "award_id": pl.String,
    "company_id": pl.String,
    "company_name": pl.String,
    "agency": pl.String,
    "branch": pl.String,
    "program": pl.String,
    "phase": pl.String,
    "contract": pl.String,
    "award_date": pl.Date,
    "contract_end_date": pl.Date,
    "award_year": pl.Int32,
    "award_amount_usd": pl.Float64,
    "topic_code": pl.String,
    "award_title": pl.String,
    "pi_name": pl.String,
}


@pytest.fixture(scope="session")
def awards() -> Callable[..., pl.LazyFrame]:
    """Build awards of firm F1; without an `award_id` they are A0, A1, …"""

    def build(*rows: dict[str, Any]) -> pl.LazyFrame:
        full = [{"award_id": f"A{number}", "company_id": "F1", **row} for number, row in enumerate(rows)]
        return pl.LazyFrame(full, schema=SCHEMA)

    return build
