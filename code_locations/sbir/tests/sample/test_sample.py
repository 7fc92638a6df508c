"""The sample is what its truth says: whole or not there, the same every time, and wrong in known ways only."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.errors import ConfigurationError
from millrace.quality import Reject, RejectKind, RejectLog, read_rejects
from millrace.stores import FolderStore
from millrace_sbir.columns import AWARDS
from millrace_sbir.sample import write_sample, write_sources
from millrace_sbir.sample.firms import cage_of, duns_of, uei_of
from millrace_sbir.sample.mess import UNREADABLE
from millrace_sbir.sources.opening import Opening
from millrace_sbir.sources.tables import read_awards, read_companies, read_patents, read_sam

ROWS = 4_000
Reading = Callable[..., Iterator[pl.DataFrame]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, ROWS, seed=3)
    return folder


@pytest.fixture(scope="module")
def truth(sample: Path) -> dict[str, Any]:
    return json.loads((sample / "truth.json").read_bytes())


@pytest.fixture(scope="module")
def lines(sample: Path) -> pl.DataFrame:
    return pl.read_parquet(sample / "truth_awards.parquet")


@pytest.fixture(scope="module")
def read(
    sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Reading], tuple[pl.DataFrame, list[Reject]]]:
    store = FolderStore(tmp_path_factory.mktemp("rejects"))

    def run(file: str, reading: Reading) -> tuple[pl.DataFrame, list[Reject]]:
        with RejectLog(store, file) as log:
            frame = pl.concat(list(reading(Opening(sample).open(str(sample / file)), log)))
        return frame, list(read_rejects(store, file))

    return run


def test_the_same_rows_and_seed_give_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, ROWS, seed=3)

    names = sorted(path.name for path in sample.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    assert [name for name in names if (sample / name).read_bytes() != (tmp_path / name).read_bytes()] == []


def test_another_seed_gives_another_sample(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path, ROWS, seed=4)

    assert (sample / "awards.csv").read_bytes() != (tmp_path / "awards.csv").read_bytes()


def test_a_sample_that_is_there_is_left_as_it_is(sample: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in sample.iterdir()}

    write_sample(sample, ROWS, seed=3)

    assert before == {path.name: path.stat().st_mtime_ns for path in sample.iterdir()}


def test_a_sample_that_lost_a_file_is_written_again(tmp_path: Path) -> None:
    write_sample(tmp_path, 50, seed=1)
    (tmp_path / "patents.zip").unlink()

    write_sample(tmp_path, 50, seed=1)

    assert (tmp_path / "patents.zip").exists()


def test_the_environment_names_the_files(tmp_path: Path) -> None:
    environment = write_sample(tmp_path, 10, seed=1)

    assert list(environment) == ["SBIR_AWARDS", "SBIR_COMPANIES", "SBIR_SAM", "SBIR_PATENTS"]
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in environment.values())


def test_nothing_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="awards is 0, at least 1"):
        write_sample(tmp_path, 0, seed=1)


def test_more_awards_have_the_same_firms(tmp_path: Path) -> None:
    for rows in (100, 1_000):
        write_sources(tmp_path / str(rows), awards=rows, entities=500, patents=10, seed=1)

    few, many = (pl.read_parquet(tmp_path / str(rows) / "truth_firms.parquet") for rows in (100, 1_000))
    assert few.drop("awards").equals(many.drop("awards"))


def test_the_header_is_that_of_the_reader(sample: Path) -> None:
    with (sample / "awards.csv").open(newline="") as file:
        assert next(csv.reader(file)) == list(AWARDS)


def test_the_header_is_the_public_one(sample: Path) -> None:
    path = Path(os.environ.get("MILLRACE_REAL_DATA", "/nonexistent")) / "sbir" / "award_columns.json"
    if not path.is_file():
        pytest.skip("MILLRACE_REAL_DATA does not lead to sbir/award_columns.json")
    with (sample / "awards.csv").open(newline="") as file:
        assert next(csv.reader(file)) == json.loads(path.read_bytes())["columns"]


def test_the_reader_gives_the_awards_that_the_truth_calls_readable_at_their_lines(
    read: Any, lines: pl.DataFrame
) -> None:
    awards, _ = read("awards.csv", read_awards)

    assert awards["line"].to_list() == lines.filter("is_readable")["line"].to_list()


def test_each_award_has_the_keys_of_the_truth(read: Any, lines: pl.DataFrame) -> None:
    awards, _ = read("awards.csv", read_awards)

    keys = awards.select("line", tracking="agency_tracking_number", contract="contract")
    known = lines.filter(pl.col("is_readable") & (pl.col("mess") != "missing_key")).select(
        "line", "tracking", "contract"
    )
    assert keys.filter(pl.col("tracking").is_not_null()).equals(known)


def test_the_reader_rejects_what_the_truth_calls_unreadable(read: Any, lines: pl.DataFrame) -> None:
    _, rejects = read("awards.csv", read_awards)

    wrong = lines.filter(~pl.col("is_readable")).select("line", "mess").rows()
    told = [(int(one.place.split(":")[1]), one.rule) for one in rejects if one.kind is RejectKind.ROW]
    assert told == [(line, kind.split(":")[0]) for line, kind in wrong]
    assert {kind for _, kind in wrong} == set(UNREADABLE)


@pytest.mark.parametrize(
    ("file", "name", "reading"),
    [
        ("companies.csv", "companies", read_companies),
        ("sam_entities.zip", "registry", read_sam),
        ("patents.zip", "patents", read_patents),
    ],
)
def test_the_other_files_are_read_as_the_truth_says(
    file: str, name: str, reading: Reading, read: Any, truth: dict[str, Any]
) -> None:
    frame, rejects = read(file, reading)

    rules = Counter(one.rule for one in rejects if one.kind is RejectKind.ROW)
    known = Counter[str]()
    for kind, count in truth[name].items():
        if (rule := kind.split(":")[0]) in ("wrong_width", "not_csv", "not_utf8"):
            known[rule] += count
    assert frame.height == truth[name]["readable"]
    assert rules == known


def test_what_costs_rows_stays_below_two_percent(lines: pl.DataFrame, truth: dict[str, Any]) -> None:
    costs = sum(truth["awards"]["mess"].get(kind, 0) for kind in UNREADABLE)

    assert costs == lines.filter(~pl.col("is_readable")).height
    assert 0 < costs / lines.height < 0.02


def test_duplicates_are_equal_and_collisions_only_have_the_same_keys(read: Any, lines: pl.DataFrame) -> None:
    awards, _ = read("awards.csv", read_awards)
    rows = {row["line"]: row for row in awards.drop("source_file").to_dicts()}
    for kind in ("duplicate", "collision"):
        for line in lines.filter(pl.col("mess") == kind)["line"]:
            keys = rows[line]["agency_tracking_number"], rows[line]["contract"]
            same = [row for row in rows.values() if (row["agency_tracking_number"], row["contract"]) == keys]
            assert len(same) > 1
            contents = {json.dumps({**row, "line": 0}, sort_keys=True) for row in same}
            assert (len(contents) == 1) == (kind == "duplicate")


def test_a_phase_two_follows_a_phase_one_of_its_firm_and_topic(read: Any, lines: pl.DataFrame) -> None:
    awards, _ = read("awards.csv", read_awards)
    followers = lines.filter(pl.col("follows_line").is_not_null() & (pl.col("mess") == "")).select(
        "line", "follows_line"
    )
    pairs = followers.join(awards, on="line").join(awards, left_on="follows_line", right_on="line", suffix="_first")

    assert pairs.height > ROWS / 10
    assert pairs.filter(pl.col("topic_code") != pl.col("topic_code_first")).height == 0


def test_one_firm_in_twelve_is_not_registered(sample: Path, lines: pl.DataFrame) -> None:
    firms = pl.read_parquet(sample / "truth_firms.parquet")

    assert 0.06 < firms["uei"].null_count() / firms.height < 0.1
    assert 0.01 < lines["uei"].null_count() / lines.height < 0.1


def test_every_registered_firm_is_in_the_registry_once(sample: Path, read: Any) -> None:
    entities, _ = read("sam_entities.zip", read_sam)
    firms = pl.read_parquet(sample / "truth_firms.parquet").drop_nulls("uei")

    found = entities.join(firms, on="uei", how="inner")
    assert found["uei"].n_unique() == firms.height
    assert entities.height > 8 * firms.height


def test_identifiers_are_of_one_firm_each() -> None:
    numbers = range(150_000)

    for make, length in ((uei_of, 12), (duns_of, 9), (cage_of, 5)):
        made = {make(number) for number in numbers}
        assert len(made) == len(numbers)
        assert {len(one) for one in made} == {length}
    assert not {character for number in range(2_000) for character in uei_of(number)} & {"O", "I"}


def test_a_patent_that_names_an_award_belongs_to_its_firm_and_names_its_contract(
    sample: Path, read: Any, lines: pl.DataFrame
) -> None:
    patents, _ = read("patents.zip", read_patents)
    known = pl.read_parquet(sample / "truth_patents.parquet").filter(pl.col("award_line").is_not_null())
    naming = known.join(patents, on="line").join(lines, left_on="award_line", right_on="line", suffix="_award")

    assert naming.height > 0.3 * patents.height
    assert naming.filter(pl.col("firm") != pl.col("firm_award")).height == 0
    contracts = pl.col("contract").str.replace_all("-", "")
    statements = pl.col("government_interest").str.replace_all("-", "")
    named = naming.filter(pl.col("mess") != "repeated").filter(~statements.str.contains(contracts, literal=True))
    assert named.height == 0


def test_abstracts_are_about_their_areas_and_have_a_real_length(read: Any, lines: pl.DataFrame) -> None:
    awards, _ = read("awards.csv", read_awards)

    assert 1_200 < awards["abstract"].str.len_bytes().mean() < 1_700
    assert lines["area"].n_unique() == 20
    assert 0.1 < lines.filter(pl.col("area") == "").height / lines.height < 0.3
    assert lines.filter(pl.col("sounds_like") == pl.col("area"), pl.col("area") != "").height == 0
    outside = lines.filter(pl.col("area") == "")
    assert outside.filter(pl.col("sounds_like") != "").height > 0.2 * outside.height
