"""The platform in containers: how fast it is up, what it costs at rest, and what a container of its own costs a run.

Needs the images (`docker compose build`, or `scripts/images all` with COMPOSE_FILE set as docs/operations.md says). It
brings up a project of its own and takes it down again. The real collection of `MILLRACE_REAL_DATA` if it is there, else
made-up data of the same size.
"""

import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure
from millrace.compose.dagster_client import ENDED, Client
from millrace.compose.project import Project
from millrace.testing import resident_bytes
from museum import ROWS, real_collection

ROOT = Path(__file__).parents[1]
ROUNDS = 7
FEW_ROWS = 200
PROJECT = "millrace-bench"
_FURTHER = len(list((ROOT / "code_locations").glob("*/compose.yaml"))) - 2  # domains beside these two
_TIMES = """query ($run: ID!) { runOrError(runId: $run) { ... on Run {
  status creationTime stepStats { startTime } } } }"""
# The same queue, the run as a process of the code server.
_IN_PROCESS = "run_launcher:\n  module: dagster\n  class: DefaultRunLauncher\n"
_FOLDERS = """
import os, shutil, time
os.makedirs("/disk/measured")
started, made = time.monotonic(), 0
while time.monotonic() - started < 5:
    folder = f"/disk/measured/{made}"
    os.mkdir(folder)
    with open(f"{folder}/file", "wb") as file:
        file.write(bytes(1500))
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{folder}/file", f"/disk/measured/file-{made}")
    os.rmdir(folder)
    made += 1
print(made / (time.monotonic() - started))
shutil.rmtree("/disk/measured")
"""
_OVERRIDE = "services:\n" + "".join(
    f"  {service}: {{volumes: ['%s:/opt/dagster/dagster.yaml:ro']}}\n"
    for service in ("dagster-daemon", "dagster-webserver")
)


def figures() -> Iterator[Figure]:
    """Seconds until all is healthy, memory at rest, seconds to a run's first step, seconds of the museum's job."""
    os.environ |= {"COMPOSE_PROJECT_NAME": PROJECT, "MILLRACE_PORT": str(free_port())}
    os.environ.setdefault("COMPOSE_FILE", "compose.yaml")
    project = Project(ROOT)
    try:
        compose("down", "--volumes")
        started = time.monotonic()
        compose("up", "--detach", "--wait")
        up = time.monotonic() - started
        time.sleep(10)
        running = compose("ps", "--quiet").split()
        resident = resident_bytes(running) / 2**20
        services = f"{len(running)} services"
        yield Figure("platform_up_seconds", up, "s", 30.0, "≤ 30 s, images at hand", 1.0, services)
        idle_target = "≤ 1.5 GiB, and 160 MiB for each domain beside museum and platform"
        yield Figure("platform_idle_memory", resident, "MiB", 1536.0 + 160 * _FURTHER, idle_target, 1.0, services)

        sign_in = project.sign_in()
        client = Client(sign_in.address, "operator", sign_in.passwords["operator"])
        origin = _give_source(project)
        seconds, _ = _run(client)
        origin += f"; the disk made {_folders_a_second():.0f} folders a second"
        yield Figure("museum_in_container_seconds", seconds, "s", 150.0, "≤ 150 s, launch to end", 1.0, origin)

        project.put_sample("museum", FEW_ROWS)
        _run(client)  # removes the large publication
        contained = statistics.median(_run(client)[1] for _ in range(ROUNDS))
        with tempfile.TemporaryDirectory() as name:
            _launch_in_process(Path(name))
            _run(client)
            in_process = statistics.median(_run(client)[1] for _ in range(ROUNDS))
        target = "≤ 1.3 × a process of the code server"
        data = f"the museum's job, median of {ROUNDS}"
        yield Figure("launch_to_first_step_seconds", contained, "s", in_process, target, 1.3, data)
    finally:
        compose("down", "--volumes")


def _folders_a_second() -> float:
    """What the disk of Docker's volumes gives for what an object store does to one small object (ADR 0010)."""
    options = ["--rm", "--no-deps", "-T", "--user", "0:0", "--volume", "/disk", "--entrypoint", "python3"]
    return float(compose("run", *options, "museum", "-c", _FOLDERS))


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def compose(*arguments: str) -> str:
    """What `docker compose` printed, for the project that the environment names."""
    return docker("compose", *arguments)


def docker(*arguments: str) -> str:
    """What `docker` printed.

    Raises:
        SystemExit: it failed; the text has its last lines.
    """
    ended = subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    if ended.returncode != 0:
        raise SystemExit(f"bench: docker {' '.join(arguments[:2])}: {ended.stderr[-2000:]}")
    return ended.stdout


def _give_source(project: Project) -> str:
    if real := real_collection():
        project.put_source("museum", real)
        return "Tate, 69,202 objects"
    project.put_sample("museum", ROWS)
    return f"made-up, {ROWS:,} records"


def _launch_in_process(folder: Path) -> None:
    """Give the daemon and the webserver another run launcher."""
    instance = (ROOT / "services/dagster/dagster.yaml").read_text()
    start = instance.index("run_launcher:")
    end = instance.index("\n\n", start) + 1
    changed = folder / "dagster.yaml"
    changed.write_text(instance[:start] + _IN_PROCESS + instance[end:])
    folder.chmod(0o755)
    changed.chmod(0o644)
    override = folder / "override.yaml"
    override.write_text(_OVERRIDE % (changed, changed))
    files = [*os.environ["COMPOSE_FILE"].split(":"), str(override)]
    options = [part for file in files for part in ("--file", file)]
    compose(*options, "up", "--detach", "--wait", "dagster-daemon", "dagster-webserver")


def _run(client: Client) -> tuple[float, float]:
    """Launch the museum's job; seconds from its creation to its end, and to its first step."""
    job = client.find_job("nightly_job", "museum")
    run_id = client.launch(job)
    while (run := client.ask(_TIMES, {"run": run_id})["runOrError"])["status"] not in ENDED:
        time.sleep(0.5)
    ended = time.time()
    if run["status"] != "SUCCESS":
        raise SystemExit(f"bench: run {run_id} ended as {run['status']}")
    first = min(step["startTime"] for step in run["stepStats"])
    return ended - run["creationTime"], first - run["creationTime"]
