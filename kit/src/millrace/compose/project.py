"""The compose project of this checkout: its services, its sign-in, its volume of sources.

What belongs here: calls of `docker compose`. What does not: how answers look in a terminal (`commands`), and Dagster
(`dagster_client`).
"""

import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from millrace.errors import ConfigurationError, PlatformRefusedError

_RUN_LABEL = "millrace.run_id="
_SOURCES = "/sources"  # where a domain finds the volume of sources
_FINE_STATES = ("healthy", "running", "done")
_UP_STATES = ("healthy", "running", "starting", "unhealthy")
_START = "start it with: docker compose up -d --wait"


@dataclass(frozen=True)
class Service:
    """One container of a service.

    Attributes:
        name: Of the service.
        state: `healthy`, `starting`, `unhealthy`; `running` if it has no health check; `done` or `failed` if it is a
            one-shot; `stopped` if it is none and ended; `absent` if it has no container; else Docker's own word.
    """

    name: str
    state: str

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.state in _FINE_STATES

    @property
    def up(self) -> bool:
        """Whether it runs, well or not."""
        return self.state in _UP_STATES


@dataclass(frozen=True)
class SignIn:
    """Address of the gateway, and the passwords by user."""

    address: str
    passwords: Mapping[str, str]


@dataclass(frozen=True)
class Project:
    """The compose project in `folder`."""

    folder: Path

    def services(self) -> list[Service]:
        """Its services, sorted by name; run containers are none. Nothing if none was ever started.

        Raises:
            PlatformRefusedError: Docker Compose does not answer.
        """
        # One object per line, or one array: it depends on the version.
        text = self._compose("ps", "--all", "--format", "json").strip()
        rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        configured = self._config["services"]
        ours = [
            Service(row["Service"], _state(row, configured.get(row["Service"], {})))
            for row in rows
            if _RUN_LABEL not in row["Labels"]
        ]
        if ours:
            ours += [Service(name, "absent") for name in configured.keys() - {service.name for service in ours}]
        return sorted(ours, key=lambda service: service.name)

    def sign_in(self) -> SignIn:
        """Who may sign in where.

        Raises:
            PlatformRefusedError: the platform has never been started, or is not reachable.
        """
        self._require_containers()
        shown = json.loads(self._compose("run", "--rm", "--no-deps", "-T", "secrets", "show", "--json"))
        return SignIn(self.address(), shown["users"])

    def address(self) -> str:
        """Address of the gateway: `MILLRACE_ADDRESS`, else the port that it publishes here.

        Raises:
            PlatformRefusedError: it does not run.
        """
        gateway = self._config["services"]["gateway"]
        if given := gateway["environment"].get("MILLRACE_ADDRESS"):
            return given.rstrip("/")
        published = self._compose("port", "gateway", "3000", next_step=_START).strip()
        if not published or published.endswith(":0"):
            raise PlatformRefusedError("gateway", "does not run", next_step=_START)
        host, _, port = published.rpartition(":")
        tls = gateway["environment"].get("MILLRACE_TLS") or "off"
        if tls not in ("off", "internal"):
            return f"https://{tls}" if port == "443" else f"https://{tls}:{port}"
        if host in ("0.0.0.0", "[::]"):  # noqa: S104 - every address is listened at, this machine's own too
            host = "127.0.0.1"
        if tls == "internal" and host == "127.0.0.1":
            host = "localhost"  # a certificate names no address
        return f"{'http' if tls == 'off' else 'https'}://{host}:{port}"

    def fetch(self, service: str, url: str) -> str:
        """What a service gets from an address inside of the platform.

        Raises:
            PlatformRefusedError: the service does not run, or gets nothing.
        """
        return self._compose("exec", "-T", service, "wget", "-q", "-O", "-", url)

    def run_inside(self, service: str, *arguments: str) -> bytes:
        """What a command says inside of a service.

        Raises:
            PlatformRefusedError: the service does not run, or the command failed; the error has its last line.
        """
        return self._compose("exec", "-T", service, *arguments, next_step=_START).encode()

    def put_source(self, domain: str, source: Path) -> None:
        """Replace what a domain reads: the folder, or the folder that holds the file.

        Raises:
            ConfigurationError: there is no such domain.
            PlatformRefusedError: the platform was never started, or the copy failed; what was there is there still.
        """
        with tempfile.TemporaryFile() as copy:
            with tarfile.open(fileobj=copy, mode="w") as archive:
                archive.add(source, arcname="." if source.is_dir() else source.name)
            copy.seek(0)
            self._replace_source(domain, ["tar", "-x", "--no-same-owner", "-C"], copy)

    def put_sample(self, domain: str, rows: int | None) -> None:
        """Replace what a domain reads by made-up data.

        Raises:
            ConfigurationError: there is no such domain.
            PlatformRefusedError: the platform was never started, or the domain has no sample.
        """
        size = ["--rows", str(rows)] if rows else []
        self._replace_source(domain, ["millrace", "sample", domain, *size, "--out"])

    def _replace_source(self, domain: str, fill: list[str], given: IO[bytes] | None = None) -> None:
        """Run `fill` in the domain's container; the folder that it is to fill is its last argument."""
        config = self._config
        domains = [
            name
            for name, service in config["services"].items()
            if any(mount["target"] == _SOURCES for mount in service.get("volumes") or ())
        ]
        if domain not in domains:
            next_step = f"there are {', '.join(sorted(domains))}"
            raise ConfigurationError(f"domain {domain}", ["no such code location"], next_step=next_step)
        self._require_containers()
        volume = config["volumes"]["sources"]["name"]
        container = ["run", "--rm", "--no-deps", "-T", "--volume", f"{volume}:{_SOURCES}", domain]
        self._compose(*container, "sh", "-c", _REPLACE, "sh", domain, *fill, stdin=given)

    @cached_property
    def _config(self) -> dict[str, Any]:
        return json.loads(self._compose("config", "--format", "json"))

    def _require_containers(self) -> None:
        """Else `docker compose run` would make every network and volume of a platform that is not there."""
        if not self._compose("ps", "--all", "--quiet").strip():
            raise PlatformRefusedError("the platform", "is not there", next_step=_START)

    def _compose(self, *arguments: str, stdin: IO[bytes] | None = None, next_step: str = "") -> str:
        docker = shutil.which("docker")
        if docker is None:
            install = "install Docker Engine and its compose plugin"
            raise PlatformRefusedError("docker compose", "docker is not on PATH", next_step=install)
        ended = subprocess.run(
            [docker, "compose", *arguments],
            cwd=self.folder,
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if ended.returncode != 0:
            reason = _last_line(ended.stderr.decode(errors="replace")).removeprefix("millrace: ")
            raise PlatformRefusedError(f"docker compose {arguments[0]}", reason, next_step=next_step)
        return ended.stdout.decode()


# Beside what is there, and then in its place: a run that reads at this moment has one of the two. What came from a
# folder that nobody may write to has to be removable all the same.
_REPLACE = """set -eu
domain=$1 new=".new-$1" old=".old-$1"
shift
cd /sources
remove() { [ ! -e "$1" ] || { chmod -R u+rwX "$1" && rm -rf "$1"; }; }
remove "$new"
remove "$old"
mkdir "$new"
"$@" "$new"
[ ! -e "$domain" ] || mv "$domain" "$old"
mv "$new" "$domain"
remove "$old"
"""


def _state(row: Mapping[str, Any], configured: Mapping[str, Any]) -> str:
    state, code = row["State"], row.get("ExitCode")
    if state == "running":
        # While it starts over Docker may name no health of what has a health check.
        is_checked = configured.get("healthcheck", {}).get("test") not in (None, ["NONE"])
        return row.get("Health") or ("starting" if is_checked else state)
    if state != "exited":
        return state
    if configured.get("restart", "no") == "no":
        return "done" if code == 0 else f"failed, exit code {code}"
    return f"stopped, exit code {code}"


def _last_line(text: str) -> str:
    lines: Sequence[str] = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "failed without a word"
