"""The recipe's part on containers, followed to the letter in a copy of the checkout, as a platform of its own."""

import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.integration.platform.conftest import Platform, docker, eventually, free_port, left_of, remove

from millrace.compose.project import Project

DOMAIN = "weather"
NAME = f"millrace-recipe-{os.getpid()}"
LAST = "scripts/millrace launch daily_job"


def recipe(checkout: Path) -> tuple[dict[str, str], list[str]]:
    """The files of the recipe by path, and its commands for containers in order."""
    text = (checkout / "docs" / "add-a-domain.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```\w+ file=(\S+)\n(.*?)```", text, flags=re.DOTALL))
    (block,) = re.findall(r"```console in containers\n(.*?)```", text, flags=re.DOTALL)
    return files, [line.removeprefix("$ ") for line in block.splitlines()]


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    foreign = ("MILLRACE_", "MUSEUM_", "COMPOSE_", "VIRTUAL_ENV", "ROOT")
    return {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | {
        "COMPOSE_PROJECT_NAME": NAME,
        "COMPOSE_FILE": "compose.yaml:compose.source.yaml",
        "MILLRACE_IMAGES": NAME,
        "MILLRACE_PORT": str(free_port()),
    }


def run(command: str, checkout: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", command], cwd=checkout, env=environment, capture_output=True, text=True, check=False, timeout=900
    )


@pytest.fixture(scope="module")
def followed(checkout: Path, environment: dict[str, str]) -> Generator[dict[str, subprocess.CompletedProcess[str]]]:
    """What each command came to; third-party images are those that are there, our own are built from the copy."""
    files, commands = recipe(checkout)
    for name, content in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content, encoding="utf-8")
    locked = run("scripts/lock", checkout, environment)
    assert locked.returncode == 0, locked.stderr
    for folder in (checkout / "infra" / "images").glob("*/Dockerfile"):
        docker("tag", f"millrace/{folder.parent.name}:dev", f"{NAME}/{folder.parent.name}:dev")
    try:
        yield {command: run(command, checkout, environment) for command in commands}
    finally:
        run("docker compose down --volumes", checkout, environment)
        left = left_of(NAME)
        remove(NAME)
        images = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{NAME}/*").split()
        docker("rmi", "--force", *images)
    assert left == []


def test_the_domain_comes_up_and_runs_in_a_container_of_its_own(
    followed: dict[str, subprocess.CompletedProcess[str]],
) -> None:
    for command, result in followed.items():
        assert result.returncode == 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    run_id = followed[LAST].stdout.splitlines()[0].rpartition("/")[2]
    image = docker("inspect", "--format", "{{.Config.Image}}", f"{NAME}-run-{run_id}").strip()
    assert image == f"{NAME}/{DOMAIN}:dev"


@pytest.mark.usefixtures("followed")
def test_its_broken_code_leaves_the_others_working_and_is_seen(checkout: Path, environment: dict[str, str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for key in ("COMPOSE_PROJECT_NAME", "COMPOSE_FILE", "MILLRACE_IMAGES", "MILLRACE_PORT"):
            patch.setenv(key, environment[key])
        platform = Platform(Project(checkout), NAME, int(environment["MILLRACE_PORT"]), 0, environment)
        definitions = checkout / "code_locations" / DOMAIN / "src" / f"millrace_{DOMAIN}" / "definitions.py"
        whole = definitions.read_text()
        definitions.write_text("import no_such_module\n")
        replaced = run(f"docker compose build {DOMAIN} && docker compose up -d {DOMAIN}", checkout, environment)
        assert replaced.returncode == 0, replaced.stderr

        def seen() -> None:
            kinds = platform.locations()
            assert kinds == {DOMAIN: "PythonError", "museum": "RepositoryLocation", "platform": "RepositoryLocation"}

        eventually(seen, 120)
        status = run("scripts/millrace status", checkout, environment)
        assert status.returncode == 1
        assert f"docker compose logs --tail 50 {DOMAIN}" in status.stdout
        assert platform.ended(platform.launch("retention_job")) == "SUCCESS"

        definitions.write_text(whole)
        mended = run(f"docker compose build {DOMAIN} && docker compose up -d --wait", checkout, environment)
        assert mended.returncode == 0, mended.stderr
        eventually(lambda: platform.client().find_job("daily_job", DOMAIN), 120)
