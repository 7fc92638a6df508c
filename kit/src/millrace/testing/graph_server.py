"""A real Neo4j for tests: the platform's image, started beside them on a port of its own.

The image is `$NEO4J_IMAGE`, else `${MILLRACE_IMAGES:-millrace}/neo4j:${MILLRACE_VERSION:-dev}`; nothing is pulled.
Unlike Go's programs, Java's does not run outside of its image.
"""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from millrace.testing.programs import NoProgramError

PASSWORD = "a password of some length"  # noqa: S105  # of a server that lives as long as the tests
_ANSWERS_WITHIN_SECONDS = 300.0
# What compose.yaml gives: a load that needs more would fail there.
HEAP, PAGE_CACHE, JAVA_OPTIONS = "512m", "128m", "-XX:-UseG1GC -XX:+UseParallelGC"


class GraphServer:
    """A Neo4j in a container, with the memory that it has in compose.

    Args:
        image: Its image.
        folder: Gets the folder of its secrets.
        is_kept: Whether its data outlives a kill; else it lies in memory, which is quicker.

    Attributes:
        address: For the driver, `bolt://127.0.0.1:32768`; the same after it is started again.
        secrets: Folder with the file of its password, as a domain's secrets lie there.
        name: Of its container.
    """

    def __init__(self, image: str, folder: Path, *, is_kept: bool = False) -> None:
        self.name = f"millrace-graph-{uuid4().hex[:12]}"
        self.secrets = folder / "secrets"
        self.secrets.mkdir(parents=True, exist_ok=True)
        (self.secrets / "neo4j_password").write_text(PASSWORD)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._published = f"127.0.0.1:{probe.getsockname()[1]}"
        self.address = f"bolt://{self._published}"
        self._image = image
        self._data = [] if is_kept else ["--tmpfs", "/data:uid=7474,gid=7474,mode=0750,size=4g"]

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            NoProgramError: there is no such image.
            TimeoutError: it does not answer within five minutes; the text has its last lines.
        """
        environment = {
            "NEO4J_AUTH": f"neo4j/{PASSWORD}",
            "NEO4J_server_memory_heap_initial__size": "64m",
            "NEO4J_server_memory_heap_max__size": HEAP,
            "NEO4J_server_memory_pagecache_size": PAGE_CACHE,
            "NEO4J_server_jvm_additional": JAVA_OPTIONS,
        }
        ended = _docker(
            *("run", "--detach", "--pull", "never", "--name", self.name, "--cpus", "2"),
            *("--publish", f"{self._published}:7687", "--add-host", "any-address:0.0.0.0", *self._data),
            *(part for name, value in environment.items() for part in ("--env", f"{name}={value}")),
            self._image,
        )
        if ended.returncode:
            reason = (ended.stderr.strip().splitlines() or ["docker is silent"])[-1]
            raise NoProgramError(f"no Neo4j from {self._image}: {reason}")
        self.wait()

    def kill(self) -> None:
        """End it as a crash does."""
        _docker("kill", "--signal", "KILL", self.name)

    def start_again(self) -> None:
        """Start it after `kill`; only what `is_kept` has its data then."""
        _docker("start", self.name)
        self.wait()

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            TimeoutError: it does not within five minutes.
        """
        from neo4j import GraphDatabase
        from neo4j.exceptions import AuthError, DriverError, Neo4jError

        deadline = time.monotonic() + _ANSWERS_WITHIN_SECONDS
        while True:
            with GraphDatabase.driver(self.address, auth=("neo4j", PASSWORD)) as driver:
                try:
                    driver.verify_connectivity()
                except (DriverError, Neo4jError) as error:
                    if isinstance(error, AuthError) or time.monotonic() > deadline:
                        said = _docker("logs", "--tail", "20", self.name)
                        raise TimeoutError(f"{self.name} does not answer: {said.stdout}{said.stderr}") from error
                else:
                    return
            time.sleep(0.2)

    def stop(self) -> None:
        """Remove it with its data."""
        _docker("rm", "--force", "--volumes", self.name)


@contextmanager
def graph_server(folder: Path, environment: Mapping[str, str], *, is_kept: bool = False) -> Generator[GraphServer]:
    """A server that answers.

    Args:
        folder: Gets its secrets.
        environment: Says which image.
        is_kept: See `GraphServer`.

    Raises:
        NoProgramError: this machine has no Docker Engine, or that has not the image.
    """
    if shutil.which("docker") is None:
        raise NoProgramError("no Neo4j: docker is not on PATH")
    images, version = environment.get("MILLRACE_IMAGES") or "millrace", environment.get("MILLRACE_VERSION") or "dev"
    server = GraphServer(environment.get("NEO4J_IMAGE") or f"{images}/neo4j:{version}", folder, is_kept=is_kept)
    try:
        server.start()
        yield server
    finally:
        with contextlib.suppress(OSError):
            server.stop()


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)  # noqa: S607
