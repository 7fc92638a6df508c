"""Removes run containers: each a while after it ended, so that its last lines can be read, and all with the platform.

`docker compose down` knows its own services only. A run's container that it leaves holds networks and volumes, so the
gate, which made it, takes it along.
"""

import asyncio
import json
import logging
import time
from datetime import datetime

import httpx

from millrace_docker_gate.create import RUN_LABEL
from millrace_docker_gate.engine import Engine

_log = logging.getLogger("docker-gate")
_EVERY_SECONDS = 60
_STOP_SECONDS = 5
_ALIVE = ("running", "restarting", "paused")


async def reap(engine: Engine, keep_seconds: int) -> list[str]:
    """Remove what ended, or was created and never started, that long ago.

    Returns:
        Runs whose containers were removed.
    """
    removed = []
    for container in await engine.run_containers():
        if container["State"] not in ("exited", "dead", "created"):
            continue
        if time.time() - await _since(engine, container) < keep_seconds:
            continue
        answer = await engine.call("DELETE", f"/containers/{container['Id']}", params={"v": "true"})
        if answer.is_success:
            removed.append(container["Labels"][RUN_LABEL])
            _log.info(json.dumps({"event": "removed", "run": removed[-1], "state": container["State"]}))
    return removed


async def reap_for_ever(engine: Engine, keep_seconds: int) -> None:
    """Remove what is over, again and again; an engine that does not answer is asked again."""
    while True:
        try:
            await reap(engine, keep_seconds)
        except (httpx.HTTPError, ValueError, KeyError) as error:
            _log.warning(json.dumps({"event": "reaping failed", "reason": str(error)}))
        await asyncio.sleep(_EVERY_SECONDS)


async def clear(engine: Engine, launcher: str) -> list[str]:
    """Remove every run's container if the service that launches them is gone: then the platform is being taken down.

    Args:
        engine: Where.
        launcher: The service; while it is alive the gate itself is being replaced, and runs go on.

    Returns:
        Runs whose containers were removed.
    """
    if any(container["State"] in _ALIVE for container in await engine.service_containers(launcher)):
        return []
    containers = await engine.run_containers()
    await asyncio.gather(*(_end(engine, container["Id"]) for container in containers))
    removed = [container["Labels"][RUN_LABEL] for container in containers]
    for run in removed:
        _log.info(json.dumps({"event": "removed", "run": run, "state": "the platform goes down"}))
    return removed


async def _end(engine: Engine, container: str) -> None:
    await engine.call("POST", f"/containers/{container}/stop", params={"t": str(_STOP_SECONDS)})
    await engine.call("DELETE", f"/containers/{container}", params={"v": "true", "force": "true"})


async def _since(engine: Engine, container: dict) -> float:
    """When it ended, or was created if it never started; seconds since 1970."""
    answer = await engine.call("GET", f"/containers/{container['Id']}/json")
    finished = answer.json().get("State", {}).get("FinishedAt", "") if answer.is_success else ""
    if finished.startswith("0001") or not finished:
        return float(container["Created"])
    return datetime.fromisoformat(finished[:19] + "+00:00").timestamp()
