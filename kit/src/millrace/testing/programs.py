"""Programs that the platform runs in containers, for tests that start one beside themselves.

A program is the one that its setting names (MILLRACE_CADDY for caddy), else the one on PATH, else it comes out of the
image `${MILLRACE_IMAGES:-millrace}/<image>:${MILLRACE_VERSION:-dev}` where a Docker Engine has it. Go's programs run
outside their image too; Java's would not.
"""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path


class NoProgramError(Exception):
    """This machine has no such program; the text says where it was looked for."""


def program(name: str, inside: str, folder: Path, environment: Mapping[str, str]) -> Path:
    """Where a program lies.

    Args:
        name: What it is called on PATH.
        inside: Image and path in it: "object-store:/usr/local/bin/minio".
        folder: What comes out of the image is put here.
        environment: Where the settings are read.

    Raises:
        NoProgramError: there is none here.
    """
    setting = f"MILLRACE_{name.upper()}"
    named = environment.get(setting)
    found = shutil.which(named or name)
    if found is not None:
        return Path(found)
    if named:
        raise NoProgramError(f"{setting}={named!r} is no program")
    image, _, path = inside.partition(":")
    images, version = environment.get("MILLRACE_IMAGES") or "millrace", environment.get("MILLRACE_VERSION") or "dev"
    image = f"{images}/{image}:{version}"
    if shutil.which("docker") is None:
        raise NoProgramError(f"{setting} is not set, and there is neither {name} nor docker on PATH")
    created = _docker("create", "--pull", "never", image)
    if created.returncode:
        raise NoProgramError(
            f"{setting} is not set, there is no {name} on PATH, and no Docker Engine here has the image {image}"
        )
    container = created.stdout.strip()
    try:
        copied = _docker("cp", "--follow-link", f"{container}:{path}", str(folder / name))
    finally:
        _docker("rm", "--volumes", container)
    if copied.returncode:
        raise NoProgramError(f"the image {image} has no {path}")
    return folder / name


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)  # noqa: S607
