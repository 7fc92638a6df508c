import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import docker
import httpx
import pytest
from docker.types import Mount

from millrace_docker_gate.engine import Engine
from millrace_docker_gate.reaper import clear, reap
from millrace_docker_gate.settings import Settings


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def reaped(state: str, *, created: datetime, finished: str) -> bool:
    """Whether the one container that an engine has is removed."""
    deleted = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "DELETE":
            deleted.append(request.url.path)
            assert request.url.params["v"] == "true"
            return httpx.Response(204)
        if request.url.path == "/containers/json":
            assert json.loads(request.url.params["filters"]) == {
                "label": ["com.docker.compose.project=mill", "millrace.run_id"]
            }
            labels = {"millrace.run_id": "r"}
            return httpx.Response(
                200, json=[{"Id": "c", "State": state, "Created": int(created.timestamp()), "Labels": labels}]
            )
        return httpx.Response(200, json={"State": {"FinishedAt": finished}})

    async def once() -> list[str]:
        engine = Engine(Settings(project="mill"), httpx.MockTransport(answer))
        try:
            return await reap(engine, 600)
        finally:
            await engine.close()

    removed = asyncio.run(once())
    assert deleted == ["/containers/c"] * len(removed)
    return removed == ["r"]


@pytest.mark.parametrize("state", ["exited", "dead"])
def test_a_container_goes_ten_minutes_after_its_end_not_after_its_start(state: str) -> None:
    old = ago(7200)

    assert reaped(state, created=old, finished=ago(601).isoformat())
    assert not reaped(state, created=old, finished=ago(590).isoformat())


def test_a_container_that_never_started_goes_ten_minutes_after_it_was_created() -> None:
    assert reaped("created", created=ago(601), finished="0001-01-01T00:00:00Z")
    assert not reaped("created", created=ago(590), finished="0001-01-01T00:00:00Z")


@pytest.mark.parametrize("state", ["running", "paused", "restarting", "removing"])
def test_what_is_not_over_stays_however_old(state: str) -> None:
    assert not reaped(state, created=ago(7200), finished=ago(7000).isoformat())


@pytest.mark.parametrize(
    ("launchers", "calls"),
    [
        (["running"], []),
        (["exited", "restarting"], []),
        (["exited"], ["POST /containers/c/stop", "DELETE /containers/c"]),
        ([], ["POST /containers/c/stop", "DELETE /containers/c"]),
    ],
    ids=["replaced", "it_comes_back", "stopped", "taken_down"],
)
def test_the_gate_takes_the_runs_along_only_if_nobody_launches_runs_any_more(
    launchers: list[str], calls: list[str]
) -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/containers/json":
            asked.append(f"{request.method} {request.url.path}")
            return httpx.Response(204)
        (project, label) = json.loads(request.url.params["filters"])["label"]
        assert project == "com.docker.compose.project=mill"
        if label == "com.docker.compose.service=dagster-daemon":
            return httpx.Response(200, json=[{"Id": "d", "State": state, "Labels": {}} for state in launchers])
        return httpx.Response(200, json=[{"Id": "c", "State": "running", "Labels": {"millrace.run_id": "r"}}])

    async def once() -> list[str]:
        engine = Engine(Settings(project="mill"), httpx.MockTransport(answer))
        try:
            return await clear(engine, "dagster-daemon")
        finally:
            await engine.close()

    assert asyncio.run(once()) == (["r"] if calls else [])
    assert asked == calls


@pytest.mark.compose
def test_ended_runs_of_this_project_are_removed_with_what_was_theirs_and_nothing_else(
    docker_gate: Any, docker_settings: Settings, engine: docker.DockerClient
) -> None:
    def made(suffix: str, labels: dict[str, str], command: str) -> Any:
        container = engine.containers.create(
            f"{docker_settings.project}/museum:dev",
            [command, "300"],
            name=f"{docker_settings.project}-{suffix}-{uuid4().hex[:6]}",
            labels=labels,
            network_mode="none",
            init=True,
            mounts=[
                Mount("/scratch", None, type="volume"),
                Mount("/sources", f"{docker_settings.project}_sources", type="volume"),
            ],
        )
        container.start()
        if command == "echo":
            container.wait(timeout=20)
        container.reload()
        return container

    project = {"com.docker.compose.project": docker_settings.project}
    ended = made("ended", {**project, "millrace.run_id": "ended"}, "echo")
    spared = [
        made("running", {**project, "millrace.run_id": "running"}, "sleep"),
        made("no-run", project, "echo"),
        made("of-another", {"com.docker.compose.project": "another", "millrace.run_id": "x"}, "echo"),
        made("of-nobody", {"millrace.run_id": "x"}, "echo"),
    ]
    own = next(one["Name"] for one in ended.attrs["Mounts"] if one["Destination"] == "/scratch")

    async def once(keep_seconds: int) -> list[str]:
        behind = Engine(docker_settings)
        try:
            return await reap(behind, keep_seconds)
        finally:
            await behind.close()

    assert "ended" not in asyncio.run(once(600))
    assert "ended" in asyncio.run(once(0))

    left = {one.id for one in engine.containers.list(all=True)}
    assert ended.id not in left
    assert {one.id for one in spared} <= left
    volumes = {one.name for one in engine.volumes.list()}
    assert own not in volumes
    assert f"{docker_settings.project}_sources" in volumes
