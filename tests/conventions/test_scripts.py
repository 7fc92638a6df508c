"""What the scripts say of arguments that they do not know, and of a machine without a Docker Engine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

NOWHERE = "unix:///nowhere/docker.sock"


def script(root: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [root / "scripts" / command[0], *command[1:]],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("name", ["_engine", "check", "images", "lock"])
def test_an_unknown_argument_is_named_and_nothing_is_done(root: Path, name: str) -> None:
    refused = script(root, name, "--wat")

    assert refused.returncode != 0
    assert "--wat" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_without_an_engine_the_tests_on_containers_are_left_out_and_that_is_said(root: Path) -> None:
    tests = ("--collect-only", "-q", "tests/conventions/test_scripts.py", "tests/integration/platform/test_up.py")

    done = script(root, "test", *tests, DOCKER_HOST=NOWHERE)

    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("tests on containers were left out: no Docker Engine answers")
    assert "test_up.py" not in done.stdout
    assert "test_scripts.py" in done.stdout


@pytest.mark.parametrize(("arguments", "environment"), [(["--compose"], {}), ([], {"CI": "true"})])
def test_a_check_that_may_leave_nothing_out_says_first_which_program_is_missing(
    root: Path, tmp_path: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    for name in ("bash", "cat", "dirname", "basename", "sed", "tail"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)
    (tmp_path / "docker").write_text('#!/usr/bin/env bash\n[ "$1" = compose ]\n')  # an engine without images
    (tmp_path / "docker").chmod(0o755)

    refused = script(
        root,
        "check",
        *arguments,
        PATH=str(tmp_path),
        MILLRACE_IMAGES="millrace",
        MILLRACE_VERSION="nobodys",
        **environment,
    )

    assert refused.returncode == 1
    assert refused.stderr == (
        "check: neither promtool on PATH nor the image millrace/prometheus:nobodys; run scripts/images all prometheus\n"
    )
    assert "lock is up to date" not in refused.stdout


def test_where_they_are_required_a_missing_engine_is_an_error(root: Path) -> None:
    refused = script(root, "test", "--compose", DOCKER_HOST=NOWHERE)

    assert refused.returncode == 1
    assert "no Docker Engine answers; start one, or leave --compose out" in refused.stderr
