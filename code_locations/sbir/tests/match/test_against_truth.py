"""A small sample from end to end: what is matched is held against what the sample knows to be true."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from millrace.quality import RejectLog
from millrace.stores import FolderStore
from millrace_sbir.sample import write_sources
from millrace_sbir.sources.opening import OpenedSource
from millrace_sbir.sources.tables import read_awards, read_patents, read_sam
from millrace_sbir.transforms.identity import appearances, firms, identities, with_company
from millrace_sbir.transforms.match_decide import MatchConfig
from millrace_sbir.transforms.match_firms import match_firms
from millrace_sbir.transforms.patents import cited_awards, match_assignees, with_firm
from millrace_sbir.transforms.validate import Validation
from millrace_sbir.transforms.validate_awards import validated_awards
from millrace_sbir.transforms.validate_sources import validated_entities, validated_patents

AS_OF = date(2026, 12, 31)
Validate = Callable[[pl.LazyFrame, RejectLog, date], Validation]


@dataclass(frozen=True)
class Sample:
    """Validated stages, firms, and the truth by line."""

    awards: pl.DataFrame
    entities: pl.DataFrame
    patents: pl.DataFrame
    identified: pl.DataFrame
    truth: pl.DataFrame
    truth_of_patents: pl.DataFrame

    @property
    def owners(self) -> pl.DataFrame:
        """`award_id`, `company_id`, `firm` (true), `true_uei`."""
        named = with_company(self.awards.lazy(), self.identified).select("line", "award_id", "company_id").collect()
        return named.join(self.truth.select("line", "firm", true_uei="uei"), on="line")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    write_sources(folder, awards=6_000, entities=5_000, patents=2_000, seed=3)

    def stage(file: str, read: Callable[..., Iterator[pl.DataFrame]], validate: Validate) -> pl.DataFrame:
        with RejectLog(FolderStore(folder), f"{file}.ndjson") as log:
            raw = pl.concat(read(OpenedSource(file, folder / file), log))
            return validate(raw.lazy(), log, AS_OF).frame.collect(engine="streaming")

    awards = stage("awards.csv", read_awards, validated_awards)
    return Sample(
        awards,
        stage("sam_entities.zip", read_sam, validated_entities),
        stage("patents.zip", read_patents, validated_patents),
        identities(appearances(awards.lazy()).collect()),
        _truth(folder / "truth_awards.parquet"),
        _truth(folder / "truth_patents.parquet"),
    )


def _truth(path: Path) -> pl.DataFrame:
    return pl.read_parquet(path).with_columns(pl.col("line").cast(pl.Int64))


def test_no_company_holds_the_awards_of_two_firms(sample: Sample) -> None:
    of_company = sample.owners.group_by("company_id").agg(pl.col("firm").n_unique())

    assert of_company["firm"].max() == 1


def test_nearly_all_awards_are_with_the_main_company_of_their_firm(sample: Sample) -> None:
    counts = sample.owners.group_by("firm", "company_id").len().group_by("firm").agg(pl.col("len").max())

    assert counts["len"].sum() / sample.owners.height > 0.95


def test_a_firm_is_matched_to_its_entity(sample: Sample) -> None:
    matched = match_firms(firms(sample.identified), sample.entities.lazy(), MatchConfig())

    judged = sample.owners.join(matched, on="company_id").unique("company_id")
    accepted = judged.filter(pl.col("match_status") == "accepted")
    right = (accepted["sam_uei"] == accepted["true_uei"]).fill_null(value=False)
    assert right.sum() / accepted.height >= 0.985
    assert right.sum() / judged["true_uei"].drop_nulls().len() >= 0.90


def test_a_patent_is_its_firms_and_names_its_awards(sample: Sample) -> None:
    assignees = match_assignees(sample.patents.lazy(), firms(sample.identified), MatchConfig())
    owned = with_firm(sample.patents.lazy(), assignees).filter(pl.col("match_status") == "accepted")
    true = sample.owners.select("company_id", owner="firm").unique("company_id")
    judged = (
        owned.select("line", "company_id")
        .collect()
        .join(true, on="company_id")
        .join(sample.truth_of_patents, on="line")
    )

    assert (judged["owner"] == judged["firm"]).fill_null(value=False).sum() / judged.height >= 0.985

    cited = cited_awards(sample.patents.lazy(), sample.awards.lazy()).collect()
    named = cited.join(sample.awards.select("award_id", "line"), on="award_id").join(
        sample.truth_of_patents.select("patent_id", "award_line").unique("patent_id", keep="first"), on="patent_id"
    )
    assert named.height > 500
    assert (named["line"] == named["award_line"]).all()
