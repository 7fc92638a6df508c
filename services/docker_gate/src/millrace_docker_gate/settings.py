"""Settings of the gate, read from the environment once."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True)
class Settings:
    """What a run's container may be.

    Attributes:
        project: Compose project; only its run containers are touched.
        images: Prefix of the images of code locations: `<images>/<domain>:<version>`.
        version: Their tag.
        networks: Networks of a run, without the project's prefix; the first is its main one.
        environment: Variables that every run gets; no secret.
        memory_bytes: Memory limit of a run that asks for none, and the most that one may ask for.
        cpus: The same in CPUs.
        pids: The same in processes.
        scratch_bytes: Size of `/tmp`, which counts as memory.
        keep_seconds: How long an ended container stays, so that its reason and its last lines can be read.
        socket: Path of the Docker socket.
        listeners: Host and port by role.
    """

    project: str = "millrace"
    images: str = "millrace"
    version: str = "dev"
    networks: tuple[str, ...] = ("database", "storage", "graph", "egress")
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int = 2 << 30
    cpus: float = 2.0
    pids: int = 512
    scratch_bytes: int = 64 << 20
    keep_seconds: int = 600
    socket: str = "/var/run/docker.sock"
    listeners: Mapping[str, str] = field(
        default_factory=lambda: {"launcher": "gate-launcher:2375", "webserver": "gate-webserver:2376"}
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; what is unset or empty keeps its default.

        Raises:
            SystemExit: a value is none; the line names the variable, what came and what is expected.
        """
        values: dict[str, object] = {}
        for name, variable, read in (
            ("project", "COMPOSE_PROJECT_NAME", str),
            ("images", "MILLRACE_IMAGES", str),
            ("version", "MILLRACE_VERSION", str),
            ("networks", "GATE_RUN_NETWORKS", lambda text: tuple(text.split(","))),
            ("environment", "GATE_RUN_ENVIRONMENT", json.loads),
            ("memory_bytes", "GATE_RUN_MEMORY", quantity_bytes),
            ("cpus", "GATE_RUN_CPUS", float),
            ("pids", "GATE_RUN_PIDS", int),
            ("keep_seconds", "GATE_KEEP_SECONDS", int),
            ("socket", "GATE_SOCKET", str),
            ("listeners", "GATE_LISTENERS", lambda text: dict(one.split("=") for one in text.split(","))),
        ):
            text = environment.get(variable, "")
            if text:
                try:
                    values[name] = read(text)
                except ValueError as error:
                    raise SystemExit(f"docker-gate: {variable}={text!r} cannot be read: {error}") from error
        return cls(**values)  # ty: ignore[invalid-argument-type]  # each was read by its own reader


def quantity_bytes(text: str) -> int:
    """Bytes in `2GiB`, `512MiB` or a plain number.

    Raises:
        ValueError: it is none of them.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]iB|)", text.strip())
    if found is None:
        raise ValueError("expected a quantity such as 2GiB")
    return int(float(found[1]) * _UNITS[found[2]])
