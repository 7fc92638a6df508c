"""The compose project of this checkout: its services, its sign-in, its volume of sources.

What belongs here: calls of `docker compose`. What does not: how answers look in a terminal (`commands`), and Dagster
(`dagster_client`).
"""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from millrace.errors import PlatformRefusedError

_RUN_LABEL = "millrace.run_id="
_FINE_STATES = ("healthy", "running", "done")


@dataclass(frozen=True)
class Service:
    """One container of a service.

    Attributes:
        name: Of the service.
        state: `healthy`, `starting`, `unhealthy`; `running` if it has no health check; `done` if it was a one-shot
            that succeeded; else what Docker says of it, with the exit code.
    """

    name: str
    state: str

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.state in _FINE_STATES


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
        """Its services that have been started, sorted by name; run containers are none.

        Raises:
            PlatformRefusedError: Docker Compose does not answer.
        """
        # One object per line, or one array: it depends on the version.
        text = self._compose("ps", "--all", "--format", "json").strip()
        rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
        ours = (_service(row) for row in rows if _RUN_LABEL not in row["Labels"])
        return sorted(ours, key=lambda service: service.name)

    def sign_in(self) -> SignIn:
        """Who may sign in where.

        Raises:
            PlatformRefusedError: the platform has never been started, or is not reachable.
        """
        shown = json.loads(self._compose("run", "--rm", "--no-deps", "-T", "secrets", "show", "--json"))
        return SignIn(self.address(), shown["users"])

    def address(self) -> str:
        """Address of the gateway: `MILLRACE_ADDRESS`, else the port that it publishes here.

        Raises:
            PlatformRefusedError: it does not run.
        """
        if given := os.environ.get("MILLRACE_ADDRESS"):
            return given.rstrip("/")
        published = self._compose("port", "gateway", "3000").strip()
        if not published or published.endswith(":0"):
            raise PlatformRefusedError("gateway", "does not run", next_step="docker compose up -d --wait")
        host, _, port = published.rpartition(":")
        gateway = json.loads(self._compose("config", "--format", "json"))["services"]["gateway"]
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

    def put_source(self, domain: str, source: Path) -> None:
        """Replace what a domain reads: the folder, or the folder that holds the file.

        Raises:
            PlatformRefusedError: the domain is no service, or the copy failed; what was there is there still.
        """
        with tempfile.TemporaryFile() as copy:
            with tarfile.open(fileobj=copy, mode="w") as archive:
                archive.add(source, arcname="." if source.is_dir() else source.name)
            copy.seek(0)
            self._replace_source(domain, ["tar", "-x", "--no-same-owner", "-C"], copy)

    def put_sample(self, domain: str, rows: int | None) -> None:
        """Replace what a domain reads by made-up data.

        Raises:
            PlatformRefusedError: the domain is no service, or has no sample.
        """
        size = ["--rows", str(rows)] if rows else []
        self._replace_source(domain, ["millrace", "sample", domain, *size, "--out"])

    def _replace_source(self, domain: str, fill: list[str], given: IO[bytes] | None = None) -> None:
        """Run `fill` in the domain's container; the folder that it is to fill is its last argument."""
        volume = json.loads(self._compose("config", "--format", "json"))["volumes"]["sources"]["name"]
        container = ["run", "--rm", "--no-deps", "-T", "--volume", f"{volume}:/sources", domain]
        self._compose(*container, "sh", "-c", _REPLACE, "sh", domain, *fill, stdin=given)

    def _compose(self, *arguments: str, stdin: IO[bytes] | None = None) -> str:
        docker = shutil.which("docker")
        if docker is None:
            next_step = "install Docker Engine and its compose plugin"
            raise PlatformRefusedError("docker compose", "docker is not on PATH", next_step=next_step)
        ended = subprocess.run(
            [docker, "compose", *arguments],
            cwd=self.folder,
            stdin=stdin or subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if ended.returncode != 0:
            raise PlatformRefusedError(
                f"docker compose {arguments[0]}", _last_line(ended.stderr.decode(errors="replace"))
            )
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


def _service(row: Mapping[str, object]) -> Service:
    state, health, code = str(row["State"]), str(row.get("Health") or ""), row.get("ExitCode")
    if state == "running":
        return Service(str(row["Service"]), health or "running")
    if state == "exited" and code == 0:
        return Service(str(row["Service"]), "done")
    return Service(str(row["Service"]), f"{state}, exit code {code}" if state == "exited" else state)


def _last_line(text: str) -> str:
    lines: Sequence[str] = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "failed without a word"
