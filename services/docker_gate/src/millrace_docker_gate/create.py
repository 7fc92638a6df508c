"""The container of a run: what may be asked for, and the body that is built from it.

What belongs here: pure functions from bytes to a body. What does not: HTTP and the engine.

Docker reads keys in any case and merges doubled ones, so a filter on what came can be got round. Nothing that came is
passed on: a few values are taken out of a strictly read body, and a new one is made.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from millrace_docker_gate.errors import RefusedError
from millrace_docker_gate.settings import Settings

RUN_LABEL = "millrace.run_id"
PROJECT_LABEL = "com.docker.compose.project"
SERVICE_LABEL = "com.docker.compose.service"
MAX_BODY_BYTES = 128 << 10
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}=[^\x00-\x1f]{0,1024}")
_JOB = re.compile(r"[A-Za-z0-9_]{1,255}")
_COMMAND = ["dagster", "api", "execute_run"]
_EVERY_RUN = "DAGSTER_RUN_JOB_NAME"

# Keys that docker-py sends by itself, with the values that ask for nothing.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "Hostname": (None, ""),
    "Domainname": (None, ""),
    "ExposedPorts": (None,),
    "User": (None, ""),
    "Tty": (False,),
    "OpenStdin": (False,),
    "StdinOnce": (False,),
    "AttachStdin": (False,),
    "AttachStdout": (False, True),
    "AttachStderr": (False, True),
    "Volumes": (None,),
    "NetworkingConfig": (None,),
    "NetworkDisabled": (None, False),
    "Entrypoint": (None,),
    "WorkingDir": (None, ""),
    "MacAddress": (None,),
    "StopSignal": (None,),
    "Healthcheck": (None,),
    "StopTimeout": (None,),
    "Runtime": (None,),
}
_HARMLESS_HOST: dict[str, tuple[Any, ...]] = {"NetworkMode": (None, "default"), "Binds": (None, [])}


@dataclass(frozen=True)
class Asked:
    """What a launcher may ask for."""

    domain: str
    image: str
    run_id: str
    job: str
    command: list[str]
    environment: list[str]
    memory_bytes: int
    nano_cpus: int
    pids: int


def read_body(content: bytes) -> dict[str, Any]:
    """Read JSON with each key once.

    Raises:
        RefusedError: it is no object, or a key stands twice, whatever its case.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name.casefold() for name, _ in pairs]
        if len(set(names)) != len(names):
            raise RefusedError("a key stands twice in one object")
        return dict(pairs)

    try:
        body = json.loads(content.decode("utf-8"), object_pairs_hook=once)
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # half of a surrogate pair cannot be passed on, nor logged
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"the body is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise RefusedError("the body is no JSON object")
    return body


def read_asked(body: Mapping[str, Any], name: str, settings: Settings) -> Asked:
    """Take what may be asked for out of a body.

    Args:
        body: What came.
        name: Name of the container, from the address.
        settings: What is allowed.

    Raises:
        RefusedError: a key is unknown, or a value is not allowed.
    """
    body, host = dict(body), body.get("HostConfig") or {}
    _require(isinstance(host, dict), "HostConfig is no object")
    host = dict(host)
    body.pop("HostConfig", None)

    image = str(body.pop("Image", None))
    domain = {f"{settings.images}/{name}:{settings.version}": name for name in settings.domains}.get(image)
    if domain is None:
        raise RefusedError(f"image {image[:200]!r} is not one of a code location")

    labels = body.pop("Labels", None) or {}
    _require(
        isinstance(labels, dict) and set(labels) <= {RUN_LABEL, "millrace.job"},
        f"only the labels {RUN_LABEL} and millrace.job are taken",
    )
    run_id, job = str(labels.get(RUN_LABEL)), str(labels.get("millrace.job"))
    _require(re.fullmatch(_UUID, run_id) is not None, f"label {RUN_LABEL} is no run's identifier")
    _require(_JOB.fullmatch(job) is not None, "label millrace.job is no job's name")
    _require(name == f"{settings.project}-run-{run_id}", f"the name is not {settings.project}-run-<run's identifier>")

    command = body.pop("Cmd", None)
    _require(
        isinstance(command, list)
        and len(command) == len(_COMMAND) + 1
        and all(isinstance(part, str) for part in command)
        and command[: len(_COMMAND)] == _COMMAND
        and not command[-1].startswith("-"),
        "the command is not that of a run",
    )
    environment = body.pop("Env", None) or []
    _require(isinstance(environment, list), "Env is no list")
    for one in environment:
        allowed = isinstance(one, str) and _VARIABLE.fullmatch(one) and _may_set(one.partition("=")[0], domain)
        _require(bool(allowed), f"variable {str(one).partition('=')[0][:64]!r} is not one of {domain}")

    asked = Asked(
        domain=domain,
        image=image,
        run_id=run_id,
        job=job,
        command=list(command),
        environment=list(environment),
        memory_bytes=_limit(host, "Memory", settings.memory_bytes),
        nano_cpus=_limit(host, "NanoCpus", int(settings.cpus * 1e9)),
        pids=_limit(host, "PidsLimit", settings.pids),
    )
    _nothing_else(body, _HARMLESS, "")
    _nothing_else(host, _HARMLESS_HOST, "HostConfig.")
    return asked


def build_body(asked: Asked, settings: Settings) -> dict[str, Any]:
    """The body that the engine gets."""
    project = settings.project
    fixed = {
        "PGPASSFILE": "/run/secrets/pgpass",
        "MILLRACE_PROFILE": "compose",
        **settings.environment,
    }
    # One value per variable: of two the C library takes the first, others the last.
    environment = {**dict(one.split("=", 1) for one in asked.environment), **fixed}
    return {
        "Image": asked.image,
        "Cmd": asked.command,
        "User": "10001:10001",
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": {
            RUN_LABEL: asked.run_id,
            "millrace.domain": asked.domain,
            "millrace.job": asked.job,
            # With these `docker compose ps` and `logs` show a run's container; `reaper` takes it away.
            PROJECT_LABEL: project,
            SERVICE_LABEL: f"{asked.domain}-run",
            "com.docker.compose.oneoff": "False",
            "com.docker.compose.container-number": "1",
            "com.docker.compose.config-hash": "run",
        },
        "HostConfig": {
            "NetworkMode": f"{project}_{settings.networks[0]}",
            "Mounts": [
                _volume(f"{project}_secrets-{asked.domain}", "/run/secrets", read_only=True),
                _volume(f"{project}_compute-logs", "/var/lib/millrace/compute_logs"),
                _volume(f"{project}_sources", "/sources", read_only=True),
                {"Type": "volume", "Target": "/scratch"},  # its own, removed with it
            ],
            "Tmpfs": {"/tmp": f"size={settings.scratch_bytes},mode=1777"},  # noqa: S108  # inside the container
            "ReadonlyRootfs": True,
            "Privileged": False,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
            "Init": True,
            "Memory": asked.memory_bytes,
            "MemorySwap": asked.memory_bytes,
            "NanoCpus": asked.nano_cpus,
            "PidsLimit": asked.pids,
            "LogConfig": {"Type": "local", "Config": {"max-size": "10m", "max-file": "2"}},
            "RestartPolicy": {"Name": "no"},
            "AutoRemove": False,
        },
    }


def _volume(source: str, target: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"Type": "volume", "Source": source, "Target": target, "ReadOnly": read_only}


def _may_set(name: str, domain: str) -> bool:
    return name == _EVERY_RUN or name.startswith(f"{domain.upper()}_")


def _limit(host: dict[str, Any], key: str, most: int) -> int:
    asked = host.pop(key, None)
    if asked is None or asked == 0:
        return most
    _require(
        isinstance(asked, int) and not isinstance(asked, bool) and math.isfinite(asked) and 0 < asked <= most,
        f"HostConfig.{key} is {str(asked)[:40]}, at most {most} is allowed",
    )
    return asked


def _nothing_else(part: Mapping[str, Any], harmless: Mapping[str, tuple[Any, ...]], where: str) -> None:
    for key, value in part.items():
        allowed = key in harmless and any(value is one or value == one for one in harmless[key])
        _require(allowed, f"{where}{key[:64]} may not be asked for")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise RefusedError(reason)
