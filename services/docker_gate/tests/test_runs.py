"""What is allowed works: the launcher of the kit, and docker-py, through the gate, on the real engine."""

import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import dagster as dg
import docker
import docker.errors
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.test_utils import create_run_for_test

from millrace.runs.docker_launcher import ContainerRunLauncher

pytestmark = pytest.mark.compose

Client = Callable[[str], docker.DockerClient]


def eventually(ask: Callable[[], object], within_seconds: float = 20) -> None:
    deadline = time.monotonic() + within_seconds
    while not ask():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


@pytest.fixture
def client(docker_gate: Any) -> Generator[Client]:
    """A client of the gate, as a role."""
    made = []

    def connect(role: str) -> docker.DockerClient:
        made.append(docker.DockerClient(base_url=f"tcp://127.0.0.1:{docker_gate.ports[role]}"))
        return made[-1]

    yield connect
    for one in made:
        one.close()


class Launches:
    """The kit's launcher on an instance without code locations; `launch` does what `launch_run` does at its end."""

    def __init__(self, instance: dg.DagsterInstance, images: str) -> None:
        self.instance = instance
        self.launcher = ContainerRunLauncher()
        self.launcher.register_instance(self.instance)
        self.image = f"{images}/museum:dev"

    def launch(self, does: str, **tags: str) -> DagsterRun:
        tags = {f"millrace/{name}": value for name, value in tags.items()}
        run = create_run_for_test(self.instance, job_name="museum_job", tags=tags, status=dg.DagsterRunStatus.STARTED)
        self.launcher._launch_container_with_command(run, self.image, ["dagster", "api", "execute_run", does])
        return self.run(run.run_id)

    def run(self, run_id: str) -> DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def status(self, run: DagsterRun) -> WorkerStatus:
        return self.launcher.check_run_worker_health(run).status


@pytest.fixture(scope="module")
def instance() -> Generator[dg.DagsterInstance]:
    """An instance that stays until the launcher's threads, which watch how runs start, have ended."""
    with dg.instance_for_test() as instance:
        yield instance
        for thread in threading.enumerate():
            if "_watch_start" in thread.name:
                thread.join(10)


@pytest.fixture
def launches(docker_gate: Any, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Launches:
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{docker_gate.ports['launcher']}")
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", docker_gate.project)
    return Launches(instance, docker_gate.project)


def test_a_run_is_launched_watched_read_and_ended(
    docker_gate: Any, launches: Launches, engine: docker.DockerClient
) -> None:
    run = launches.launch("hold", memory="64MiB", cpus="0.5", pids="32")

    name = f"{docker_gate.project}-run-{run.run_id}"
    assert launches.status(run) is WorkerStatus.RUNNING
    eventually(lambda: "asked: api" in (launches.launcher.get_run_worker_debug_info(run) or ""))
    assert launches.launcher.terminate(run.run_id)
    ended = launches.launcher.check_run_worker_health(run)
    assert (ended.status, ended.msg) == (
        WorkerStatus.FAILED,
        "The run's container was asked to end (SIGTERM) and did.",
    )
    container = engine.containers.get(name)
    assert (container.status, container.attrs["State"]["ExitCode"]) == ("exited", 143)
    assert container.id == run.tags["docker/container_id"]
    host = container.attrs["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (64 << 20, 500_000_000, 32)


def test_what_runs_is_confined(docker_gate: Any, launches: Launches, engine: docker.DockerClient) -> None:
    run = launches.launch("end")
    container = engine.containers.get(f"{docker_gate.project}-run-{run.run_id}")
    container.wait(timeout=20)

    printed = container.logs().decode()
    host = container.attrs["HostConfig"]
    assert "asked: api execute_run end" in printed
    assert "user: 10001:10001" in printed
    assert "wrote to /" not in printed
    assert (host["Privileged"], host["CapDrop"], host["CapAdd"]) == (False, ["ALL"], None)
    assert (host["ReadonlyRootfs"], host["SecurityOpt"]) == (True, ["no-new-privileges:true"])
    assert (host["Binds"], host["PidMode"], host["AutoRemove"]) == (None, "", False)
    assert host["IpcMode"] == "private"
    assert (host["Memory"], host["MemorySwap"], host["PidsLimit"]) == (2 << 30, 2 << 30, 512)
    assert set(container.attrs["NetworkSettings"]["Networks"]) == {
        f"{docker_gate.project}_first",
        f"{docker_gate.project}_second",
    }
    mounts = {one["Destination"]: (one["Type"], one["RW"], one["Name"]) for one in container.attrs["Mounts"]}
    own = mounts.pop("/scratch")
    assert own[:2] == ("volume", True)
    assert mounts == {
        "/run/secrets": ("volume", False, f"{docker_gate.project}_secrets-museum"),
        "/sources": ("volume", False, f"{docker_gate.project}_sources"),
        "/var/lib/millrace/compute_logs": ("volume", True, f"{docker_gate.project}_compute-logs"),
    }
    assert launches.launcher.get_run_worker_debug_info(run) == f"The last it printed:\n{printed.strip()}"


def test_the_image_of_a_code_location_works_as_confined_as_that(
    docker_gate: Any, serving: Callable[..., AbstractContextManager[Any]], engine: docker.DockerClient
) -> None:
    """Dagster itself reads its argument, and refuses one that is no run."""
    images, version = os.environ.get("MILLRACE_IMAGES", "millrace"), os.environ.get("MILLRACE_VERSION", "dev")
    with serving(replace(docker_gate.settings, images=images, version=version)) as gate:
        body = {**gate.body(), "Image": f"{images}/museum:{version}", "HostConfig": {}}
        body["Cmd"] = ["dagster", "api", "execute_run", '{"no": "run"}']
        created = gate.create(body)
        started = gate.ask("POST", f"/containers/{gate.name(body)}/start")

    assert (created.status, started.status) == (201, 204), created.text + started.text
    container = engine.containers.get(gate.name(body))
    container.wait(timeout=60)
    assert "not expected type <class 'dagster._grpc.types.ExecuteRunArgs'>" in container.logs().decode()


def test_a_run_that_takes_all_its_memory_says_so(launches: Launches) -> None:
    run = launches.launch("eat", memory="16MiB")

    eventually(lambda: launches.status(run) is WorkerStatus.FAILED)
    assert (launches.launcher.check_run_worker_health(run).msg or "").startswith(
        "The run's container ran out of memory: it reached its limit of 0.02 GiB and was killed."
    )


def test_a_run_that_was_killed_says_so(docker_gate: Any, launches: Launches, client: Client) -> None:
    run = launches.launch("hold")

    client("webserver").containers.get(f"{docker_gate.project}-run-{run.run_id}").kill()

    eventually(lambda: launches.status(run) is WorkerStatus.FAILED)
    assert "killed (SIGKILL)" in (launches.launcher.check_run_worker_health(run).msg or "")


def test_limits_above_the_most_end_the_launch_with_the_gate_s_reason(docker_gate: Any, launches: Launches) -> None:
    before = docker_gate.state()

    with pytest.raises(docker.errors.APIError, match=r"HostConfig\.Memory is 3221225472, at most 2147483648"):
        launches.launch("end", memory="3GiB")

    assert docker_gate.state() == before


def test_the_webserver_looks_and_ends(docker_gate: Any, launches: Launches, client: Client) -> None:
    run = launches.launch("hold")
    container = client("webserver").containers.get(f"{docker_gate.project}-run-{run.run_id}")

    eventually(lambda: b"asked: api" in container.logs(tail=40))
    container.stop(timeout=10)

    container.reload()
    assert container.status == "exited"
    with pytest.raises(docker.errors.APIError, match="refused for the webserver"):
        container.start()


def test_an_image_that_is_not_there_is_docker_s_own_error(docker_gate: Any, client: Client) -> None:
    with pytest.raises(docker.errors.APIError, match="not one of a code location"):
        client("launcher").containers.create(f"{docker_gate.project}/postgres:dev", ["sh"])
    with pytest.raises(docker.errors.NotFound):
        client("launcher").containers.get("nothing")


def test_a_run_is_created_once(docker_gate: Any) -> None:
    body = docker_gate.body()

    assert docker_gate.create(body).status == 201
    before = docker_gate.state()
    assert docker_gate.create(body).status == 409
    assert docker_gate.state() == before


def test_a_run_without_one_of_its_networks_does_not_start(
    docker_gate: Any, serving: Callable[..., AbstractContextManager[Any]]
) -> None:
    """The engine looks for a network when the container starts, not when it is connected."""
    with serving(replace(docker_gate.settings, networks=("first", "missing"))) as gate:
        body = gate.body()
        created = gate.create(body)
        started = gate.ask("POST", f"/containers/{gate.name(body)}/start")

    assert (created.status, started.status) == (201, 404)
    assert f"{gate.project}_missing not found" in started.text
    assert docker_gate.state()["containers"][f"/{gate.name(body)}"][1:] == ("created", 0)


def test_an_engine_that_is_away_is_said_to_be(
    docker_gate: Any, serving: Callable[..., AbstractContextManager[Any]]
) -> None:
    with serving(replace(docker_gate.settings, socket=f"/nowhere/{uuid4().hex}.sock")) as gate:
        answer = gate.create(gate.body())

    assert (answer.status, "the Docker Engine does not answer" in answer.text) == (502, True)
