"""The README, followed by a newcomer: a fresh clone, an empty environment, its commands in its order."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PORT = "38731"
# Commands that this very test run is part of; CI runs them as its outermost commands.
RUN_BY_CI = {"scripts/check", "scripts/test"}
# Commands of the platform in containers; tests/integration/platform gives them to a platform of its own.
RUN_IN_CONTAINERS = {
    "docker compose up -d --wait",
    "scripts/millrace credentials",
    "scripts/millrace source museum",
    "scripts/millrace launch nightly_job",
}


def readme_commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def clone(checkout: Path) -> Path:
    """What a newcomer has: the checkout as git has it, without environment and data."""
    return checkout


@pytest.fixture
def newcomer() -> dict[str, str]:
    """A newcomer's environment: no settings of ours, no environment that is active."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MILLRACE_", "MUSEUM_", "VIRTUAL_ENV"))
    }


def run(command: str, clone: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=clone, env=environment, capture_output=True, text=True, check=False, timeout=800
    )


@pytest.mark.checkout
def test_each_command_of_the_readme_is_followed_here_or_by_ci() -> None:
    followed = {
        "scripts/demo",
        "scripts/demo --ui",
        "scripts/demo --domain museum --source PATH --mapping MAPPING",
        "scripts/millrace --help",
    }

    assert set(readme_commands()) == followed | RUN_BY_CI | RUN_IN_CONTAINERS


@pytest.mark.checkout
def test_a_newcomer_who_follows_the_readme_gets_what_it_says(clone: Path, newcomer: dict[str, str]) -> None:
    first = run("scripts/demo", clone, newcomer)

    assert first.returncode == 0, first.stderr[-3000:]
    for domain in ("museum", "platform", "sbir"):
        assert f"{domain}: succeeded" in first.stderr
    assert "published_objects" in first.stderr
    assert str(clone / ".millrace" / "outputs" / "museum") in first.stderr
    # Generous bounds that only a broken set-up exceeds; the claimed times are benchmarks.

    second = run("scripts/demo --domain museum --json", clone, newcomer)

    assert second.returncode == 0, second.stderr[-3000:]
    (museum,) = [json.loads(line) for line in second.stdout.splitlines()]
    assert (museum["domain"], museum["success"]) == ("museum", True)
    assert museum["assets"][-1]["asset"] == "published_objects"
    assert {"asset", "rows", "seconds", "checks_passed", "checks_warned", "checks_failed"} <= museum["assets"][
        -1
    ].keys()
    assert json.loads((Path(museum["outputs"][0]) / "change_report.json").read_text())["counts"] == {
        "added": 0,
        "changed": 0,
        "removed": 0,
    }

    help_text = run("scripts/millrace --help", clone, newcomer)
    assert help_text.returncode == 0
    assert "demo" in help_text.stdout


@pytest.mark.checkout
def test_a_given_source_with_its_mapping_runs_as_the_readme_says(
    clone: Path, newcomer: dict[str, str], tmp_path: Path
) -> None:
    made = run(f"scripts/millrace sample museum --rows 200 --out {tmp_path}/collection", clone, newcomer)
    assert made.returncode == 0, made.stderr

    command = "scripts/demo --domain museum --source PATH --mapping MAPPING"
    command = command.replace("PATH", f"{tmp_path}/collection").replace(
        "MAPPING", f"{clone}/code_locations/museum/src/millrace_museum/mappings/tate.yaml"
    )
    result = run(f"{command} --out {tmp_path}/home --json", clone, newcomer)

    assert result.returncode == 0, result.stderr[-3000:]
    assert json.loads(result.stdout)["outputs"] == [f"{tmp_path}/home/outputs/museum/tate"]


@pytest.mark.checkout
def test_the_ui_serves_dagster_with_every_location_and_stops_when_told(
    clone: Path, newcomer: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "ui.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", f"exec scripts/demo --ui --port {PORT} --rows 100"],
            cwd=clone,
            env=newcomer,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            locations = _loaded_locations(deadline_seconds=540)
        finally:
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=60)

    assert locations == {"museum", "platform", "sbir"}, log.read_text()[-3000:]
    assert code == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/server_info", timeout=5)


def _loaded_locations(deadline_seconds: float) -> set[str]:
    """Names of the code locations that the webserver has loaded without an error."""
    query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + deadline_seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
        except OSError:
            time.sleep(1)
            continue
        return {e["name"] for e in entries if e["locationOrLoadError"]["__typename"] == "RepositoryLocation"}
    return set()
