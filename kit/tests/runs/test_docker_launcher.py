"""What the launcher asks of Docker and what it makes of the answers; the real engine is in the gate's tests."""

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import dagster as dg
import docker.errors
import pytest
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._core.storage.tags import DOCKER_IMAGE_TAG
from dagster._core.test_utils import create_run_for_test

from millrace.errors import ConfigurationError
from millrace.runs import docker_launcher
from millrace.runs.docker_launcher import ContainerRunLauncher, ending, limits, tail

IMAGE = "millrace/museum:dev"
COMMAND = ["dagster", "api", "execute_run", "{}"]
GIB = 1 << 30
Starts = list[Callable[[], None]]


class Container:
    """A container as docker-py shows it."""

    def __init__(self, name: str = "", status: str = "running", printed: bytes = b"", **state: Any) -> None:
        self.id = f"id-of-{name}"
        self.name = name
        self.status = status
        self.printed = printed
        self.attrs = {"State": {"ExitCode": 0, **state}, "HostConfig": {"Memory": 2 * GIB}}
        self.stopped: list[int] = []
        self.asked_lines = 0

    def start(self) -> None:
        self.status = "running" if self.status == "created" else self.status

    def stop(self, timeout: int) -> None:
        self.stopped.append(timeout)
        self.status = "exited"

    def reload(self) -> None:
        """Nothing changes by itself."""

    def logs(self, tail: int) -> bytes:
        self.asked_lines = tail
        return self.printed


class Client:
    """The boundary: `client.containers` of docker-py."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.known: dict[str, Container] = {}
        self.next: Container | None = None

    @property
    def containers(self) -> "Client":
        return self

    def create(self, **asked: Any) -> Container:
        self.asked.append(asked)
        container = self.next or Container(asked["name"], "created")
        container.id = f"id-of-{asked['name']}"
        self.known[container.id] = container
        return container

    def get(self, container_id: str) -> Container:
        if container_id not in self.known:
            raise docker.errors.NotFound("none")
        return self.known[container_id]


class Bench:
    """A launcher on a real instance, with a client that keeps what it is asked."""

    def __init__(self, instance: dg.DagsterInstance, client: Client) -> None:
        self.instance = instance
        self.client = client
        self.launcher = ContainerRunLauncher()
        self.launcher.register_instance(instance)

    def start(self, *, status: str = "STARTED", container: Container | None = None, **tags: str) -> DagsterRun:
        """A run of a status with a container."""
        run = create_run_for_test(
            self.instance,
            job_name="museum_job",
            status=dg.DagsterRunStatus(status),
            tags={f"millrace/{name}": value for name, value in tags.items()},
        )
        self.client.next = container
        self.launcher._launch_container_with_command(run, IMAGE, COMMAND)
        return self.read(run)

    def read(self, run: DagsterRun) -> DagsterRun:
        found = self.instance.get_run_by_id(run.run_id)
        assert found is not None
        return found

    def messages(self, run: DagsterRun) -> list[str]:
        return [one.message for one in self.instance.all_logs(run.run_id)]

    def container(self, run: DagsterRun) -> Container:
        return self.client.known[run.tags["docker/container_id"]]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    made = Client()
    monkeypatch.setattr(ContainerRunLauncher, "_get_client", lambda *_: made)
    return made


class Clock:
    """The launcher's `time`: nobody waits, and an hour passes when it is told to."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def sleep(self, seconds: float) -> None:
        """Wait for nothing."""

    def time(self) -> float:
        return time.time() + self.ahead_seconds

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead_seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(docker_launcher, "time", made)
    return made


class Threads:
    """The launcher's `threading`: what would be a thread is kept, and is run when it is told to."""

    def __init__(self) -> None:
        self.kept: Starts = []

    def Thread(self, target: Any, args: tuple[Any, ...], **_: bool) -> SimpleNamespace:  # noqa: N802 as the class is named
        return SimpleNamespace(start=lambda: self.kept.append(lambda: target(*args)))


@pytest.fixture
def starts(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Starts:
    """Watches over starting runs."""
    made = Threads()
    monkeypatch.setattr(docker_launcher, "threading", made)
    return made.kept


@pytest.fixture
def at(instance: dg.DagsterInstance, client: Client, starts: Starts, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "mill")
    return Bench(instance, client)


# Limits


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, {}),
        ({"dagster/priority": "1"}, {}),
        ({"millrace/memory": "2GiB"}, {"mem_limit": 2 * GIB}),
        ({"millrace/memory": " 1.5 GiB "}, {"mem_limit": 3 * GIB // 2}),
        ({"millrace/memory": "536870912"}, {"mem_limit": GIB // 2}),
        ({"millrace/cpus": "1.5"}, {"nano_cpus": 1_500_000_000}),
        (
            {"millrace/memory": "512MiB", "millrace/cpus": "2", "millrace/pids": "64"},
            {"mem_limit": GIB // 2, "nano_cpus": 2_000_000_000, "pids_limit": 64},
        ),
    ],
)
def test_a_job_s_tags_are_its_limits(tags: dict[str, str], expected: dict[str, int]) -> None:
    assert limits(tags) == expected


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("millrace/memory", "2GB"),
        ("millrace/memory", "-1GiB"),
        ("millrace/memory", ""),
        ("millrace/memory", "0GiB"),
        ("millrace/cpus", "two"),
        ("millrace/cpus", "nan"),
        ("millrace/cpus", "inf"),
        ("millrace/cpus", "-1"),
        ("millrace/cpus", "0"),
        ("millrace/pids", "1.5"),
        ("millrace/pids", "0"),
        ("millrace/pids", "-1"),
    ],
)
def test_a_limit_that_is_none_is_named(tag: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        limits({tag: value})

    assert error.value.problems == [f"{tag}={value!r} is no quantity above 0"]


def test_a_run_whose_limits_are_none_fails_with_the_reason_and_is_not_retried(at: Bench) -> None:
    with pytest.raises(ConfigurationError):
        at.start(status="STARTING", memory="much")

    (run,) = at.instance.get_runs(limit=1)  # the newest; other tests use the instance too
    assert run.status is dg.DagsterRunStatus.FAILURE
    assert run.tags["dagster/max_retries"] == "0"
    assert any("millrace/memory='much' is no quantity above 0; write them as 2GiB" in one for one in at.messages(run))
    assert at.client.asked == []


def test_all_wrong_limits_are_said_at_once() -> None:
    with pytest.raises(ConfigurationError) as error:
        limits({"millrace/memory": "much", "millrace/cpus": "1", "millrace/pids": "few"})

    assert len(error.value.problems) == 2
    assert "2GiB, 1.5 and 256" in str(error.value)


# How a container ended


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"OOMKilled": True, "ExitCode": 137}, "ran out of memory: it reached its limit of 2 GiB"),
        ({"OOMKilled": True, "ExitCode": 1}, "ran out of memory"),  # a child was killed, and its parent gave up
        ({"OOMKilled": False, "ExitCode": 137}, "killed (SIGKILL), not by its memory limit"),
        ({"OOMKilled": False, "ExitCode": 143}, "asked to end (SIGTERM) and did"),
        ({"ExitCode": 127, "Error": "exec: dagster: not found"}, "could not be started: exec: dagster: not found"),
        ({"ExitCode": 3, "Error": ""}, "ended with exit code 3"),
        ({"ExitCode": 0}, "ended with exit code 0 and the run was not over"),
    ],
)
def test_an_ending_is_said_in_plain_words(state: dict[str, Any], said: str) -> None:
    assert said in ending({"State": state, "HostConfig": {"Memory": 2 * GIB}})


@pytest.mark.parametrize(
    ("limit", "said"), [(GIB // 2, "0.5 GiB"), (3 * GIB // 2, "1.5 GiB"), (12 * GIB, "12 GiB"), (128 * GIB, "128 GiB")]
)
def test_a_limit_is_said_as_it_was_written(limit: int, said: str) -> None:
    assert f"its limit of {said} and" in ending({"State": {"OOMKilled": True}, "HostConfig": {"Memory": limit}})


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (b"", "It printed nothing."),
        (b" \n\n", "It printed nothing."),
        (b"one\ntwo\n", "The last it printed:\none\ntwo"),
        (b"caf\xe9\n", "The last it printed:\ncaf\ufffd"),
    ],
)
def test_a_tail_is_what_was_printed_last(printed: bytes, said: str) -> None:
    container = Container(printed=printed)

    assert tail(container) == said
    assert container.asked_lines == 40


# Launching


def test_a_run_asks_for_no_more_than_the_gate_takes(at: Bench) -> None:
    run = at.start(memory="1GiB")

    assert at.client.asked == [
        {
            "image": IMAGE,
            "command": COMMAND,
            "name": f"mill-run-{run.run_id}",
            "environment": {"DAGSTER_RUN_JOB_NAME": "museum_job"},
            "labels": {"millrace.run_id": run.run_id, "millrace.job": "museum_job"},
            "mem_limit": GIB,
        }
    ]
    assert run.tags["docker/container_id"] == f"id-of-mill-run-{run.run_id}"
    assert run.tags[DOCKER_IMAGE_TAG] == IMAGE
    assert any(f"Launching run in container mill-run-{run.run_id} of image {IMAGE}" in one for one in at.messages(run))
    assert at.container(run).status == "running"


def test_the_variables_of_a_code_location_go_with_its_runs(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSEUM_FROM_HERE", "here")
    at.launcher.env_vars = ["MUSEUM_MAPPING=a=b", "MUSEUM_FROM_HERE"]

    at.start()

    assert at.client.asked[0]["environment"] == {
        "DAGSTER_RUN_JOB_NAME": "museum_job",
        "MUSEUM_MAPPING": "a=b",
        "MUSEUM_FROM_HERE": "here",
    }


def test_a_run_with_a_wrong_limit_has_no_container(at: Bench) -> None:
    with pytest.raises(ConfigurationError):
        at.start(memory="much")

    assert at.client.known == {}


def test_a_container_that_ends_before_its_run_starts_fails_the_run_at_once(at: Bench, starts: Starts) -> None:
    run = at.start(status="STARTING", container=Container(status="exited", printed=b"no module", ExitCode=1))

    starts[-1]()

    assert at.read(run).status is dg.DagsterRunStatus.FAILURE
    (said,) = [one for one in at.messages(run) if "ended before the run started" in one]
    assert "exit code 1" in said
    assert "no module" in said


def test_a_run_that_started_is_not_watched_further(at: Bench, starts: Starts) -> None:
    run = at.start(status="STARTED", container=Container(status="exited", ExitCode=1))

    starts[-1]()

    assert at.read(run).status is dg.DagsterRunStatus.STARTED


def test_an_api_that_is_away_does_not_end_the_watch(at: Bench, starts: Starts) -> None:
    container = Container(status="exited", ExitCode=1)
    answers = iter([docker.errors.APIError("502"), docker.errors.NotFound("none"), None])

    def reload() -> None:
        if (error := next(answers)) is not None:
            raise error

    container.reload = reload
    run = at.start(status="STARTING", container=container)

    starts[-1]()

    assert at.read(run).status is dg.DagsterRunStatus.FAILURE


# Watching and ending


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        ("created", {}, WorkerStatus.RUNNING),
        ("running", {}, WorkerStatus.RUNNING),
        ("paused", {}, WorkerStatus.RUNNING),
        ("exited", {"ExitCode": 1}, WorkerStatus.FAILED),
        ("dead", {"ExitCode": 1}, WorkerStatus.FAILED),
    ],
)
def test_a_run_is_as_well_as_its_container(
    at: Bench, status: str, state: dict[str, Any], expected: WorkerStatus
) -> None:
    run = at.start()
    container = at.container(run)
    container.status, container.attrs["State"] = status, state

    health = at.launcher.check_run_worker_health(run)

    assert (health.status, health.run_worker_id) == (expected, container.id)
    assert ("exit code 1" in (health.msg or "")) == (expected is WorkerStatus.FAILED)


def test_a_run_whose_container_is_gone_says_so(at: Bench) -> None:
    run = at.start()
    at.client.known.clear()

    health = at.launcher.check_run_worker_health(run)

    assert (health.status, "not there any more" in (health.msg or "")) == (WorkerStatus.NOT_FOUND, True)
    assert at.launcher.get_run_worker_debug_info(run) is None


def test_monitoring_gets_the_last_lines_though_it_asks_without_logs(at: Bench) -> None:
    run = at.start()
    at.container(run).printed = b"the last line"

    assert "the last line" in (at.launcher.get_run_worker_debug_info(run, include_container_logs=False) or "")


def test_terminating_asks_the_container_to_end(at: Bench) -> None:
    run = at.start()

    assert at.launcher.terminate(run.run_id)

    assert at.container(run).stopped == [10]
    assert at.read(run).status is dg.DagsterRunStatus.CANCELING


def test_terminating_a_run_without_its_container_says_so(at: Bench) -> None:
    run = at.start()
    at.client.known.clear()

    assert not at.launcher.terminate(run.run_id)

    assert any("container is not there" in one for one in at.messages(run))


@pytest.mark.parametrize("status", ["SUCCESS", "FAILURE", "CANCELED"])
def test_a_run_that_is_over_is_not_terminated(at: Bench, status: str) -> None:
    run = at.start(status=status)

    assert not at.launcher.terminate(run.run_id)

    assert at.container(run).stopped == []


def test_an_unknown_run_is_not_terminated(at: Bench) -> None:
    assert not at.launcher.terminate("none")


# Sweeping


def canceled(at: Bench) -> DagsterRun:
    run = at.start()
    at.instance.report_run_canceled(run)
    return at.read(run)


def test_a_container_that_outlives_its_run_is_stopped(at: Bench, clock: Clock) -> None:
    over, live = canceled(at), at.start()
    clock.ahead_seconds = 61

    health = at.launcher.check_run_worker_health(live)

    assert health.status is WorkerStatus.RUNNING
    assert at.container(over).stopped == [10]
    assert at.container(live).stopped == []
    assert any("Stopping the container of a run that is over" in one for one in at.messages(over))


def test_a_container_has_a_minute_to_end_after_its_run(at: Bench) -> None:
    over, live = canceled(at), at.start()

    at.launcher.check_run_worker_health(live)

    assert at.container(over).stopped == []


def test_sweeping_happens_once_a_minute(at: Bench, clock: Clock) -> None:
    live = at.start()
    at.launcher.check_run_worker_health(live)
    over = canceled(at)
    clock.ahead_seconds = 59

    at.launcher.check_run_worker_health(live)

    assert at.container(over).stopped == []
