"""How many runs go on at once, by memory and the most that a run may have; who waits for the locations."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parents[1] / "entrypoint"
TOTAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def started(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", ENTRYPOINT, "sh", "-c", "echo $MILLRACE_MAX_CONCURRENT_RUNS"],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("memory", "size"),
    [("2GiB", 2 << 30), ("512MiB", 512 << 20), ("1.5GiB", 3 << 29), ("9000GiB", 9000 << 30), ("1073741824", 1 << 30)],
)
def test_six_tenths_of_the_memory_are_for_runs_and_one_always_goes(memory: str, size: int) -> None:
    assert int(started(MILLRACE_RUN_MEMORY=memory).stdout) == max(1, int(TOTAL * 0.6 / size))


def test_unset_a_run_has_two_gibibytes() -> None:
    assert started().stdout == started(MILLRACE_RUN_MEMORY="2GiB").stdout


def test_a_number_that_was_set_is_taken() -> None:
    assert started(MILLRACE_MAX_CONCURRENT_RUNS="3", MILLRACE_RUN_MEMORY="2GiB").stdout == "3\n"


@pytest.mark.parametrize("memory", ["2G", "much", "0GiB", "-1GiB"])
def test_a_size_that_is_none_is_said(memory: str) -> None:
    said = started(MILLRACE_RUN_MEMORY=memory)

    assert said.returncode == 1
    assert said.stderr == f"dagster: MILLRACE_RUN_MEMORY is '{memory}' (expected a size such as 2GiB or 1536MiB)\n"


DAEMON = ["dagster-daemon", "run"]
READ_ONLY = ["webserver", "--read-only", "--port", "3000"]
WRITES = ["webserver", "--port", "3000"]


@pytest.fixture
def start(tmp_path: Path) -> Generator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program, which only says that it runs."""
    for name in ("dagster-daemon", "webserver"):
        (tmp_path / name).write_text("#!/bin/sh\necho runs\n")
        (tmp_path / name).chmod(0o755)
    started: list[subprocess.Popen[str]] = []

    def start(command: list[str], *ports: int, within_seconds: int) -> subprocess.Popen[str]:
        servers = [f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: a}}\n" for port in ports]
        (tmp_path / "workspace.yaml").write_text("load_from:\n" + "".join(servers))
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "DAGSTER_HOME": str(tmp_path),
            "MILLRACE_LOCATIONS_WITHIN_SECONDS": str(within_seconds),
        }
        process = subprocess.Popen(["sh", ENTRYPOINT, *command], env=environment, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("command", [DAEMON, READ_ONLY], ids=["daemon", "read_only"])
def test_what_waits_starts_when_every_code_location_answers(
    start: Callable[..., subprocess.Popen[str]], command: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.socket() as second:
        second.bind(("127.0.0.1", 0))
        ports = first.getsockname()[1], second.getsockname()[1]
        process = start(command, *ports, within_seconds=600)
        time.sleep(2)
        assert process.poll() is None, "it started before the second one answered"

        second.listen()

        assert process.communicate(timeout=60)[0] == "runs\n"


@pytest.mark.parametrize(
    ("command", "within_seconds"), [(DAEMON, 1), (READ_ONLY, 1), (WRITES, 600)], ids=["daemon", "read_only", "writes"]
)
def test_a_code_location_that_never_answers_keeps_nobody(
    start: Callable[..., subprocess.Popen[str]], command: list[str], within_seconds: int
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))

        process = start(command, silent.getsockname()[1], within_seconds=within_seconds)

        assert process.communicate(timeout=60)[0] == "runs\n"
