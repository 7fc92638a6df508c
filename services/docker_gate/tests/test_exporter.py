"""What the exporter may look at: this project's containers, without what could hold a secret, and nothing else."""

import json
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, suppress
from typing import Any
from uuid import uuid4

import docker
import docker.errors
import pytest

SECRET = "a secret that must not be seen"


@pytest.fixture
def labelled(docker_gate: Any, engine: docker.DockerClient) -> Generator[Any]:
    """A container of the project with a secret wherever one can stand, that runs."""
    project = docker_gate.project
    container = engine.containers.run(
        f"{project}/museum:dev",
        ["sh", "-c", f"sleep 600 # {SECRET}"],
        name=f"{project}-secretive-{uuid4().hex[:6]}",
        environment={"PASSWORD": SECRET},
        labels={
            "com.docker.compose.project": project,
            "com.docker.compose.service": "museum",
            "note": SECRET,
        },
        volumes={f"{project}-{uuid4().hex[:6]}": {"bind": "/x", "mode": "ro"}},
        mem_limit="64m",
        network_mode="none",
        init=True,
        detach=True,
    )
    try:
        yield container
    finally:
        with suppress(docker.errors.APIError):
            container.remove(force=True, v=True)


@pytest.mark.compose
def test_the_exporter_sees_figures_and_no_secret(docker_gate: Any, labelled: Any) -> None:
    listed = docker_gate.ask("GET", "/v1.41/containers/json?all=1", role="exporter")
    inspected = docker_gate.ask("GET", f"/containers/{labelled.id}/json", role="exporter")
    stats = docker_gate.ask("GET", f"/containers/{labelled.name}/stats?stream=false", role="exporter")

    assert [one.status for one in (listed, inspected, stats)] == [200, 200, 200]
    assert labelled.id in {one["Id"] for one in json.loads(listed.text)}
    found = json.loads(inspected.text)
    assert (found["State"]["Running"], found["HostConfig"]["Memory"]) == (True, 64 << 20)
    assert found["Config"] == {
        "Labels": {"com.docker.compose.project": docker_gate.project, "com.docker.compose.service": "museum"}
    }
    assert json.loads(stats.text)["memory_stats"]["usage"] > 0
    for answer in (listed, inspected, stats):
        assert SECRET not in answer.text
        assert "Env" not in answer.text


@pytest.mark.compose
def test_the_exporter_sees_this_project_only(docker_gate: Any, labelled: Any) -> None:
    names = {
        name
        for one in json.loads(docker_gate.ask("GET", "/containers/json", role="exporter").text)
        for name in one["Names"]
    }

    assert f"/{docker_gate.project}-other" in names
    assert f"/{docker_gate.project}-foreign" not in names
    assert f"/{docker_gate.project}-unlabelled" not in names


@pytest.mark.parametrize(
    "request_line",
    [
        "GET /containers/{project}-foreign/json",
        "GET /containers/{project}-foreign/stats",
        "GET /containers/{project}-unlabelled/json",
        "GET /containers/{hold}/stats?stream=1",
        "GET /containers/{hold}/stats?one-shot=1",
        "GET /containers/{hold}/logs",
        "GET /containers/{hold}/top",
        "GET /containers/{hold}/archive?path=/run/secrets",
        "GET /containers/{hold}/export",
        "GET /containers/json?all=0",
        "GET /containers/json?filters=x",
        "GET /images/json",
        "GET /events",
        "GET /info",
        "POST /containers/{hold}/stop",
        "POST /containers/{hold}/kill",
        "POST /containers/{hold}/start",
        "POST /containers/create?name=x",
        "DELETE /containers/{hold}",
    ],
)
def test_the_exporter_may_do_nothing_else(gate: Any, request_line: str) -> None:
    method, _, target = request_line.partition(" ")
    before = gate.state()

    answer = gate.ask(method, target, role="exporter", body=b"{}" if method == "POST" else None)

    assert (answer.status, "refused for the exporter" in answer.text) == (403, True)
    assert gate.state() == before


@pytest.mark.parametrize("role", ["launcher", "webserver"])
@pytest.mark.parametrize("path", ["/containers/json", "/containers/{hold}/stats"])
def test_nobody_else_may_list_or_measure(recording_gate: Any, role: str, path: str) -> None:
    assert recording_gate.ask("GET", path, role=role).status == 403


def test_the_list_is_filtered_here_and_not_by_who_asks(recording_gate: Any) -> None:
    recording_gate.ask("GET", "/containers/json?all=true", role="exporter")

    (call,) = recording_gate.engine.calls
    assert call.startswith("GET /containers/json?all=true&filters=")
    assert "com.docker.compose.project%3Dmill" in call


def test_an_engine_that_fails_is_told_of(
    serving: Callable[..., AbstractContextManager[Any]], recording_gate: Any
) -> None:
    recording_gate.engine.failing = "/containers/mill-hold/json"

    assert recording_gate.ask("GET", "/containers/mill-hold/json", role="exporter").status == 502
