"""The job of the research awards in containers, from the source files to the graph, in a run container of 1 GiB.

Needs the images (`docker compose build`, or `scripts/images all` with COMPOSE_FILE set as docs/operations.md says). It
brings up a project of its own for each size and takes it down again. Each size is the first run on an empty platform:
220,000 awards, 120,000 entities and 100,000 patents, then ten times the awards with the same entities and patents. The
smaller one is run again on the same source, which finds nothing to do, and on one with 1 % more awards.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from containers import ROOT, compose, free_port
from figures import Figure
from millrace.compose.dagster_client import ENDED, Client
from millrace.compose.project import Project
from millrace_sbir.sample import write_sources

PROJECT = "millrace-bench"
JOB = "incremental_job"
AWARDS, ENTITIES, PATENTS = 220_000, 120_000, 100_000
TIMES = 10
MORE = 1.01
MEMORY = "1GiB"
SEED = 7
_RUN = """query ($run: ID!) { runOrError(runId: $run) { ... on Run { status creationTime
  assetMaterializations { assetKey { path } metadataEntries {
    label ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue } } } } } }"""


def figures() -> Iterator[Figure]:
    """Seconds of the job, its share of ten times the awards, peak memory, and of runs with nothing or little to do."""
    os.environ |= {"COMPOSE_PROJECT_NAME": PROJECT, "MILLRACE_PORT": str(free_port())}
    os.environ.setdefault("COMPOSE_FILE", "compose.yaml")
    data = f"{AWARDS:,} awards, {ENTITIES:,} entities, {PATENTS:,} patents, in a run container of {MEMORY}"
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        folder = Path(name)
        with _platform() as (project, client):
            first = _job(project, client, folder, AWARDS)
            again = _job(project, client, folder, AWARDS)
            more = _job(project, client, folder, round(AWARDS * MORE))
        with _platform() as (project, client):
            tenfold = _job(project, client, folder, AWARDS * TIMES)
    yield Figure("sbir_job_seconds", first.seconds, "s", 240.0, "≤ 4 min, extract to load", 1.0, data)
    yield Figure("sbir_peak_memory", first.peak_mib, "MiB", 1024.0, "≤ 1 GiB, the largest step", 1.0, data)
    tenfold_data = f"{AWARDS * TIMES:,} awards, the same entities and patents, {MEMORY}"
    target = f"≤ 10.5 × the seconds of {AWARDS:,}"
    yield Figure("sbir_job_seconds_tenfold", tenfold.seconds, "s", first.seconds, target, 10.5, tenfold_data)
    yield Figure("sbir_peak_memory_tenfold", tenfold.peak_mib, "MiB", 1024.0, "≤ 1 GiB", 1.0, tenfold_data)
    target = "reported, against the first run"
    yield Figure("sbir_unchanged_seconds", again.seconds, "s", first.seconds, target, None, "the same files again")
    yield Figure("sbir_one_percent_seconds", more.seconds, "s", first.seconds, target, None, "1 % more awards")


class _Ended:
    """A run that succeeded: seconds from its creation to its end, and the largest peak of a step's process, in MiB."""

    def __init__(self, run: dict[str, Any], ended: float) -> None:
        self.seconds = ended - run["creationTime"]
        self.peak_mib = (
            max(
                entry["intValue"]
                for asset in run["assetMaterializations"]
                for entry in asset["metadataEntries"]
                if entry["label"] == "peak_memory_bytes"
            )
            / 2**20
        )


class _platform:  # noqa: N801  # a context manager, named as a function
    """A platform of its own, empty, gone afterwards."""

    def __enter__(self) -> tuple[Project, Client]:
        compose("down", "--volumes")
        compose("up", "--detach", "--wait")
        project = Project(ROOT)
        sign_in = project.sign_in()
        return project, Client(sign_in.address, "operator", sign_in.passwords["operator"])

    def __exit__(self, *_error: object) -> None:
        compose("down", "--volumes")


def _job(project: Project, client: Client, folder: Path, awards: int) -> _Ended:
    source = folder / str(awards)
    write_sources(source, awards=awards, entities=ENTITIES, patents=PATENTS, seed=SEED)
    project.put_source("sbir", source)
    shutil.rmtree(source)
    run_id = client.launch(client.find_job(JOB, "sbir"), {"millrace/memory": MEMORY})
    while (run := client.ask(_RUN, {"run": run_id})["runOrError"])["status"] not in ENDED:
        time.sleep(1)
    if run["status"] != "SUCCESS":
        raise SystemExit(f"bench: run {run_id} ended as {run['status']}")
    return _Ended(run, time.time())
