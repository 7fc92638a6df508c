"""The job of the research awards in containers, from the source files to the graph, in a run container of 1 GiB.

Needs the images (`docker compose build`, or `scripts/images all` with COMPOSE_FILE set as docs/operations.md says). It
brings up a project of its own and takes it down again. The first run on the empty platform has 220,000 awards, 120,000
entities and 100,000 patents; it is followed by one on the same source, which finds nothing to do, and by one with 1 %
more awards. `sbir_tenfold.py` has ten times the awards.
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
MORE = 1.01
MEMORY = "1GiB"
SEED = 7
_RUN = """query ($run: ID!) { runOrError(runId: $run) { ... on Run { status creationTime
  assetMaterializations { assetKey { path } metadataEntries {
    label ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue } } } } } }"""


def figures() -> Iterator[Figure]:
    """Seconds of the job, its peak memory, and seconds of runs with nothing or little to do."""
    data = f"{AWARDS:,} awards, {ENTITIES:,} entities, {PATENTS:,} patents, in a run container of {MEMORY}"
    first, again, more = jobs(AWARDS, AWARDS, round(AWARDS * MORE))
    yield Figure("sbir_job_seconds", first.seconds, "s", 240.0, "≤ 4 min, extract to load", 1.0, data)
    yield Figure("sbir_peak_memory", first.peak_mib, "MiB", 1024.0, "≤ 1 GiB, the largest step", 1.0, data)
    target = "reported, against the first run"
    yield Figure("sbir_unchanged_seconds", again.seconds, "s", first.seconds, target, None, "the same files again")
    yield Figure("sbir_one_percent_seconds", more.seconds, "s", first.seconds, target, None, "1 % more awards")


def jobs(*awards: int) -> list["Ended"]:
    """Run the job on an empty platform, then again and again, each time on so many awards."""
    os.environ |= {"COMPOSE_PROJECT_NAME": PROJECT, "MILLRACE_PORT": str(free_port())}
    os.environ.setdefault("COMPOSE_FILE", "compose.yaml")
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name, _platform() as (project, client):
        return [_job(project, client, Path(name), one) for one in awards]


class Ended:
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


def _job(project: Project, client: Client, folder: Path, awards: int) -> Ended:
    source = folder / str(awards)
    write_sources(source, awards=awards, entities=ENTITIES, patents=PATENTS, seed=SEED)
    project.put_source("sbir", source)
    shutil.rmtree(source)
    run_id = client.launch(client.find_job(JOB, "sbir"), {"millrace/memory": MEMORY})
    while (run := client.ask(_RUN, {"run": run_id})["runOrError"])["status"] not in ENDED:
        time.sleep(1)
    if run["status"] != "SUCCESS":
        raise SystemExit(f"bench: run {run_id} ended as {run['status']}")
    return Ended(run, time.time())
