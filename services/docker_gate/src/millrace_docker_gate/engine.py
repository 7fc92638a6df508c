"""The engine behind the socket: the few calls that the gate makes, each for a run's container of its own project."""

import json
import re
from typing import Any

import httpx

from millrace_docker_gate.create import PROJECT_LABEL, RUN_LABEL, SERVICE_LABEL
from millrace_docker_gate.errors import RefusedError
from millrace_docker_gate.settings import Settings

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_TIMEOUT_SECONDS = 60


class Engine:
    """Calls the Docker API.

    Args:
        settings: Name the socket and the project.
        transport: In place of the socket, for tests.
    """

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(
            transport=transport or httpx.AsyncHTTPTransport(uds=settings.socket),
            base_url="http://engine",
            timeout=_TIMEOUT_SECONDS,
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One call; an answer of any status is returned."""
        return await self._client.request(method, path, **arguments)

    async def run_container(self, name: str) -> str:
        """Identifier of a run's container of this project.

        Raises:
            RefusedError: it is no name, or another's container.
            LookupError: there is none.
        """
        found = await self.project_container(name)
        if RUN_LABEL not in (found["Config"]["Labels"] or {}):
            raise RefusedError("not a run's container of this platform")
        return found["Id"]

    async def project_container(self, name: str) -> dict[str, Any]:
        """What the engine knows of any container of this project.

        Raises:
            RefusedError: it is no name, or another's container.
            LookupError: there is none.
        """
        if _NAME.fullmatch(name) is None:
            raise RefusedError("no name of a container")
        answer = await self.call("GET", f"/containers/{name}/json")
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise LookupError(f"No such container: {name}")
        answer.raise_for_status()
        found = answer.json()
        if (found["Config"]["Labels"] or {}).get(PROJECT_LABEL) != self._settings.project:
            raise RefusedError("not a container of this platform")
        return found

    async def project_containers(self) -> list[dict[str, Any]]:
        """Every container of this project, whatever its state."""
        return await self._labelled()

    async def run_containers(self) -> list[dict[str, Any]]:
        """Every run's container of this project, whatever its state."""
        return await self._labelled(RUN_LABEL)

    async def service_containers(self, service: str) -> list[dict[str, Any]]:
        """Every container of a service of this project, whatever its state."""
        return await self._labelled(f"{SERVICE_LABEL}={service}")

    async def _labelled(self, *labels: str) -> list[dict[str, Any]]:
        wanted = json.dumps({"label": [f"{PROJECT_LABEL}={self._settings.project}", *labels]})
        answer = await self.call("GET", "/containers/json", params={"all": "true", "filters": wanted})
        answer.raise_for_status()
        return answer.json()
