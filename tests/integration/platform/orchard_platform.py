"""A platform with the domain `orchard`, whose parts fail as its source says, and that tells sinks of this process.

What belongs here: bringing it up, causing trouble, asking its Alertmanager and Prometheus. What does not: what
should be told of it (`test_alerts`). Intervals and rules are the platform's own.

Containers reach this process by the address that the machine has on Docker's default bridge: it is known before any
network of the project is there.
"""

import json
import os
import shutil
import subprocess
import urllib.parse
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.platform.conftest import PREFIX, Platform, docker, throw_away

from millrace.testing.sinks import Sinks, http_sink, mail_sink

NAME = f"{PREFIX}-orchard-{os.getpid()}"
DOMAIN = Path(__file__).parent / "orchard"
# What knows which domains there are, and the domain; every other image is the one that is there.
BUILT = {
    "exporter": "exporter",
    "secrets": "secrets",
    "docker-gate": "docker-gate",
    "dagster": "dagster-webserver",
    "orchard": "orchard",
}
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - the sinks are for containers, and of this test alone
_DISK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Disk:
    """A file system of its own.

    Attributes:
        folder: Where it is mounted.
        device: Its block device.
    """

    folder: Path
    device: str

    def fill(self) -> None:
        """Leave a fiftieth of it free."""
        found = os.statvfs(self.folder)
        free = found.f_bavail * found.f_frsize
        (self.folder / "filling").write_bytes(bytes(free - _DISK_BYTES // 50))

    def empty(self) -> None:
        (self.folder / "filling").unlink()


@dataclass(frozen=True)
class Orchard:
    """The running platform and the sinks.

    Attributes:
        given: Folder that is put as the domain's source.
    """

    platform: Platform
    sinks: Sinks
    given: Path

    def source(self, *troubles: str) -> None:
        """Make these the troubles that the domain has, and no others."""
        shutil.rmtree(self.given, ignore_errors=True)
        self.given.mkdir()
        for trouble in troubles:
            (self.given / trouble).touch()
        given = self.platform.millrace("source", "orchard", str(self.given))
        assert given.returncode == 0, given.stderr

    def held(self) -> list[dict[str, Any]]:
        """Every alert that Alertmanager holds."""
        return self._json("/alertmanager/api/v2/alerts")

    def alerts(self, alertname: str, **labels: str) -> list[dict[str, Any]]:
        """Those of that name with these labels."""
        return [
            one
            for one in self.held()
            if one["labels"]["alertname"] == alertname and labels.items() <= one["labels"].items()
        ]

    def value(self, expression: str) -> float:
        """Value of an expression that has exactly one."""
        answer = self._json(f"/prometheus/api/v1/query?query={urllib.parse.quote(expression)}")
        (found,) = answer["data"]["result"]
        return float(found["value"][1])

    def mails(self, text: str) -> list[str]:
        """The plain text of those mails that have it in them."""
        parts = [part for mail in self.sinks.mails for part in mail.walk() if part.get_content_type() == "text/plain"]
        texts = [payload.decode() for part in parts if isinstance(payload := part.get_payload(decode=True), bytes)]
        return [one for one in texts if text in one]

    def _json(self, path: str) -> Any:
        status, body = self.platform.get(path)
        assert status == 200, f"{path}: {status}"
        return json.loads(body)


def as_root(*command: str) -> subprocess.CompletedProcess[str]:
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    return subprocess.run([*sudo, *command], capture_output=True, text=True, check=False)


@contextmanager
def small_disk(folder: Path) -> Generator[Disk | str]:
    """A file in `folder` that is mounted there as a file system; or why this machine has none."""
    file, mounted = folder / "disk", folder / "mounted"
    mounted.mkdir()
    with file.open("wb") as opened:
        opened.truncate(_DISK_BYTES)
    if shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        yield "there is no mkfs.ext4 here"
        return
    made = as_root("mkfs.ext4", "-q", "-m", "0", "-E", f"root_owner={os.geteuid()}:{os.getegid()}", str(file))
    assert made.returncode == 0, made.stderr
    mount = as_root("mount", "-o", "loop", str(file), str(mounted))
    if mount.returncode != 0:
        yield f"this machine mounts no file as a disk: {mount.stderr.strip()}"
        return
    try:
        (line,) = [line for line in Path("/proc/mounts").read_text().splitlines() if f" {mounted} " in line]
        yield Disk(mounted, line.split()[0])
    finally:
        unmounted = as_root("umount", str(mounted))
        assert unmounted.returncode == 0, unmounted.stderr


@contextmanager
def orchard_platform(checkout: Path, folder: Path) -> Generator[Orchard]:
    """Bring it up in a copy of the checkout, and take it down with its images.

    Args:
        checkout: The copy; the domain is put into it.
        folder: Of the test; containers may read it.
    """
    _add_domain(checkout)
    sinks = Sinks()
    bridge = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with http_sink(sinks, _EVERYWHERE) as http_port, mail_sink(sinks, _EVERYWHERE) as mail_port:
        webhook = folder / "webhook_url"
        webhook.write_text(f"http://{bridge}:{http_port}/webhook\n")
        webhook.chmod(0o644)
        settings = {
            "COMPOSE_PROJECT_NAME": NAME,
            "MILLRACE_IMAGES": NAME,
            "MILLRACE_ALERT_WEBHOOK_URL_FILE": str(webhook),
            "MILLRACE_ALERT_EMAIL_TO": "people@example.org",
            "MILLRACE_ALERT_SMTP": f"{bridge}:{mail_port}",
            "MILLRACE_ALERT_SMTP_TLS": "off",
        }
        try:
            with throw_away(settings, checkout) as environment:
                platform = Platform.of(environment, checkout)
                _make_images(platform)
                platform.up()
                yield Orchard(platform, sinks, folder / "given")
        finally:
            if made := docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"{NAME}/*").split():
                docker("rmi", "--force", *made)


def _add_domain(checkout: Path) -> None:
    shutil.copytree(DOMAIN, checkout / "code_locations" / "orchard", ignore=shutil.ignore_patterns("__pycache__"))
    compose = checkout / "compose.yaml"
    text = compose.read_text(encoding="utf-8")
    compose.write_text(text.replace("include:", "include:\n  - code_locations/orchard/compose.yaml", 1), "utf-8")
    foreign = ("MILLRACE_", "VIRTUAL_ENV", "ROOT", "UV_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    lock = [checkout / "scripts" / "lock"]
    locked = subprocess.run(lock, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert locked.returncode == 0, locked.stderr


def _make_images(platform: Platform) -> None:
    images = docker("images", "--format", "{{.Repository}}", "--filter", "reference=millrace/*:dev").split()
    for name in {image.removeprefix("millrace/") for image in images} - set(BUILT):
        docker("tag", f"millrace/{name}:dev", f"{NAME}/{name}:dev")
    platform.compose("build", *BUILT.values())
