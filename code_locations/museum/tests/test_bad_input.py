"""Bad input through the whole job: a clear message, the good records kept, the bad ones with place and reason."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

from millrace.location import assemble
from millrace.quality import Reject, RejectKind, read_rejects
from millrace.settings import Settings
from millrace.stores import FolderStore
from millrace.testing import embedded_instance, materialize_job, run_domain
from millrace_museum.definitions import DOMAIN

GOOD = 60


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with embedded_instance(tmp_path_factory.mktemp("instance")) as running:
        yield running


@dataclass
class Outcome:
    """What a run of the job left behind."""

    home: Path
    result: dg.ExecuteInProcessResult

    def rejects(self, asset: str) -> list[Reject]:
        return list(read_rejects(FolderStore(self.home / "rejects" / "museum"), f"{asset}.ndjson"))

    def stage(self, asset: str) -> pl.DataFrame:
        return pl.read_parquet(self.home / "stages" / "museum" / f"{asset}.parquet")

    @property
    def published(self) -> int | None:
        pointers = list((self.home / "outputs" / "museum").glob("*/current.json"))
        return json.loads(pointers[0].read_text())["objects"] if pointers else None

    @property
    def failures(self) -> str:
        """Everything that the failed steps and the failed error checks say."""
        lines = [
            failure.user_failure_data.description
            for event in self.result.all_events
            if event.is_step_failure and (failure := event.step_failure_data).user_failure_data is not None
        ]
        lines += [
            f"{check.check_name}: {check.description}"
            for check in self.result.get_asset_check_evaluations()
            if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR
        ]
        return "\n".join(str(line) for line in lines)


@pytest.fixture
def run(tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Any:
    def run_job(source: Path, mapping: str = "tate", job: str = "nightly_job") -> Outcome:
        monkeypatch.setenv("MUSEUM_SOURCE", str(source))
        monkeypatch.setenv("MUSEUM_MAPPING", mapping)
        home = tmp_path / "home"
        return Outcome(home, materialize_job(DOMAIN, job, home, instance))

    return run_job


def lines(count: int = GOOD) -> list[bytes]:
    return [json.dumps({"acno": f"A{number}", "title": f"Work {number}"}).encode() for number in range(1, count + 1)]


def museum(folder: Path, content: bytes, *, name: str = "artworks.ndjson") -> Path:
    """A source folder with these objects and one artist."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    (folder / "artist_data.csv").write_bytes(
        b"\xef\xbb\xbfid,name,gender,dates,yearOfBirth,yearOfDeath,placeOfBirth,placeOfDeath,url\n"
        b"1,Ada,Female,born 1900,1900,,Rome,,http://x\n"
    )
    return folder


def test_one_bad_line_costs_one_line_wherever_it_stands(tmp_path: Path, run: Any) -> None:
    content = lines(40_500)
    content[40_000] = b'{"acno": "A40001", "title": '

    outcome = run(museum(tmp_path / "source", b"\n".join(content)))

    assert outcome.result.success, outcome.failures
    assert outcome.published == 40_499
    (reject,) = outcome.rejects("harvested_objects")[:1]
    assert (reject.kind, reject.place) == (RejectKind.ROW, "artworks.ndjson:40001")
    assert "not JSON" in reject.reason


def test_a_truncated_gzip_closes_the_gate_and_keeps_what_came_before(tmp_path: Path, run: Any) -> None:
    packed = gzip.compress(b"\n".join(lines(20_000)), mtime=0)

    outcome = run(museum(tmp_path / "source", packed[: len(packed) // 2], name="artworks.ndjson.gz"))

    assert not outcome.result.success
    assert outcome.published is None
    kept = outcome.stage("harvested_objects").height
    assert 1_000 < kept < 20_000
    (reject,) = [one for one in outcome.rejects("harvested_objects") if one.kind is RejectKind.SOURCE]
    assert "breaks off" in reject.reason
    assert "harvested_objects_intake_check" in outcome.failures
    assert "breaks off" in outcome.failures


def test_a_line_in_another_encoding_costs_itself(tmp_path: Path, run: Any) -> None:
    content = [*lines(), '{"acno": "B1", "title": "Caf\xe9"}'.encode("latin-1")]

    outcome = run(museum(tmp_path / "source", b"\n".join(content)))

    assert outcome.result.success, outcome.failures
    assert outcome.published == GOOD
    (reject,) = [one for one in outcome.rejects("harvested_objects") if one.kind is RejectKind.ROW]
    assert reject.place == f"artworks.ndjson:{GOOD + 1}"
    assert reject.reason.startswith("not UTF-8: byte 0xe9")


def test_a_source_in_another_encoding_is_refused_with_the_command_that_converts_it(tmp_path: Path, run: Any) -> None:
    outcome = run(museum(tmp_path / "source", b"\n".join(lines()).decode().encode("utf-16")))

    assert not outcome.result.success
    assert "UTF-16" in outcome.failures
    assert "iconv" in outcome.failures


def test_a_record_without_a_required_field_is_rejected_with_the_name_of_the_field(tmp_path: Path, run: Any) -> None:
    content = [*lines(), b'{"acno": "B1"}', b'{"title": "No number", "acno": "  "}']

    outcome = run(museum(tmp_path / "source", b"\n".join(content)))

    assert outcome.result.success, outcome.failures
    assert outcome.published == GOOD
    reasons = [one.reason for one in outcome.rejects("harvested_objects") if one.kind is RejectKind.ROW]
    assert reasons == [
        "required field title ('title' in the source) is missing",
        "required field object_id ('acno' in the source) is missing",
    ]


def test_a_required_field_that_no_record_has_fails_at_once(tmp_path: Path, run: Any) -> None:
    content = [json.dumps({"acno": f"A{number}", "titel": "x"}).encode() for number in range(GOOD)]

    outcome = run(museum(tmp_path / "source", b"\n".join(content)))

    assert not outcome.result.success
    assert "not one usable record" in outcome.failures
    assert len(outcome.rejects("harvested_objects")) >= GOOD


def test_too_many_rejects_close_the_gate(tmp_path: Path, run: Any) -> None:
    content = [*lines(), *[b"{"] * 10]

    outcome = run(museum(tmp_path / "source", b"\n".join(content)))

    assert not outcome.result.success
    assert outcome.published is None
    limit = DOMAIN.config().max_rejected_share["harvested_objects"]
    assert limit < 10 / 70
    assert f"10 of 70 rows rejected (14.3%, at most {limit:.1%})" in outcome.failures


def test_the_first_of_two_records_with_one_identifier_is_published(tmp_path: Path, run: Any) -> None:
    content = [*lines(), b'{"acno": "A1", "title": "The second A1"}']

    outcome = run(museum(tmp_path / "source", b"\n".join(content)))

    assert outcome.result.success, outcome.failures
    assert outcome.published == GOOD
    (reject,) = outcome.rejects("cleaned_objects")
    assert reject.place == f"artworks.ndjson:{GOOD + 1}"
    assert reject.reason == "object_id 'A1' repeats that of artworks.ndjson:1, which was kept"


def test_a_200_mb_line_costs_itself_and_not_the_memory(tmp_path: Path) -> None:
    plain = museum(tmp_path / "plain", b"\n".join(lines()))
    source = museum(tmp_path / "source", b"")
    with (source / "artworks.ndjson").open("wb") as file:
        file.write(b"\n".join(lines()) + b'\n{"acno": "B1", "title": "')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
        file.write(b'"}\n{"acno": "C1", "title": "after it"}\n')

    without = run_domain(tmp_path / "home", "museum", source=plain)
    result = run_domain(tmp_path / "home", "museum", source=source)

    assert result.success, result.failures
    assert result.asset("published_objects").rows == GOOD + 1
    assert result.peak_memory_bytes - without.peak_memory_bytes < 100_000_000  # half of that line
    outcome = list(read_rejects(FolderStore(tmp_path / "home" / "rejects" / "museum"), "harvested_objects.ndjson"))
    (reject,) = [one for one in outcome if one.rule == "record_too_long"]
    assert reject.place == f"artworks.ndjson:{GOOD + 1}"
    assert "the line has 200,000,02" in reject.reason


def test_a_stage_that_rejects_rows_has_a_score_below_that_of_the_same_rows_without(tmp_path: Path, run: Any) -> None:
    def said(folder: str, content: list[bytes]) -> dict[str, float]:
        outcome = run(museum(tmp_path / folder, b"\n".join(content)))
        assert outcome.result.success, outcome.failures
        (event,) = [
            one
            for one in outcome.result.get_asset_materialization_events()
            if one.asset_key == dg.AssetKey("harvested_objects")
        ]
        metadata = event.step_materialization_data.materialization.metadata
        return {name: metadata[name].value for name in ("accepted_share", "filled_share", "quality_score")}

    whole, broken = said("whole", lines(98)), said("broken", [*lines(98), b'{"acno": ', b'{"acno": '])

    assert (whole["accepted_share"], broken["accepted_share"]) == (1.0, 0.98)
    assert broken["filled_share"] == whole["filled_share"] == whole["quality_score"]
    assert broken["quality_score"] == pytest.approx(0.98 * whole["quality_score"], abs=2e-6)


@pytest.mark.parametrize("name", ["artworks.ndjson", "artworks.ndjson.gz"])
def test_an_empty_source_is_refused(tmp_path: Path, run: Any, name: str) -> None:
    content = gzip.compress(b"", mtime=0) if name.endswith(".gz") else b""

    outcome = run(museum(tmp_path / "source", content, name=name))

    assert not outcome.result.success
    assert "the file is empty" in outcome.failures
    assert outcome.published is None


def test_a_missing_source_is_named_with_what_lies_there_instead(tmp_path: Path, run: Any) -> None:
    folder = museum(tmp_path / "source", b"x", name="other.txt")

    missing, empty = run(tmp_path / "nowhere"), run(folder)

    assert f"no file or folder {tmp_path / 'nowhere'}" in missing.failures
    assert "no file artworks.ndjson*" in empty.failures
    assert "artist_data.csv, other.txt" in empty.failures


def test_a_mapping_with_unknown_fields_is_refused_with_all_its_problems(tmp_path: Path, run: Any) -> None:
    mapping = {
        "museum": "wrong",
        "title": "Wrong",
        "objects": {
            "files": "artworks.ndjson",
            "format": "ndjsn",
            "fields": {"object_id": {"from": "acno"}, "titel": {"from": "title"}, "height": {"from": "h"}},
        },
    }
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(mapping))

    outcome = run(museum(tmp_path / "source", b"\n".join(lines())), mapping=str(path))

    assert not outcome.result.success
    for problem in ("titel: no such field; did you mean title?", "height: no such field", "title: required", "ndjsn"):
        assert problem in outcome.failures


def test_an_unmapped_field_warns_and_does_not_stop(tmp_path: Path, run: Any) -> None:
    content = [*lines(), b'{"acno": "B1", "title": "t", "colour": "red"}']

    outcome = run(museum(tmp_path / "source", b"\n".join(content)))

    assert outcome.result.success, outcome.failures
    (check,) = [
        one
        for one in outcome.result.get_asset_check_evaluations()
        if one.check_name == "harvested_objects_unexpected_fields_check"
    ]
    assert not check.passed
    assert "colour (in 1 of 61 records, named by no mapping)" in str(check.description)


def test_every_blocking_check_of_the_museum_is_asked_before_it_publishes(tmp_path: Path, run: Any) -> None:
    home = run(museum(tmp_path / "source", b"\n".join(lines()))).home
    checks = assemble(DOMAIN, Settings(home=home)).asset_checks or ()
    blocking = {spec.name for check in checks for spec in check.check_specs if spec.blocking}

    with dg.DagsterInstance.ephemeral() as forgetful:
        refused = Outcome(home, materialize_job(DOMAIN, "publish_job", home, forgetful))

    assert "joined_objects_reconciliation_check" in blocking
    assert set(re.findall(r"(\w+_check) has never judged", refused.failures)) == blocking


def test_a_gate_that_one_job_has_closed_stays_closed_for_the_job_that_publishes(tmp_path: Path, run: Any) -> None:
    torn = museum(tmp_path / "torn", b"\n".join([*lines(), *[b"{"] * 10]))
    whole = museum(tmp_path / "whole", b"\n".join(lines()))

    assert not run(torn, job="harvest_job").result.success
    assert run(torn, job="transform_job").result.success
    refused = run(torn, job="publish_job")

    assert not refused.result.success
    assert "harvested_objects_intake_check did not pass" in refused.failures
    assert refused.published is None

    for job in ("harvest_job", "transform_job", "publish_job"):
        outcome = run(whole, job=job)
        assert outcome.result.success, outcome.failures
    assert outcome.published == GOOD
