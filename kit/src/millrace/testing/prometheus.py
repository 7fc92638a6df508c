"""A real Prometheus for tests, on a port of its own.

What belongs here: starting, waiting, stopping. What does not: what it scrapes, and where its program comes from
(`programs`).
"""

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from millrace.testing.programs import program

_ANSWERS_WITHIN_SECONDS = 60.0


@contextmanager
def prometheus_server(folder: Path) -> Generator[str]:
    """A server that answers.

    Args:
        folder: Holds `prometheus.yml`, and whatever that names.

    Yields:
        Its address.

    Raises:
        NoProgramError: this machine has none.
        TimeoutError: it does not answer within a minute; the text has its last lines.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        program("prometheus", "prometheus:/bin/prometheus", folder, os.environ),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--storage.tsdb.retention.time=1d",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(f"http://{address}/-/ready", process, folder / "log")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def _wait(ready: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _ANSWERS_WITHIN_SECONDS
    while True:
        try:
            with urllib.request.urlopen(ready, timeout=5):  # noqa: S310 - our own, on 127.0.0.1
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace")[-2000:]
                raise TimeoutError(f"Prometheus does not answer: {said}") from error
            time.sleep(0.05)
