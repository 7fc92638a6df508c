"""Gates that serve on real sockets: one before a double that records what it is asked, one before the real engine."""

import asyncio
import io
import json
import os
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import docker
import docker.errors
import httpx
import pytest

from millrace_docker_gate.engine import Engine
from millrace_docker_gate.main import servers
from millrace_docker_gate.settings import ROLES, Settings

# Prints what it was asked to do; `hold` stays until it is asked to end, `eat` takes all the memory that there is.
DAGSTER = b"""#!/bin/sh
echo "asked: $*"
echo "user: $(id -u):$(id -g)"
touch /here 2>/dev/null && echo "wrote to /"
case "$3" in
eat) tail /dev/zero ;;
hold)
    trap 'echo "asked to end"; exit 143' TERM
    sleep 300 &
    wait
    ;;
esac
"""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str


class EngineDouble:
    """An engine without containers of its own: it records calls and knows three containers by name."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.calls: list[str] = []
        self.bodies: list[Any] = []
        self.failing = ""
        run = {"com.docker.compose.project": project, "millrace.run_id": "some"}
        self.containers: dict[str, dict[str, str] | None] = {
            f"{project}-hold": run,
            f"{project}-other": {"com.docker.compose.project": project},
            f"{project}-foreign": {**run, "com.docker.compose.project": "another"},
            f"{project}-unlabelled": None,
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.calls.append(f"{request.method} {request.url.raw_path.decode()}")
        if request.content:
            self.bodies.append(json.loads(request.content))
        if path == self.failing:
            return httpx.Response(500, json={"message": "it fails"})
        if path == "/version":
            return httpx.Response(200, json={"ApiVersion": "1.41"})
        if path == "/_ping":
            return httpx.Response(200, text="OK")
        if path == "/containers/json":
            return httpx.Response(200, json=[])
        if path == "/containers/create":
            return httpx.Response(201, json={"Id": "created", "Warnings": []})
        if path.startswith("/networks/"):
            return httpx.Response(200)
        name, _, last = path.removeprefix("/containers/").partition("/")
        name = name.removeprefix("id-of-")
        if name not in self.containers:
            return httpx.Response(404, json={"message": "none"})
        if last == "json":
            return httpx.Response(200, json={"Id": f"id-of-{name}", "Config": {"Labels": self.containers[name]}})
        return httpx.Response(200, text="lines") if last == "logs" else httpx.Response(204)

    @property
    def changes(self) -> list[str]:
        """Calls that do more than look."""
        return [call for call in self.calls if not call.startswith("GET ")]


class Gate:
    """A gate that serves.

    Attributes:
        ports: Of each role.
        engine: The double; none before the real engine.
    """

    def __init__(self, settings: Settings, ports: Mapping[str, int], engine: EngineDouble | None) -> None:
        self.settings = settings
        self.ports = ports
        self.engine = engine
        self.project = settings.project
        self.hold = f"{settings.project}-hold"

    def body(self, run_id: str | None = None) -> dict[str, Any]:
        """A body that is allowed, as docker-py writes it."""
        return {
            "Hostname": None,
            "User": None,
            "Tty": False,
            "AttachStdin": False,
            "AttachStdout": True,
            "Cmd": ["dagster", "api", "execute_run", "end"],
            "Env": ["DAGSTER_RUN_JOB_NAME=museum_job", "MUSEUM_MAPPING=tate"],
            "Image": f"{self.settings.images}/museum:dev",
            "Labels": {"millrace.run_id": run_id or str(uuid4()), "millrace.job": "museum_job"},
            "HostConfig": {"NetworkMode": "default", "Memory": 64 << 20},
        }

    def name(self, body: Mapping[str, Any]) -> str:
        """The name that the container of a body must have."""
        return f"{self.project}-run-{body['Labels']['millrace.run_id']}"

    def create(self, body: Mapping[str, Any], content: bytes | None = None, name: str | None = None) -> Answer:
        """Ask to create; the content, if given, is sent in place of the body."""
        target = f"/v1.41/containers/create?name={quote(name or self.name(body))}"
        return self.ask("POST", target, body=json.dumps(body).encode() if content is None else content)

    def ask(
        self,
        method: str,
        target: str,
        *,
        role: str = "launcher",
        headers: tuple[str, ...] = (),
        body: bytes | None = None,
        connection_header: str = "close",
    ) -> Answer:
        """Send one request, byte for byte; a body comes with its length unless a header already says so."""
        target = target.format(hold=self.hold, project=self.project)
        lines = [f"{method} {target} HTTP/1.1", "Host: gate", f"Connection: {connection_header}", *headers]
        if body is not None and not any(one.lower().startswith(("content-length", "transfer")) for one in headers):
            lines.append(f"Content-Length: {len(body)}")
        request = "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")
        with socket.create_connection(("127.0.0.1", self.ports[role]), timeout=30) as connection:
            with suppress(ConnectionError):  # it may answer before it has read everything
                connection.sendall(request)
            received = b""
            with suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    received += piece
        head, _, text = received.partition(b"\r\n\r\n")
        return Answer(int(head.split(b" ", 2)[1]), text.decode(errors="replace"))

    def state(self) -> Any:
        """Everything that a request may have changed."""
        return list(self.engine.changes) if self.engine else state(self.project)


@contextmanager
def serve_from_a_thread(settings: Settings, engine: EngineDouble | None = None) -> Generator[Gate]:
    """Serve all roles from a thread."""
    settings = replace(settings, listeners=dict.fromkeys(ROLES, "127.0.0.1:0"))
    made = []

    async def serve() -> None:
        behind = Engine(settings, httpx.MockTransport(engine) if engine else None)
        made.extend(servers(settings, behind))
        try:
            await asyncio.gather(*(server.serve() for server in made))
        finally:
            await behind.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        deadline = time.monotonic() + 20
        while not (made and all(server.started for server in made)):
            assert time.monotonic() < deadline, "the gate does not serve"
            time.sleep(0.02)
        ports = [server.servers[0].sockets[0].getsockname()[1] for server in made]
        yield Gate(settings, dict(zip(settings.listeners, ports, strict=True)), engine)
    finally:
        for server in made:
            server.should_exit = True
        thread.join(20)


def state(project: str) -> dict[str, Any]:
    """What the real engine has under a project's name."""
    with docker_client() as client:
        api = client.api
        containers = api.containers(all=True, filters={"name": project})
        return {
            "containers": {
                one["Names"][0]: (one["Id"], one["State"], api.inspect_container(one["Id"])["State"]["Pid"])
                for one in containers
            },
            "networks": sorted(one["Name"] for one in api.networks(names=[project])),
            "volumes": sorted(one["Name"] for one in api.volumes(filters={"name": project})["Volumes"] or []),
            "images": sorted(tag for one in api.images(name=f"{project}/*") for tag in one["RepoTags"]),
        }


@contextmanager
def docker_client() -> Generator[docker.DockerClient]:
    """A client of the real engine, past any gate."""
    client = docker.DockerClient(base_url=f"unix://{Settings().socket}")
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(scope="session")
def docker_settings() -> Generator[Settings]:
    """Settings of a project of one's own on the real engine: two networks, an image; all of it removed in the end."""
    project = f"{os.environ.get('MILLRACE_TEST_PREFIX', 'millrace-test')}-gate-{uuid4().hex[:10]}"
    settings = Settings(project=project, images=project, domains=("museum",), networks=("first", "second"))
    with docker_client() as client:
        try:
            for network in settings.networks:
                client.networks.create(f"{project}_{network}", internal=True)
            client.images.build(fileobj=_context(), custom_context=True, tag=f"{project}/museum:dev", rm=True)
            # Images beside it that are no code location's.
            for other in ("dagster:dev", "postgres:dev", "museum:latest"):
                client.images.get(f"{project}/museum:dev").tag(f"{project}/{other}")
            yield settings
        finally:
            _remove_all(client, project)


def _context() -> io.BytesIO:
    dockerfile = b"FROM debian:trixie-slim\nCOPY --chown=0:0 dagster /usr/local/bin/dagster\n"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, text, mode in (("Dockerfile", dockerfile, 0o644), ("dagster", DAGSTER, 0o755)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), mode
            archive.addfile(entry, io.BytesIO(text))
    content.seek(0)
    return content


def _remove_all(client: docker.DockerClient, project: str) -> None:
    for container in client.containers.list(all=True, filters={"name": project}):
        with suppress(docker.errors.APIError):
            container.remove(force=True, v=True)
    for volume in client.volumes.list(filters={"name": project}):
        with suppress(docker.errors.APIError):
            volume.remove(force=True)
    for network in client.networks.list(names=[project]):
        with suppress(docker.errors.APIError):
            network.remove()
    for image in client.images.list(name=f"{project}/*"):
        for tag in image.tags:
            with suppress(docker.errors.APIError):
                client.images.remove(tag)


@pytest.fixture(scope="session")
def docker_gate(docker_settings: Settings) -> Generator[Gate]:
    """A gate before the real engine, with three containers: a run, one that is no run, and a run of another project."""
    project = docker_settings.project
    run = {"com.docker.compose.project": project, "millrace.run_id": "some"}
    with docker_client() as client:
        for name, labels in {
            "hold": run,
            "other": {"com.docker.compose.project": project},
            "foreign": {**run, "com.docker.compose.project": "another"},
            "unlabelled": {},
        }.items():
            client.containers.run(
                f"{project}/museum:dev",
                ["sleep", "600"],
                name=f"{project}-{name}",
                labels=labels,
                network_mode="none",
                init=True,
                detach=True,
            )
    with serve_from_a_thread(docker_settings) as gate:
        yield gate


@pytest.fixture(scope="session")
def gate_before_a_double() -> Generator[Gate]:
    settings = Settings(
        project="mill",
        images="mill",
        domains=("museum", "sbir"),
        networks=("first", "second"),
        uses={"sbir": ("graph",)},
    )
    with serve_from_a_thread(settings, EngineDouble("mill")) as gate:
        yield gate


@pytest.fixture
def recording_gate(gate_before_a_double: Gate) -> Gate:
    """A gate before a double that was asked nothing yet."""
    assert gate_before_a_double.engine is not None
    gate_before_a_double.engine.calls.clear()
    gate_before_a_double.engine.bodies.clear()
    gate_before_a_double.engine.failing = ""
    return gate_before_a_double


@pytest.fixture
def engine() -> Generator[docker.DockerClient]:
    """The real engine, past any gate."""
    with docker_client() as client:
        yield client


@pytest.fixture
def serving() -> Callable[..., AbstractContextManager[Gate]]:
    """Serve with settings of one's own."""
    return serve_from_a_thread


@pytest.fixture(params=["double", pytest.param("engine", marks=pytest.mark.compose)])
def gate(request: pytest.FixtureRequest) -> Gate:
    """Both gates, one after the other."""
    return request.getfixturevalue("recording_gate" if request.param == "double" else "docker_gate")
