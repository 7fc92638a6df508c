"""The museum's whole job on the Tate's collection: its counts, the same again, and exactly what changed."""

import gzip
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from millrace.embedded.demo import DomainResult
from millrace.testing import run_domain, tree_differences
from millrace.testing.fixtures import in_the_whole_matrix_only


@dataclass
class Tate:
    """The Tate's source and a home on which it has been published."""

    source: Path
    home: Path
    result: DomainResult

    @property
    def outputs(self) -> Path:
        return Path(self.result.outputs[0])


@pytest.fixture(scope="module")
def tate(tmp_path_factory: pytest.TempPathFactory) -> Tate:
    source = Path(os.environ.get("MILLRACE_REAL_DATA", "/nonexistent")) / "tate"
    if not source.is_dir():
        pytest.skip("MILLRACE_REAL_DATA is not set; it names the folder that holds tate/")
    home = tmp_path_factory.mktemp("tate")
    return Tate(source, home, run_domain(home, "museum", source=source))


def test_tate_is_published_whole_and_its_artists_are_accounted_for(tate: Tate) -> None:
    result = tate.result

    assert result.success, result.failures
    assert result.asset("published_objects").rows == 69_202
    figures = result.asset("joined_objects").figures
    assert figures["artists_joined"] == 3_388
    assert figures["artists_without_objects"] == 144
    assert figures["unknown_artist_ids"] == 5
    assert result.asset("harvested_objects").checks_failed == 0
    assert result.peak_memory_bytes <= 2**30


def test_tate_twice_gives_the_same_bytes_and_an_empty_change_report(tate: Tate) -> None:
    root = tate.outputs
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.name != "change_report.json"}
    report = json.loads((root / "change_report.json").read_text())
    assert report["counts"] == {"added": 69_202, "changed": 0, "removed": 0}

    second = run_domain(tate.home, "museum", source=tate.source)

    assert second.success, second.failures
    after = {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.name != "change_report.json"}
    changed = {path.name for path in before.keys() ^ after.keys() | {p for p in before if before[p] != after.get(p)}}
    # Not a byte was written but the report: even the modification times stand. The folder itself holds the report.
    assert changed <= {root.name, ".lock", "publications"}
    report = json.loads((root / "change_report.json").read_text())
    assert report["counts"] == {"added": 0, "changed": 0, "removed": 0}
    assert report["publication"] == report["previous"]


@in_the_whole_matrix_only("the same home gives the same bytes, in the test above")
def test_tate_in_another_home_gives_the_same_bytes(tate: Tate, tmp_path: Path) -> None:
    result = run_domain(tmp_path / "home", "museum", source=tate.source / "artworks.ndjson.gz")

    assert result.success, result.failures
    theirs = Path(result.outputs[0])
    assert tree_differences(tate.outputs, theirs, ignore=(".lock", "change_report.json")) == []


def test_a_hundred_altered_and_removed_records_of_tate_are_exactly_those_in_the_change_report(
    tate: Tate, tmp_path: Path
) -> None:
    altered, removed = set(), set()
    source = tmp_path / "tate"
    source.mkdir()
    (source / "artist_data.csv").write_bytes((tate.source / "artist_data.csv").read_bytes())
    with gzip.open(tate.source / "artworks.ndjson.gz") as lines, (source / "artworks.ndjson").open("wb") as target:
        for number, line in enumerate(lines):
            record = json.loads(line)
            if number % 1_000 == 17 and len(altered) < 60:
                record["medium"] = f"{record.get('medium')}, restored"
                altered.add(record["acno"])
                target.write(json.dumps(record).encode() + b"\n")
            elif number % 1_500 == 33 and len(removed) < 40:
                removed.add(record["acno"])
            else:
                target.write(line)
    assert len(altered | removed) == 100

    result = run_domain(tate.home, "museum", source=source)

    assert result.success, result.failures
    root = tate.outputs
    report = json.loads((root / "change_report.json").read_text())
    assert set(report["changed"]) == altered
    assert set(report["removed"]) == removed
    assert report["added"] == []
    folder = root / "publications" / report["publication"]
    entries = [json.loads(line) for line in (folder / "documents.ndjson").read_bytes().splitlines()]
    dated = {entry["id"] for entry in entries if entry["changed_on"]}
    assert dated == altered
