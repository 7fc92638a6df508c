"""`docs/add-a-domain.md`, followed to the letter in a copy of the checkout."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from millrace.testing import tree_differences

pytestmark = pytest.mark.checkout

DOMAIN = "weather"
MADE_BY_COMMANDS = (
    ".venv",
    ".venv-grafana",
    ".tools",
    ".millrace",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    "__pycache__",
)


def recipe(root: Path) -> tuple[dict[str, str], list[str]]:
    """The files of the recipe by path, and its commands in order."""
    text = (root / "docs" / "add-a-domain.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```\w+ file=(\S+)\n(.*?)```", text, flags=re.DOTALL))
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    return files, [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def run(command: str, checkout: Path) -> subprocess.CompletedProcess[str]:
    ours = ("MILLRACE_", "MUSEUM_", "VIRTUAL_ENV", "PYTEST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def followed(checkout: Path, root: Path) -> dict[str, subprocess.CompletedProcess[str]]:
    """What each command of the recipe came to, in the copy."""
    files, commands = recipe(root)
    for name, content in files.items():
        path = checkout / name
        assert not path.exists(), f"{name} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return {command: run(command, checkout) for command in commands}


def test_every_command_of_the_recipe_succeeds(followed: dict[str, subprocess.CompletedProcess[str]]) -> None:
    assert len(followed) == 5
    for command, result in followed.items():
        assert result.returncode == 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"


def test_the_new_domain_runs_and_its_checks_judge_it(
    followed: dict[str, subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    result = run(f"scripts/demo --domain {DOMAIN} --json", checkout)

    assert result.returncode == 0, result.stderr
    summary = json.loads(result.stdout)
    assert [asset["asset"] for asset in summary["assets"]][-1] == "published_summaries"
    by_name = {asset["asset"]: asset for asset in summary["assets"]}
    # One in a hundred readings is unusable: the warning says so, the gate stays open.
    assert (by_name["cleaned_readings"]["checks_passed"], by_name["cleaned_readings"]["checks_warned"]) == (3, 1)
    assert by_name["published_summaries"]["checks_passed"] == 1
    assert DOMAIN in run("scripts/millrace domains", checkout).stdout


def test_the_new_domain_is_linted_and_tested_with_the_rest(
    followed: dict[str, subprocess.CompletedProcess[str]], checkout: Path
) -> None:
    folder = checkout / "code_locations" / DOMAIN
    tests = next(result for command, result in followed.items() if command.startswith("scripts/test"))
    assert f"code_locations/{DOMAIN}/tests/test_readings.py" in tests.stdout

    unlinted = folder / "src" / "millrace_weather" / "unlinted.py"
    unlinted.write_text("import os\n")
    try:
        assert run(".venv/bin/ruff check", checkout).returncode == 1  # as scripts/check calls it
    finally:
        unlinted.unlink()

    assets = folder / "src" / "millrace_weather" / "defs" / "readings.py"
    text = assets.read_text()
    assets.write_text(text.replace(', code_version="1"', "", 1))
    try:
        broken = run(f"scripts/test tests/conventions/test_domains.py -k {DOMAIN}", checkout)
    finally:
        assets.write_text(text)
    assert broken.returncode == 1
    assert "harvested_readings: no code_version" in broken.stdout


def test_nothing_outside_its_folder_changed_but_the_lock_and_its_dashboard(
    followed: dict[str, subprocess.CompletedProcess[str]], checkout: Path, root: Path
) -> None:
    tracked = _without_made(tree_differences(root, checkout), root, checkout)

    assert {line for line in tracked if f"code_locations/{DOMAIN}/" not in line} == {
        "differs: uv.lock",
        "differs: infra/grafana/expected_empty.json",
        f"only in {checkout}: infra/grafana/dashboards/domain-{DOMAIN}.json",
    }


def _without_made(differences: list[str], root: Path, checkout: Path) -> list[str]:
    """Differences but for what commands make and git ignores, on either side."""
    kept = []
    for line in differences:
        name = line.replace(f"only in {root}: ", "").replace(f"only in {checkout}: ", "").replace("differs: ", "")
        if not any(part in MADE_BY_COMMANDS for part in Path(name).parts) and not name.startswith(".git/"):
            kept.append(line)
    return kept
