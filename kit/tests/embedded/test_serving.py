"""Serving Dagster on a home: what is said and how it ends when it cannot be served."""

import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from millrace.embedded.demo import serve
from millrace.errors import ConfigurationError
from millrace.testing import Silence


@pytest.fixture
def taken_port() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def test_a_taken_port_is_one_line_before_anything_is_begun(workshop: Any, tmp_path: Path, taken_port: int) -> None:
    workshop.write("", name="dry")
    home = tmp_path / "home"
    command = ["demo", "--domain", "dry", "--ui", "--port", str(taken_port), "--out", str(home)]

    ended = subprocess.run(
        [sys.executable, "-m", "millrace.cli", *command], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    problem = f"127.0.0.1:{taken_port}: Address already in use"
    assert ended.stderr == f"millrace: millrace demo --ui: {problem}; take another with --port\n"
    assert not home.exists()


def test_a_port_taken_meanwhile_is_met_before_an_address_is_announced(tmp_path: Path, taken_port: int) -> None:
    silence = Silence()

    with pytest.raises(ConfigurationError, match=f"127.0.0.1:{taken_port}: Address already in use"):
        serve(tmp_path, {}, taken_port, silence)

    assert silence.notes == []


def test_dagster_that_ends_by_itself_is_a_failure_with_the_end_of_its_log(
    workshop: Any, tmp_path: Path, free_port: int
) -> None:
    """A module `dagster` that comes before the real one stands for one that cannot start."""
    (workshop.folder / "installed" / "dagster.py").write_text("print('no room')\nraise SystemExit(3)\n")
    silence = Silence()

    served = serve(tmp_path, {}, free_port, silence)

    assert not served
    assert silence.notes[-1] == f"Dagster ended with exit code 3; the end of {tmp_path}/logs/dagster.log:\nno room"
