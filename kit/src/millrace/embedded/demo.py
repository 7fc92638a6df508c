"""`millrace demo`: each domain's main job on a real instance, in a process of its own, shown while it runs.

What belongs here: order, processes, and what a run came to. What does not: how it looks (`report`) and what runs
(`worker`). This module loads no domain and no Dagster, so that a broken domain breaks only its own line.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import orjson

from millrace.domains import definition_modules, installed_domain
from millrace.embedded.home import INTERACTIVE, Home
from millrace.embedded.postgres import postgres_server
from millrace.errors import ConfigurationError

_TAIL_LINES = 12
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Request:
    """What was asked for; see `millrace demo --help`."""

    home: Path
    domain: str | None = None
    source: Path | None = None
    mapping: str | None = None
    rows: int | None = None


@dataclass
class AssetResult:
    """One asset of a run. `figures` holds its plain metadata, `seconds` is the time of its step.

    `state` is `written`, `failed`, or `not run` if a failure or a closed gate before it kept it from running.
    """

    asset: str
    state: str = "not run"
    rows: int = 0
    seconds: float = 0.0
    checks_passed: int = 0
    checks_warned: int = 0
    checks_failed: int = 0
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass
class DomainResult:
    """What a domain's job came to.

    Attributes:
        seconds: The run, from its first step to its last; 0 if no run began.
        process_seconds: The same with starting Python, loading the domain and making a sample.
        outputs: Folders that it published into.
        failures: One line for each failed step or error check.
        warnings: One line for each failed check of severity warning.
    """

    domain: str
    seconds: float = 0.0
    process_seconds: float = 0.0
    success: bool = False
    assets: list[AssetResult] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    peak_memory_bytes: int = 0
    run_id: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def asset(self, name: str) -> AssetResult:
        """The result of an asset, made when it is first heard of."""
        for result in self.assets:
            if result.asset == name:
                return result
        self.assets.append(AssetResult(name))
        return self.assets[-1]

    def as_json(self) -> bytes:
        """One line of JSON."""
        fields = asdict(self)
        del fields["variables"]
        return orjson.dumps(fields)

    def take(self, message: Mapping[str, Any]) -> None:
        """Enter a message of the worker."""
        match message["event"]:
            case "environment":
                self.variables = dict(message["variables"])
            case "run":
                self.run_id = message["run_id"]
                self.assets = [AssetResult(name) for name in message["assets"]]
            case "asset":
                result = self.asset(message["asset"])
                figures = dict(message["figures"])
                result.rows = int(figures.pop("dagster/row_count", 0))
                result.seconds = float(figures.get("seconds", 0.0))
                result.figures = figures
                result.state = "written"
                if "output" in figures:
                    self.outputs.append(figures["output"])
            case "check":
                self._take_check(message)
            case "failure":
                self._take_failure(message["step"], message["error"])
            case "end":
                self.success = message["success"]
                self.seconds = message["seconds"]
                self.peak_memory_bytes = message["peak_memory_bytes"]

    def _take_failure(self, step: str | None, error: str) -> None:
        if step is None:
            # What ends the run is mostly that a step failed, which has been said.
            self.failures += [] if self.failures else [error]
            return
        self.failures.append(f"{step}: {error}")
        for result in self.assets:
            if result.asset == step:
                result.state = "failed"

    def _take_check(self, message: Mapping[str, Any]) -> None:
        result = self.asset(message["asset"])
        if message["passed"]:
            result.checks_passed += 1
            return
        if message["severity"] == "warn":
            result.checks_warned += 1
            lines = self.warnings
        else:
            result.checks_failed += 1
            lines = self.failures
        lines.append(f"{message['check']}: {message['description']}")


class Audience(Protocol):
    """Who is told what happens: `report.Terminal`, or a test."""

    def note(self, text: str) -> None:
        """A line about the whole."""
        ...

    def domain_started(self, domain: str) -> None:
        """A domain's process starts."""
        ...

    def message(self, message: Mapping[str, Any]) -> None:
        """Its worker said something."""
        ...

    def domain_ended(self, result: DomainResult) -> None:
        """Its process is over."""
        ...


def run_demo(request: Request, audience: Audience) -> Iterator[DomainResult]:
    """Run each domain's main job, or one domain's.

    Raises:
        ConfigurationError: no such domain.
        HomeInUseError: the folder belongs to a process that stays.
    """
    names = [installed_domain(request.domain).name] if request.domain is not None else list(definition_modules())
    home = Home(request.home)
    with home.locked("a demo", audience.note) as lock, postgres_server(home.postgres) as url:
        home.write_dagster_files(url, definition_modules())
        for name in names:
            yield _run_domain(home, name, request, lock, audience)


def _run_domain(home: Home, name: str, request: Request, lock: int, audience: Audience) -> DomainResult:
    audience.domain_started(name)
    result = DomainResult(name)
    log = home.logs / f"{name}.log"
    order = {
        "domain": name,
        "source": request.source,
        "mapping": request.mapping,
        "rows": request.rows,
        "sample": home.sample(name),
    }
    command = [sys.executable, "-m", "millrace.embedded.worker", orjson.dumps(order, default=str).decode()]
    started = time.monotonic()
    # The worker inherits the lock: should this process be killed, the home stays taken until the worker ends.
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env=instance_environment(home),
            pass_fds=[lock],
        ) as process,
    ):
        for line in process.stdout or ():
            message = orjson.loads(line)
            result.take(message)
            audience.message(message)
    code = process.returncode
    result.process_seconds = round(time.monotonic() - started, 3)
    if code != 0:
        result.success = False
        if not result.failures:
            result.failures.append(f"the process ended with {_ending(code)}; the end of {log}:\n{_tail(log)}")
    audience.domain_ended(result)
    return result


def serve(home_folder: Path, variables: Mapping[str, str], port: int, audience: Audience) -> bool:
    """Serve Dagster's webserver, daemon and code servers on an embedded home until they are stopped.

    Args:
        home_folder: A home on which `run_demo` has run.
        variables: Environment that points the domains at their sources.
        port: Port on 127.0.0.1.
        audience: Is told the address.

    Returns:
        Whether it ran until it was told to stop; if not, the audience is shown the end of its log.

    Raises:
        ConfigurationError: the port is taken.
    """
    require_free_port(port)
    home = Home(home_folder)
    with home.locked(INTERACTIVE, audience.note) as lock, postgres_server(home.postgres) as url:
        home.write_dagster_files(url, definition_modules())
        address = f"http://127.0.0.1:{port}"
        audience.note("starting Dagster")
        log_file = home.logs / "dagster.log"
        with log_file.open("wb") as log:
            command = [sys.executable, "-m", "dagster", "dev", "--workspace", str(home.dagster / "workspace.yaml")]
            running: list[subprocess.Popen[bytes]] = []
            told_to_stop = threading.Event()

            def stop(*_: object) -> None:
                told_to_stop.set()
                # Once, whether Ctrl+C or a service manager asks: Dagster then stops its daemon and code servers.
                for process in running:
                    process.send_signal(signal.SIGINT)

            # Before the start: a child inherits an ignored SIGINT (a shell's `&` ignores it), but not a handled one.
            previous = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
            try:
                running.append(
                    subprocess.Popen(
                        [*command, "--host", "127.0.0.1", "--port", str(port)],
                        stdout=log,
                        stderr=log,
                        env={**instance_environment(home), **variables},
                        pass_fds=[lock],
                        start_new_session=True,
                    )
                )
                if _answers(f"{address}/server_info", running[0]):
                    audience.note(f"Dagster serves at {address} until you press Ctrl+C")
                code = running[0].wait()
            finally:
                for number, handler in previous.items():
                    signal.signal(number, handler)
    if not told_to_stop.is_set():
        audience.note(f"Dagster ended with {_ending(code)}; the end of {log_file}:\n{_tail(log_file)}")
    return told_to_stop.is_set()


def _answers(address: str, server: subprocess.Popen[bytes]) -> bool:
    """Wait until a server answers there, or is no more."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 - our own, on 127.0.0.1
                return True
        except OSError:
            time.sleep(_POLL_SECONDS)
    return False


def require_free_port(port: int) -> None:
    """Make sure that somebody can listen on a port of 127.0.0.1.

    Raises:
        ConfigurationError: somebody does already.
    """
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        problem = f"127.0.0.1:{port}: {os.strerror(error.errno or 0)}"
        raise ConfigurationError("millrace demo --ui", [problem], next_step="take another with --port") from error


def instance_environment(home: Home) -> dict[str, str]:
    """The environment of every process of an embedded instance."""
    return {**os.environ, "DAGSTER_HOME": str(home.dagster), "MILLRACE_HOME": str(home.root)}


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _tail(log: Path) -> str:
    lines: Sequence[str] = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
