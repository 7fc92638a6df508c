"""One process uses a home at a time, and the kernel frees it when that process ends, however it ends."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from millrace.embedded.home import INTERACTIVE, Home
from millrace.errors import HomeInUseError

PATIENCE_SECONDS = 20

# Holds a home until it is killed; with a second argument a child of its own inherits the lock and outlives it.
HOLDER = """
import subprocess, sys, time
from pathlib import Path
from millrace.embedded.home import Home

with Home(Path(sys.argv[1])).locked(sys.argv[2], print) as lock:
    if len(sys.argv) > 3:
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=0, pass_fds=[lock])
        print(child.pid, flush=True)
    else:
        print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def holder(home: Path, purpose: str, *more: str) -> Generator[subprocess.Popen[str]]:
    """A process that holds a home; its standard input is a pipe that ends with this block."""
    command = [sys.executable, "-c", HOLDER, str(home), purpose, *more]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


class Waiter(threading.Thread):
    """Waits for a home in this process."""

    def __init__(self, home: Path) -> None:
        super().__init__(daemon=True)
        self._home = home
        self.lines: list[str] = []
        self.waits = threading.Event()
        self.has_it = threading.Event()

    def run(self) -> None:
        with Home(self._home).locked("a test", self._told):
            self.has_it.set()

    def _told(self, line: str) -> None:
        self.lines.append(line)
        self.waits.set()


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_free_home_is_had_at_once_and_again(tmp_path: Path) -> None:
    told: list[str] = []
    for _ in range(2):
        with Home(tmp_path / "new").locked("a test", told.append):
            held = json.loads((tmp_path / "new" / ".lock").read_text())
            assert held == {"purpose": "a test", "process": os.getpid()}

    assert told == []


def test_a_second_process_is_told_whom_it_waits_for_and_then_has_the_home(tmp_path: Path) -> None:
    waiter = Waiter(tmp_path)
    with Home(tmp_path).locked("a demo", print):
        waiter.start()
        assert waiter.waits.wait(PATIENCE_SECONDS)
        assert not waiter.has_it.wait(0.7)  # longer than one further try
    assert waiter.has_it.wait(PATIENCE_SECONDS)
    assert waiter.lines == [f"waiting for a demo (process {os.getpid()}) to finish in {tmp_path}"]


def test_a_home_whose_holder_stays_is_refused_at_once(tmp_path: Path) -> None:
    with holder(tmp_path, INTERACTIVE) as process:
        assert read_line(process) == "held"
        with pytest.raises(HomeInUseError) as caught, Home(tmp_path).locked("a test", print):
            raise AssertionError("the home was had")

    expected = f"{tmp_path}: is in use by ui (process {process.pid}); stop it, start the job there, or take another"
    assert str(caught.value).startswith(expected)


def test_a_holder_that_has_not_said_who_it_is_is_waited_for(tmp_path: Path) -> None:
    waiter = Waiter(tmp_path)
    with Home(tmp_path).locked(INTERACTIVE, print):
        (tmp_path / ".lock").write_text("")
        waiter.start()
        assert waiter.waits.wait(PATIENCE_SECONDS)
    assert waiter.has_it.wait(PATIENCE_SECONDS)
    assert waiter.lines == [f"waiting for another process to finish in {tmp_path}"]


@pytest.mark.parametrize("purpose", ["a demo", INTERACTIVE])
def test_a_killed_holder_frees_the_home(tmp_path: Path, purpose: str) -> None:
    with holder(tmp_path, purpose) as process:
        assert read_line(process) == "held"
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)

        waiter = Waiter(tmp_path)
        waiter.start()
        assert waiter.has_it.wait(PATIENCE_SECONDS)
    assert waiter.lines == []


def test_a_child_that_inherited_the_lock_keeps_the_home_until_it_ends(tmp_path: Path) -> None:
    waiter = Waiter(tmp_path)
    with holder(tmp_path, "a demo", "with a child") as process:
        assert read_line(process).isdigit()
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE_SECONDS)

        waiter.start()
        assert waiter.waits.wait(PATIENCE_SECONDS)
        assert not waiter.has_it.wait(0.7)
        assert process.stdin is not None
        process.stdin.close()  # the child reads its end and goes
        assert waiter.has_it.wait(PATIENCE_SECONDS)
