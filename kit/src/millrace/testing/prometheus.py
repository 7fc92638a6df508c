"""A real Prometheus for tests, on a port of its own: the program on PATH, else the platform's image.

What belongs here: starting, reading, stopping. What does not: what it scrapes.

From the image it runs as a container on the host's network, so that it reaches a target that the test itself serves.
"""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_ANSWERS_WITHIN_SECONDS = 60.0


class NoPrometheusError(Exception):
    """This machine has no Prometheus; the text says where it was looked for."""


@contextmanager
def prometheus_server(folder: Path) -> Generator[str]:
    """A server that answers.

    Args:
        folder: Holds `prometheus.yml`, and whatever that names; everybody may read it.

    Yields:
        Its address.

    Raises:
        NoPrometheusError: this machine has none.
        TimeoutError: it does not answer within a minute; the text has its last lines.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    name = f"prometheus-{uuid4().hex[:12]}"
    command = _command(folder, name, os.environ)
    flags = [
        f"--web.listen-address={address}",
        "--enable-feature=exemplar-storage",
        "--storage.tsdb.retention.time=1d",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, *flags], stdout=log, stderr=log)
    try:
        _wait(f"http://{address}/-/ready", process, folder / "log")
        yield f"http://{address}"
    finally:
        process.terminate()
        if command[0] == "docker":
            subprocess.run(["docker", "rm", "--force", "--volumes", name], check=False, capture_output=True)  # noqa: S607
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


def _command(folder: Path, name: str, environment: Mapping[str, str]) -> list[str]:
    found = shutil.which("prometheus")
    if found is not None:
        return [found, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    images, version = environment.get("MILLRACE_IMAGES") or "millrace", environment.get("MILLRACE_VERSION") or "dev"
    image = f"{images}/prometheus:{version}"
    if shutil.which("docker") is None:
        raise NoPrometheusError("there is neither prometheus nor docker on PATH")
    there = subprocess.run(["docker", "image", "inspect", image], check=False, capture_output=True)  # noqa: S607
    if there.returncode:
        raise NoPrometheusError(f"there is no prometheus on PATH, and no Docker Engine here has the image {image}")
    mounted = [f"--volume={folder}:/etc/prometheus:ro", "--tmpfs=/scratch:mode=1777"]
    ran = ["docker", "run", "--rm", "--pull=never", f"--name={name}", "--network=host", *mounted, image]
    return [*ran, "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/scratch"]
