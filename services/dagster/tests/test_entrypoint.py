"""How many runs go on at once, by the machine's memory and the most that a run may have; and when the daemon starts."""

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


@pytest.fixture
def daemon(tmp_path: Path) -> Generator[Callable[..., subprocess.Popen[str]]]:
    """Starts a program of the daemon's name, which says that it runs."""
    program = tmp_path / "dagster-daemon"
    program.write_text("#!/bin/sh\necho runs\n")
    program.chmod(0o755)
    started: list[subprocess.Popen[str]] = []

    def start(*ports: int, within_seconds: int) -> subprocess.Popen[str]:
        servers = [f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: a}}\n" for port in ports]
        (tmp_path / "workspace.yaml").write_text("load_from:\n" + "".join(servers))
        environment = {
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "DAGSTER_HOME": str(tmp_path),
            "MILLRACE_LOCATIONS_WITHIN_SECONDS": str(within_seconds),
        }
        command = ["sh", ENTRYPOINT, "dagster-daemon", "run"]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_daemon_starts_when_every_code_location_answers(daemon: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.socket() as second:
        second.bind(("127.0.0.1", 0))
        ports = first.getsockname()[1], second.getsockname()[1]
        process = daemon(*ports, within_seconds=600)
        time.sleep(2)
        assert process.poll() is None, "it started before the second one answered"

        second.listen()

        assert process.communicate(timeout=60)[0] == "runs\n"


def test_a_code_location_that_never_answers_does_not_keep_it(daemon: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))

        process = daemon(silent.getsockname()[1], within_seconds=1)

        assert process.communicate(timeout=60)[0] == "runs\n"
