"""The process itself: it serves, answers its probe, and ends when it is asked to."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any

import pytest


class _Engine(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = b"[]" if self.path.startswith("/containers/json") else b"OK"
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class names it
        """Say nothing: a client of a Unix socket has no address to be named by."""


@pytest.fixture
def environment(tmp_path: Path) -> Generator[dict[str, str]]:
    """Settings of a gate before an engine that only answers pings."""
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    with _Engine(str(tmp_path / "docker.sock"), _Answers) as engine:
        threading.Thread(target=engine.serve_forever, args=(0.05,), daemon=True).start()
        yield {
            **os.environ,
            "GATE_SOCKET": str(tmp_path / "docker.sock"),
            "GATE_LISTENERS": f"launcher=127.0.0.1:{ports[0]},webserver=127.0.0.1:{ports[1]}",
        }
        engine.shutdown()


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "millrace_docker_gate.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def start() -> Generator[Callable[[dict[str, str]], subprocess.Popen[str]]]:
    """Start a gate and wait until its probe says that it serves."""
    started = []

    def start(environment: dict[str, str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "millrace_docker_gate.main"]
        started.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True))
        deadline = time.monotonic() + 30
        while run(environment, "probe").returncode:
            assert time.monotonic() < deadline, "the gate does not serve"
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


Start = Callable[[dict[str, str]], subprocess.Popen[str]]


def test_it_serves_each_role_logs_what_it_refuses_and_ends_when_asked_to(
    environment: dict[str, str], start: Start
) -> None:
    process = start(environment)
    for role in environment["GATE_LISTENERS"].split(","):
        connection = http.client.HTTPConnection(role.partition("=")[2], timeout=10)
        connection.request("GET", "/images/json")
        assert connection.getresponse().status == 403
        connection.close()

    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=20)

    refused = [json.loads(line) for line in printed.splitlines()]
    assert [(one["event"], one["role"], one["path"]) for one in refused] == [
        ("refused", "launcher", "/images/json"),
        ("refused", "webserver", "/images/json"),
    ]


def test_the_probe_says_who_does_not_answer(environment: dict[str, str]) -> None:
    probed = run(environment, "probe")

    assert (probed.returncode, probed.stderr.startswith("launcher: ")) == (1, True)


def test_the_probe_notices_an_engine_that_is_away(environment: dict[str, str], start: Start) -> None:
    start(environment)
    Path(environment["GATE_SOCKET"]).unlink()
    deadline = time.monotonic() + 20
    while (probed := run(environment, "probe")).returncode == 0:  # a connection that is open still serves
        assert time.monotonic() < deadline

    assert probed.stderr == "launcher: the engine answers 502\n"


def test_wrong_settings_end_it_with_a_line_per_setting(environment: dict[str, str]) -> None:
    ended = run({**environment, "GATE_RUN_PIDS": "0", "GATE_RUN_MEMORY": "much"})

    assert ended.returncode == 1
    assert [line.partition("=")[0] for line in ended.stderr.splitlines()] == [
        "docker-gate: GATE_RUN_MEMORY",
        "docker-gate: GATE_RUN_PIDS",
    ]


def test_an_unknown_argument_is_answered_with_the_usage(environment: dict[str, str]) -> None:
    assert run(environment, "serve").stderr.endswith("[probe]\n")
