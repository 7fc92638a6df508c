"""Real awards pass ingestion and validation: those of `MILLRACE_REAL_DATA`, written as an award file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.quality import RejectLog, read_rejects
from millrace.stores import FolderStore
from millrace_sbir.columns import AWARDS
from millrace_sbir.contracts import CONTRACTS
from millrace_sbir.sources.opening import OpenedSource
from millrace_sbir.sources.tables import read_awards

_REAL = os.environ.get("MILLRACE_REAL_DATA")
pytestmark = pytest.mark.skipif(
    not _REAL or not (Path(_REAL) / "sbir").is_dir(), reason="MILLRACE_REAL_DATA does not lead to real awards"
)


@pytest.fixture
def ingested(tmp_path: Path) -> Callable[..., pl.DataFrame]:
    """Write a real file as an award file, and read it as one."""

    def read(name: str, **columns: pl.Expr) -> pl.DataFrame:
        table = pl.read_csv(Path(_REAL or "") / "sbir" / name, infer_schema=False)
        published = {column: title for title, column in AWARDS.items()}
        titled = {published[column]: expression for column, expression in columns.items()}
        missing = {title: pl.lit(None, dtype=pl.String) for title in AWARDS if title not in titled}
        table.select(**titled, **missing).select(list(AWARDS)).write_csv(tmp_path / name)
        with RejectLog(FolderStore(tmp_path), "ingested.ndjson") as log:
            frames = list(read_awards(OpenedSource(name, tmp_path / name), log))
        assert not list(read_rejects(FolderStore(tmp_path), "ingested.ndjson"))
        return pl.concat(frames).with_columns(pl.col("line").cast(pl.Int64))

    return read


def test_real_nih_awards_pass_but_for_their_phase(
    ingested: Callable[..., pl.DataFrame], validated: Callable[..., Any]
) -> None:
    raw = ingested(
        "nih_awards.csv",
        agency=pl.col("agency"),
        agency_tracking_number=pl.col("award_id"),
        contract=pl.col("award_id"),
        company_name=pl.col("firm_name"),
        state=pl.col("firm_state"),
        award_amount=pl.col("award_amount"),
        award_date=pl.col("award_date"),
        award_year=pl.col("award_year"),
        phase=pl.col("phase"),
        topic_code=pl.col("topic_code"),
    )

    outcome = validated("awards", raw=raw)

    assert outcome.passed.height == raw.height == 1_000
    assert {reject.rule for reject in outcome.rejects} == {"phase_unusable"}  # the file has "Other" throughout
    assert outcome.passed["state"].null_count() == outcome.passed["award_date"].null_count() == 0
    assert CONTRACTS["validated_sbir_awards"].judge(outcome.passed.lazy()).holds


def test_real_abstracts_pass_untouched(ingested: Callable[..., pl.DataFrame], validated: Callable[..., Any]) -> None:
    parts = pl.col("award_id").str.splitn("_", 2)
    raw = ingested(
        "award_abstracts.csv",
        agency=pl.lit("DOD"),
        branch=pl.col("branch"),
        agency_tracking_number=parts.struct.field("field_0"),
        contract=parts.struct.field("field_1"),
        company_name=pl.lit("Not in this file, Inc."),
        award_title=pl.col("title"),
        award_amount=pl.lit("1"),
        award_year=pl.col("award_year"),
        phase=pl.col("phase"),
        topic_code=pl.col("topic_code"),
        abstract=pl.col("abstract"),
    )

    outcome = validated("awards", raw=raw)

    assert outcome.passed.height == raw.height == 226
    assert outcome.rejects == []
    assert outcome.passed["abstract"].to_list() == raw["abstract"].to_list()
    assert sorted(outcome.passed["phase"].unique()) == ["I", "II"]
