"""Settings of the gate, read from the environment once."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TypeVar

_MAY_USE = ("graph",)
_DOMAINS_EXPECTED = f"a file with a code location per line, and what it uses of {', '.join(_MAY_USE)}"
ROLES = ("launcher", "webserver", "exporter")
Number = TypeVar("Number", int, float)
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True)
class Settings:
    """What a run's container may be.

    Attributes:
        project: Compose project; only its run containers are touched.
        images: Prefix of the images of code locations: `<images>/<domain>:<version>`.
        version: Their tag.
        domains: The code locations; no other image is one's, whatever its name.
        networks: Networks of every run, without the project's prefix; the first is its main one.
        uses: Further networks of a domain's runs, by domain: those of the stores that its `config.yaml` says it uses.
        environment: Variables that every run gets; no secret.
        memory_bytes: Memory limit of a run that asks for none, and the most that one may ask for.
        cpus: The same in CPUs.
        pids: The same in processes.
        scratch_bytes: Size of `/tmp`, which counts as memory.
        keep_seconds: How long an ended container stays, so that its reason and its last lines can be read.
        socket: Path of the Docker socket.
        launcher: The compose service that launches runs; without it the platform is being taken down.
        listeners: Host and port by role.
    """

    project: str = "millrace"
    images: str = "millrace"
    version: str = "dev"
    domains: tuple[str, ...] = ()
    networks: tuple[str, ...] = ("database", "storage", "egress")
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_bytes: int = 2 << 30
    cpus: float = 2.0
    pids: int = 512
    scratch_bytes: int = 64 << 20
    keep_seconds: int = 600
    socket: str = "/var/run/docker.sock"
    launcher: str = "dagster-daemon"
    listeners: Mapping[str, str] = field(
        default_factory=lambda: {
            "launcher": "gate-launcher:2375",
            "webserver": "gate-webserver:2376",
            "exporter": "gate-exporter:2377",
        }
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; what is unset or empty keeps its default.

        Raises:
            SystemExit: values are wrong; each line names the variable, what came and what is expected.
        """
        values: dict[str, object] = {}
        problems = []
        for name, variable, read, expected in (
            ("project", "COMPOSE_PROJECT_NAME", str, "a name"),
            ("images", "MILLRACE_IMAGES", str, "a prefix of images"),
            ("version", "MILLRACE_VERSION", str, "a tag"),
            ("domains", "GATE_DOMAINS", lambda path: tuple(_domains(path)), _DOMAINS_EXPECTED),
            ("uses", "GATE_DOMAINS", _domains, _DOMAINS_EXPECTED),
            ("networks", "GATE_RUN_NETWORKS", lambda text: tuple(text.split(",")), "names with commas between"),
            ("environment", "GATE_RUN_ENVIRONMENT", _variables, "a JSON object of text"),
            (
                "memory_bytes",
                "GATE_RUN_MEMORY",
                lambda text: _positive(quantity_bytes(text)),
                "a quantity such as 2GiB",
            ),
            ("cpus", "GATE_RUN_CPUS", lambda text: _positive(float(text)), "a number above 0, such as 1.5"),
            ("pids", "GATE_RUN_PIDS", lambda text: _positive(int(text)), "a whole number above 0"),
            ("keep_seconds", "GATE_KEEP_SECONDS", lambda text: _positive(int(text)), "a whole number above 0"),
            ("socket", "GATE_SOCKET", str, "a path"),
            ("listeners", "GATE_LISTENERS", _listeners, f"<role>=<host>:<port> for {', '.join(ROLES)}"),
        ):
            text = environment.get(variable, "")
            if text:
                try:
                    values[name] = read(text)
                except (ValueError, OSError):
                    problems.append(f"docker-gate: {variable}={text!r} cannot be read; expected {expected}")
        if problems:
            raise SystemExit("\n".join(dict.fromkeys(problems)))
        return cls(**values)  # ty: ignore[invalid-argument-type]  # each was read by its own reader

    def networks_of(self, domain: str) -> tuple[str, ...]:
        """Networks of a domain's runs."""
        return (*self.networks, *self.uses.get(domain, ()))


def quantity_bytes(text: str) -> int:
    """Bytes in `2GiB`, `512MiB` or a plain number.

    Raises:
        ValueError: it is none of them.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]iB|)", text.strip())
    if found is None:
        raise ValueError("expected a quantity such as 2GiB")
    return int(float(found[1]) * _UNITS[found[2]])


def _positive(number: Number) -> Number:
    """A limit; 0 would mean none to the engine."""
    if not (math.isfinite(number) and number > 0):
        raise ValueError(number)
    return number


def _domains(path: str) -> dict[str, tuple[str, ...]]:
    """The code locations, each with what it uses: `sbir graph`."""
    lines = [line.split() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]
    if not lines or not all(re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name) for name, *_ in lines):
        raise ValueError(path)
    if not all(set(uses) <= set(_MAY_USE) for _, *uses in lines):
        raise ValueError(path)
    return {name: tuple(uses) for name, *uses in lines}


def _variables(text: str) -> dict[str, str]:
    read = json.loads(text)
    if not isinstance(read, dict) or not all(isinstance(value, str) for value in read.values()):
        raise ValueError(text)
    return read


def _listeners(text: str) -> dict[str, str]:
    listeners = {role: address for role, _, address in (one.partition("=") for one in text.split(","))}
    if not set(listeners) <= set(ROLES) or not all(re.fullmatch(r".+:\d{1,5}", one) for one in listeners.values()):
        raise ValueError(text)
    return listeners
