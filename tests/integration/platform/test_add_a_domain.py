"""The recipe's part on containers, followed to the letter in a copy of the checkout, as a platform of its own."""

import os
import re
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.integration.platform.conftest import DOMAINS, PREFIX, Platform, docker, eventually, throw_away

from millrace.testing.fixtures import in_the_whole_matrix_only

pytestmark = in_the_whole_matrix_only("brings a platform up for minutes; the recipe's other part is always followed")
DOMAIN = "weather"
NAME = f"{PREFIX}-{os.getpid()}"
LAST = "scripts/millrace launch daily_job"


def recipe(checkout: Path) -> tuple[dict[str, str], list[str]]:
    """The files of the recipe by path, and its commands for containers in order."""
    text = (checkout / "docs" / "add-a-domain.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```\w+ file=(\S+)\n(.*?)```", text, flags=re.DOTALL))
    (block,) = re.findall(r"```console in containers\n(.*?)```", text, flags=re.DOTALL)
    return files, [line.removeprefix("$ ") for line in block.splitlines()]


@pytest.fixture(scope="module")
def environment(checkout: Path) -> Generator[dict[str, str]]:
    with throw_away({"COMPOSE_PROJECT_NAME": NAME, "MILLRACE_IMAGES": NAME}, checkout) as environment:
        yield environment


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
        run("docker compose down", checkout, environment)
        images = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{NAME}/*").split()
        docker("rmi", "--force", *images)


def test_the_domain_comes_up_and_runs_in_a_container_of_its_own(
    followed: dict[str, subprocess.CompletedProcess[str]],
) -> None:
    for command, result in followed.items():
        assert result.returncode == 0, f"{command}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    run_id = followed[LAST].stdout.splitlines()[0].rpartition("/")[2]
    image = docker("inspect", "--format", "{{.Config.Image}}", f"{NAME}-run-{run_id}").strip()
    assert image == f"{NAME}/{DOMAIN}:dev"


@pytest.mark.usefixtures("followed")
def test_it_is_confined_as_the_others_are_and_has_secrets_of_its_own(
    checkout: Path, environment: dict[str, str]
) -> None:
    platform = Platform.of(environment, checkout)
    ours, other = platform.container(DOMAIN), platform.container("museum")

    for setting in ("ReadonlyRootfs", "CapDrop", "SecurityOpt", "Memory", "NanoCpus", "PidsLimit", "Privileged"):
        assert ours["HostConfig"][setting] == other["HostConfig"][setting], setting
    assert ours["Config"]["User"] == other["Config"]["User"]
    assert ours["NetworkSettings"]["Networks"].keys() == other["NetworkSettings"]["Networks"].keys()
    secrets = {mount["Name"] for mount in ours["Mounts"] if mount["Destination"] == "/run/secrets"}
    assert secrets == {f"{NAME}_secrets-{DOMAIN}"}


@pytest.mark.usefixtures("followed")
def test_its_broken_code_leaves_the_others_working_and_is_seen(checkout: Path, environment: dict[str, str]) -> None:
    platform = Platform.of(environment, checkout)
    definitions = checkout / "code_locations" / DOMAIN / "src" / f"millrace_{DOMAIN}" / "definitions.py"
    whole = definitions.read_text()
    definitions.write_text("import no_such_module\n")
    replaced = run(f"docker compose build {DOMAIN} && docker compose up -d {DOMAIN}", checkout, environment)
    assert replaced.returncode == 0, replaced.stderr

    def seen() -> None:
        kinds = platform.locations()
        assert kinds == {**dict.fromkeys(DOMAINS, "RepositoryLocation"), DOMAIN: "PythonError"}

    eventually(seen, 120)
    status = run("scripts/millrace status", checkout, environment)
    assert status.returncode == 1
    assert f"docker compose logs --tail 50 {DOMAIN}" in status.stdout
    assert platform.ended(platform.launch("retention_job")) == "SUCCESS"

    definitions.write_text(whole)
    mended = run(f"docker compose build {DOMAIN} && docker compose up -d --wait", checkout, environment)
    assert mended.returncode == 0, mended.stderr
    eventually(lambda: platform.client().find_job("daily_job", DOMAIN), 120)
