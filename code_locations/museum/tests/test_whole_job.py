"""The museum's whole job as the demo runs it: killed runs, two runs at once, another museum."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from millrace.embedded.demo import DomainResult, Request, run_demo
from millrace.testing import Silence, repeated, run_domain, seeded_part, tree_differences

ROWS = 3_000
STAGES = [
    "harvested_artists",
    "harvested_objects",
    "harvested_objects_checks",
    "cleaned_objects",
    "joined_objects",
    "reshaped_objects",
    "published_objects",
]
UNPUBLISHED = (".lock",)  # the publisher's lock is no output


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs of a run that nobody disturbed."""
    home = tmp_path_factory.mktemp("undisturbed")
    result = run_domain(home, "museum", rows=ROWS)
    assert result.success, result.failures
    return home / "outputs"


class Killer(Silence):
    """Kills the worker with SIGKILL a moment after a step has begun."""

    def __init__(self, step: str, delay_seconds: float) -> None:
        super().__init__()
        self._step = step
        self._delay_seconds = delay_seconds
        self.killed = 0

    def message(self, message: Mapping[str, Any]) -> None:
        super().message(message)
        if message["event"] == "step" and message["step"] == self._step:
            time.sleep(self._delay_seconds)
            for child in psutil.Process().children():
                if "millrace.embedded.worker" in " ".join(child.cmdline()):
                    child.kill()
                    self.killed += 1


class Reader:
    """Reads what `current.json` points to, and keeps what was not whole."""

    def __init__(self, outputs: Path) -> None:
        self._outputs = outputs
        self.reads = 0
        self.problems: list[str] = []

    def read(self) -> None:
        for pointer in self._outputs.glob("*/*/current.json"):
            self._read(pointer)

    def _read(self, pointer: Path) -> None:
        current = json.loads(pointer.read_bytes())
        folder = pointer.parent / "publications" / current["publication"]
        manifest = json.loads((folder / "manifest.json").read_bytes())
        documents = [json.loads(line) for line in (folder / "documents.ndjson").read_bytes().splitlines()]
        self.reads += 1
        if not len(documents) == manifest["objects"] == current["objects"]:
            self.problems.append(f"{pointer}: {len(documents)} documents, {manifest['objects']} in the manifest")
        for entry in documents[:: max(len(documents) // 20, 1)]:
            if (folder / entry["path"]).stat().st_size != entry["bytes"]:
                self.problems.append(f"{entry['path']} is not whole")


@pytest.mark.faults
def test_a_run_killed_in_any_stage_and_run_again_gives_the_undisturbed_outputs(
    tmp_path: Path, undisturbed: Path
) -> None:
    home = tmp_path / "home"
    reader = Reader(home / "outputs")
    closed: list[str] = []
    killed_in = seeded_part(STAGES, 3)
    with repeated(reader.read):
        for number, step in enumerate(killed_in):
            killer = Killer(step, delay_seconds=0.15 * (number % 2))
            (result,) = run_demo(Request(home, "museum", rows=ROWS), killer)
            assert not result.success
            assert killer.killed == 1, f"{step} was not killed"
            assert "signal 9" in result.failures[0]
            closed += [step for message in killer.messages if "marked as failed" in str(message)]
        result = run_domain(home, "museum", rows=ROWS)
        time.sleep(0.2)

    assert result.success, result.failures
    assert tree_differences(undisturbed, home / "outputs", ignore=UNPUBLISHED) == []
    assert reader.reads > 0
    assert reader.problems == []
    assert closed == killed_in[1:], "orphaned runs were not closed by the run after them"


def test_two_runs_at_once_leave_the_data_of_one(tmp_path: Path, undisturbed: Path) -> None:
    home = tmp_path / "home"
    results: list[DomainResult] = []
    notes: list[str] = []

    def run() -> None:
        audience = Silence()
        results.extend(run_demo(Request(home, "museum", rows=ROWS), audience))
        notes.extend(audience.notes)

    command = [sys.executable, "-m", "millrace.cli", "demo", "--domain", "museum", "--rows", str(ROWS)]
    first = subprocess.Popen([*command, "--out", str(home), "--json"], stdout=subprocess.DEVNULL)
    while not (home / ".lock").exists():
        time.sleep(0.05)
    time.sleep(0.5)
    run()

    assert first.wait() == 0
    assert all(result.success for result in results)
    assert any("waiting for a demo" in note for note in notes)
    assert tree_differences(undisturbed, home / "outputs", ignore=(*UNPUBLISHED, "change_report.json")) == []


def test_a_second_museum_needs_a_mapping_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "kunsthalle"
    (source / "werke").mkdir(parents=True)
    for number in range(30):
        work = {
            "inventar": f"K/{number}",
            "titel": {"de": f"Bild {number}", "en": f"Picture {number}"},
            "masse": {"hoehe_cm": "12.5"},
            "jahr": f"um {1800 + number}",
            "kuenstler": "Paula Modersohn; Otto Modersohn",
        }
        (source / "werke" / f"{number:03}.json").write_text(json.dumps(work))
    mapping = {
        "museum": "kunsthalle",
        "title": "Kunsthalle",
        "objects": {
            "files": "werke/*.json",
            "format": "json",
            "fields": {
                "object_id": {"from": "inventar"},
                "title": {"from": "titel.de"},
                "other_title": {"from": "titel.en"},
                "height_mm": {"from": "masse.hoehe_cm", "unit": "cm"},
                "date_text": {"from": "jahr"},
                "artists": {"from": "kuenstler", "split": ";", "each": {"name": "."}},
            },
        },
    }
    path = tmp_path / "kunsthalle.yaml"
    path.write_text(yaml.safe_dump(mapping))

    result = run_domain(tmp_path / "home", "museum", source=source, mapping=str(path))

    assert result.success, result.failures
    assert result.asset("published_objects").rows == 30
    root = Path(result.outputs[0])
    folder = root / "publications" / json.loads((root / "current.json").read_text())["publication"]
    document = json.loads((folder / "objects" / "K%2F7.json").read_text())
    assert document["title"] == "Bild 7"
    assert document["dimensions"]["height_mm"] == 125.0
    assert document["dates"] == {"text": "um 1807", "start_year": 1807, "end_year": None}
    assert [artist["name"] for artist in document["artists"]] == ["Paula Modersohn", "Otto Modersohn"]
