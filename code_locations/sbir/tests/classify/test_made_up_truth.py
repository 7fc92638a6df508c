"""Terms and chains against awards whose areas and predecessors are known because they were made up.

The vocabulary of the made-up awards is not the taxonomy's, and the taxonomy was not tuned on it. What this says of real
awards is little: their titles repeat more than any firm's. It would show a rule that breaks. Dates and agencies are
taken here as validation leaves them; rows with a planted defect are left out.
"""

import csv
import io

import polars as pl
import pytest

from millrace_sbir.columns import AWARDS
from millrace_sbir.sample import write_sources
from millrace_sbir.taxonomy import load_taxonomy
from millrace_sbir.transforms.classify_terms import TermClassifier
from millrace_sbir.transforms.phases import ChainRules, follows
from millrace_sbir.transforms.text import with_cleaned_abstract

# The made-up areas follow the list of 2022, which parts energy and joins sensing otherwise.
_AREAS = {
    "advanced_nuclear": "clean_energy",
    "renewable_energy": "clean_energy",
    "integrated_sensing": "advanced_sensing",
}
_DATES = ("%m/%d/%Y", "%Y-%m-%d", "%B %d, %Y", "%d-%b-%Y")


@pytest.fixture(scope="module")
def awards(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("sample")
    write_sources(folder, awards=8_000, entities=1_500, patents=100, seed=11)
    reader = csv.reader(io.StringIO((folder / "awards.csv").read_text(encoding="utf-8", errors="replace"), newline=""))
    header, rows, line = next(reader), [], reader.line_num + 1
    for cells in reader:
        if len(cells) == len(header):
            rows.append((line, *cells))
        line = reader.line_num + 1
    names = ["line", *(AWARDS[name] for name in header)]
    read = pl.DataFrame(rows, schema={name: pl.UInt32 if name == "line" else pl.String for name in names}, orient="row")
    truth = pl.read_parquet(folder / "truth_awards.parquet").filter(pl.col("mess") == "")
    # Two digits of a year pass for four with chrono's %Y: 3/4/22 would be the year 22.
    day = pl.col("award_date").str.replace(r"/(\d\d)$", "/20${1}").str.replace("T.*", "")
    days = [day.str.to_date(form, strict=False) for form in _DATES]
    return (
        with_cleaned_abstract(read.lazy())
        .join(truth.lazy().select("line", "firm", "area", "second_area", "follows_line"), on="line")
        .with_columns(
            pl.coalesce(days).alias("award_date"),
            pl.col("award_year").cast(pl.Int32),
            pl.when(pl.col("phase").str.contains("II|2")).then(pl.lit("II")).otherwise(pl.lit("I")).alias("phase"),
            pl.col("area", "second_area").replace(_AREAS),
            pl.col("follows_line").cast(pl.String),
            award_id=pl.col("line").cast(pl.String),
            company_id=pl.col("firm").cast(pl.String),
            agency=pl.col("topic_code").str.head(2),
        )
        .collect()
    )


def test_most_awards_get_the_area_that_they_are_about(awards: pl.DataFrame) -> None:
    found = TermClassifier(load_taxonomy()).classify(awards).filter(pl.col("is_primary"))
    answered = awards.join(found.select("award_id", "area_id", "band"), on="award_id", how="left")
    right = pl.col("area") == pl.col("area_id").fill_null("")

    assert answered.select(right.mean()).item() >= 0.85
    assert answered.filter(pl.col("area") != "").select(right.mean()).item() >= 0.9
    assert answered.filter(pl.col("band") == "high").select(right.mean()).item() >= 0.97
    assert answered.filter(pl.col("area") == "").select(right.mean()).item() >= 0.6


def test_most_predecessors_are_found_and_few_are_wrong(awards: pl.DataFrame) -> None:
    found = follows(awards.lazy(), ChainRules()).collect()
    known = awards.filter(pl.col("follows_line").is_in(awards["award_id"].to_list()))
    right = found.join(
        known.select("award_id", "follows_line"),
        left_on=["award_id", "follows_award_id"],
        right_on=["award_id", "follows_line"],
    )

    assert len(known) > 1_000
    assert len(right) / len(found) >= 0.9
    assert len(right) / len(known) >= 0.95
