"""One platform in containers for all of these tests: a project of its own, on a port of its own, gone afterwards."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from millrace.compose.dagster_client import ENDED, Client
from millrace.compose.project import Project, SignIn
from millrace.testing import resident_bytes

ROOT = Path(__file__).parents[3]
DOMAINS = sorted(path.parent.name for path in (ROOT / "code_locations").glob("*/compose.yaml"))
PREFIX = os.environ.get("MILLRACE_TEST_PREFIX", "millrace-test")  # of all that tests make in the engine
Answer = TypeVar("Answer")

_EVENTS = """query ($run: ID!, $cursor: String) { logsForRun(runId: $run, afterCursor: $cursor, limit: 1000) {
  ... on EventConnection { cursor hasMore events { __typename ... on MessageEvent { message stepKey }
  ... on LogsCapturedEvent { fileKey } } } } }"""
_RUN = """query ($run: ID!) { runOrError(runId: $run) { ... on Run {
  status parentRunId rootRunId startTime endTime tags { key value } } } }"""
_RETRIES = """query ($root: String!) { runsOrError(filter: {tags: [{key: "dagster/root_run_id", value: $root}]}) {
  ... on Runs { results { runId status } } } }"""
_LOCATIONS = """query { workspaceOrError { ... on Workspace { locationEntries {
  name loadStatus locationOrLoadError { __typename } } } } }"""
_TERMINATE = """mutation ($run: String!) { terminateRun(runId: $run, terminatePolicy: SAFE_TERMINATE) {
  __typename ... on TerminateRunFailure { message } } }"""
# What the museum has published, by its name below outputs/museum; what begins with a dot is no output. The object store
# takes the MD5 of what it stores; files that came in parts, and every hundredth other, are read.
_DIGESTS = """
import hashlib, json, os
from millrace.settings import Settings
store = Settings.from_environment(os.environ).outputs("museum").store()
prefix = f"{store.prefix}/"
found = {}
for number, one in enumerate(store.client.list_objects(store.bucket, prefix=prefix, recursive=True)):
    name = one.object_name.removeprefix(prefix)
    if not name.rpartition("/")[2].startswith("."):
        found[name] = one.etag
        if "-" in one.etag or number % 100 == 0:
            found[name] = hashlib.md5(store.read(name)).hexdigest()
print(json.dumps(found))
"""


_FORGET = """
import os
from millrace.settings import Settings
for museum in ("sample", "tate"):
    Settings.from_environment(os.environ).outputs("museum").store().remove_tree(museum)
"""


@dataclass
class Platform:
    """The running platform."""

    project: Project
    name: str
    port: int
    environment: Mapping[str, str]
    idle_bytes: int = 0
    restarts: Mapping[str, int] = field(default_factory=dict)
    _sign_in: list[SignIn] = field(default_factory=list)

    @classmethod
    def of(cls, environment: Mapping[str, str], folder: Path) -> "Platform":
        """The platform that runs in `environment`, of the checkout in `folder`."""
        name, port = environment["COMPOSE_PROJECT_NAME"], int(environment["MILLRACE_PORT"])
        return cls(Project(folder), name, port, environment)

    def compose(self, *arguments: str) -> str:
        return docker("compose", *arguments, env=self.environment, folder=self.project.folder)

    def up(self, *arguments: str) -> None:
        """Bring it up; where that fails, the error has the last words of every container that is not well."""
        try:
            self.compose("up", "-d", "--wait", *arguments)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._last_words()}") from None

    @property
    def sign_in(self) -> SignIn:
        if not self._sign_in:
            self._sign_in.append(self.project.sign_in())
        return self._sign_in[0]

    def client(self, user: str = "operator") -> Client:
        return Client(self.sign_in.address, user, self.sign_in.passwords[user])

    def millrace(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The platform's command line, as a user calls it."""
        return subprocess.run(
            [self.project.folder / "scripts/millrace", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def _last_words(self) -> str:
        words = []
        for one in self.inspected():
            state = one["State"]
            unwell = state.get("Health", {}).get("Status", "healthy") != "healthy"
            if unwell or one["RestartCount"] or state["ExitCode"]:
                command = ["docker", "logs", "--tail", "15", one["Id"]]
                logs = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                words.append(f"{one['Name']}: {one['RestartCount']} restarts, {json.dumps(state)}\n{logs.stdout}")
        return "\n".join(words)

    # Runs
    def launch(self, job: str = "nightly_job", **tags: str) -> str:
        client = self.client()
        return client.launch(client.find_job(job, None), tags)

    def run(self, run_id: str) -> dict[str, Any]:
        return self.client().ask(_RUN, {"run": run_id})["runOrError"]

    def events(self, run_id: str) -> list[dict[str, Any]]:
        return self.client().ask(_EVENTS, {"run": run_id, "cursor": None})["logsForRun"]["events"]

    def text(self, run_id: str) -> str:
        """Everything that the UI shows of a run, line by line."""
        return "\n".join(event.get("message", "") for event in self.events(run_id))

    def retries(self, run_id: str) -> list[dict[str, str]]:
        return self.client().ask(_RETRIES, {"root": run_id})["runsOrError"]["results"]

    def story(self, run_id: str) -> str:
        """The end of what is shown of a run and of each of its retries."""
        runs = dict.fromkeys([run_id, *(one["runId"] for one in self.retries(run_id))])
        return "\n".join(f"{one}: {self.run(one)['tags']}\n{self.text(one)[-3000:]}" for one in runs)

    def ended(self, run_id: str, within_seconds: float = 300) -> str:
        """Its status once it is over."""

        def over() -> str:
            status = self.run(run_id)["status"]
            assert status in ENDED, f"run {run_id} is {status}"
            return status

        return eventually(over, within_seconds)

    def wait_for_step(self, run_id: str, step: str) -> None:
        def begun() -> None:
            began = [e["stepKey"] for e in self.events(run_id) if e["__typename"] == "ExecutionStepStartEvent"]
            assert step in began, f"{step} has not begun; {began} have"
            assert self.run(run_id)["status"] == "STARTED"

        eventually(begun, 420, every_seconds=0.2)  # of a run with fifty steps on a busy machine

    def terminate(self, run_id: str) -> str:
        return self.client().ask(_TERMINATE, {"run": run_id})["terminateRun"]["__typename"]

    def locations(self, user: str = "operator") -> dict[str, str]:
        entries = self.client(user).ask(_LOCATIONS)["workspaceOrError"]["locationEntries"]
        return {entry["name"]: entry["locationOrLoadError"]["__typename"] for entry in entries}

    # Containers
    def inspected(self) -> list[dict[str, Any]]:
        return inspected(self.name)

    def container(self, service: str) -> dict[str, Any]:
        return json.loads(docker("inspect", f"{self.name}-{service}-1"))[0]

    def run_container(self, run_id: str) -> dict[str, Any]:
        return json.loads(docker("inspect", f"{self.name}-run-{run_id}"))[0]

    def kill(self, service: str, within_seconds: float = 60) -> None:
        """Kill a service's process and wait until it is back: another process, and healthy."""
        before = self.container(service)["State"]
        send_signal(before["Pid"], signal.SIGKILL)

        def back() -> None:
            state = self.container(service)["State"]
            assert state["Running"], f"{service} is {state['Status']}"
            assert state["StartedAt"] != before["StartedAt"], f"{service} has not ended yet"
            assert state.get("Health", {"Status": "healthy"})["Status"] == "healthy", f"{service} is not healthy"

        eventually(back, within_seconds)

    # Outputs
    def digests(self) -> dict[str, str]:
        """MD5 of every file that the museum has published, by its name below `outputs/museum`."""
        return json.loads(self.compose("exec", "-T", "museum", "python", "-c", _DIGESTS).splitlines()[-1])

    def forget_outputs(self) -> None:
        """Make the museum's next publication its first."""
        self.compose("exec", "-T", "museum", "python", "-c", _FORGET)

    def get(self, path: str, user: str | None = "operator", **headers: str) -> tuple[int, bytes]:
        """GET through the gateway."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        if user is not None:
            request.add_header("Authorization", self.client(user).authorization)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def docker(*arguments: str, env: Mapping[str, str] | None = None, folder: Path = ROOT) -> str:
    ended = subprocess.run(
        ["docker", *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600
    )
    assert ended.returncode == 0, f"docker {' '.join(arguments)[:200]}: {ended.stderr[-3000:]}"
    return ended.stdout


def send_signal(pid: int, number: signal.Signals) -> None:
    """To a process of a container, by its number on the host; it belongs to another user."""
    if os.geteuid() == 0:
        os.kill(pid, number)
    else:
        subprocess.run(["sudo", "kill", "-s", number.name, str(pid)], check=True)


def processes(container: str) -> list[int]:
    """Those of a container, by their numbers on the host."""
    return [int(pid) for pid in docker("top", container, "-eo", "pid").split()[1:]]


def eventually(ask: Callable[[], Answer], within_seconds: float = 60, every_seconds: float = 1) -> Answer:
    """The first answer that is no error; the last error if there is none in time."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            return ask()
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(every_seconds)


def outcome(platform: Platform, run_id: str, within_seconds: float = 240) -> str:
    """How a run and its retries ended; the newest counts."""

    def over() -> str:
        states = {one["runId"]: one["status"] for one in platform.retries(run_id)} or {
            run_id: platform.run(run_id)["status"]
        }
        assert all(state in ("SUCCESS", "FAILURE", "CANCELED") for state in states.values()), states
        if set(states.values()) == {"FAILURE"} and len(states) == 1:
            tags = {tag["key"]: tag["value"] for tag in platform.run(run_id)["tags"]}
            assert tags.get("dagster/will_retry") == "false", "its retry has not been launched yet, or decided on"
        return "SUCCESS" if "SUCCESS" in states.values() else "FAILURE"

    return eventually(over, within_seconds)


def digests_of(folder: Path) -> dict[str, str]:
    """MD5 of every file below a folder, by its name there; what begins with a dot is no output."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {
        path.relative_to(folder).as_posix(): hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for path in files
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@contextmanager
def throw_away(settings: Mapping[str, str], folder: Path = ROOT) -> Generator[dict[str, str]]:
    """A compose project of its own on a free port: the environment for its commands; taken down with all that it left.

    Args:
        settings: Further settings, as they would stand in `.env`.
        folder: The checkout whose compose files it is.
    """
    settings = {
        "COMPOSE_PROJECT_NAME": f"{PREFIX}-{uuid4().hex[:6]}",
        "COMPOSE_FILE": "compose.yaml:compose.source.yaml",
        "MILLRACE_PORT": str(free_port()),
        **settings,
    }
    name = settings["COMPOSE_PROJECT_NAME"]
    foreign = ("MILLRACE_", "MUSEUM_", "COMPOSE_", "VIRTUAL_ENV", "ROOT")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)} | settings
    with pytest.MonkeyPatch.context() as patch:
        for key, value in settings.items():
            patch.setenv(key, value)
        try:
            yield environment
        finally:
            mounts = [mount for one in inspected(name) for mount in one["Mounts"]]
            volumes = {mount["Name"] for mount in mounts if mount["Type"] == "volume"}  # nameless ones too
            command = ["docker", "compose", "--profile=*", "down", "--volumes"]
            down = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
            left = left_of(name) + sorted(set(docker("volume", "ls", "--quiet").split()) & volumes)
            remove(name)
    assert down.returncode == 0, down.stderr.decode()
    assert left == [], "docker compose down -v left something"


@pytest.fixture(scope="session")
def platform() -> Generator[Platform]:
    """Brought up from images that `scripts/images all` has made; taken down with all that was its own."""
    graph = "bolt://neo4j:7687,bolt://neo4j-rebuild:7687"  # the second one runs for one test
    with throw_away({"MILLRACE_MAX_CONCURRENT_RUNS": "2", "MILLRACE_GRAPH": graph}) as environment:
        platform = Platform.of(environment, ROOT)
        platform.up()
        started = platform.inspected()
        platform.idle_bytes = resident_bytes(one["Id"] for one in started if one["State"]["Running"])
        platform.restarts = {one["Name"]: one["RestartCount"] for one in started if one["RestartCount"]}
        yield platform


def inspected(project: str) -> list[dict[str, Any]]:
    """`docker inspect` of every container of a project, runs' among them."""
    names = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={project}").split()
    return json.loads(docker("inspect", *names)) if names else []


def left_of(project: str) -> list[str]:
    """Containers, networks and volumes that bear a project's name."""
    listed = [
        docker("ps", "--all", "--format", "{{.Names}}"),
        docker("network", "ls", "--format", "{{.Name}}"),
        docker("volume", "ls", "--format", "{{.Name}}"),
    ]
    return [one for text in listed for one in text.split() if one.startswith(project)]


def remove(project: str) -> None:
    for kind, command in (("ps -aq", "rm -fv"), ("network ls -q", "network rm"), ("volume ls -q", "volume rm -f")):
        found = docker(*kind.split(), "--filter", f"name={project}").split()
        if found:
            subprocess.run(["docker", *command.split(), *found], capture_output=True, check=False)


@pytest.fixture(scope="session")
def sampled(platform: Platform) -> Generator[Platform]:
    """The platform with made-up data for the museum: enough for a run to be met in its midst.

    In the end one is left in its midst: whether anything is left of it, and of all those before, the platform finds.
    """
    done = platform.millrace("source", "museum", "--rows", "20000")
    assert done.returncode == 0, done.stderr
    yield platform
    platform.wait_for_step(platform.launch(), "harvested_objects")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.compose)
