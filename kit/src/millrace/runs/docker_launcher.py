"""Runs in containers of their own, with limits per job, and with a reason when one dies.

What belongs here: what is asked of the Docker API, and what its answers mean. What does not: what a run's container may
be, which the gate in front of the API builds by itself (`services/docker_gate`); it also removes what has ended.

A job's limits are tags: `millrace/memory` (`2GiB`), `millrace/cpus` (`1.5`), `millrace/pids` (`256`).
"""

import os
import re
import threading
import time
from typing import Any

from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.storage.tags import DOCKER_IMAGE_TAG, MAX_RETRIES_TAG
from dagster._core.utils import parse_env_var
from dagster_docker import DockerRunLauncher
from dagster_docker.docker_run_launcher import DOCKER_CONTAINER_ID_TAG
from docker.errors import DockerException
from typing_extensions import override

from millrace.errors import ConfigurationError
from millrace.runs.tags import CPUS_TAG, MEMORY_TAG, PIDS_TAG

PROJECT_VARIABLE = "COMPOSE_PROJECT_NAME"
_UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_STOP_SECONDS = 10  # from asking a run to end to ending it
_TAIL_LINES = 40
_SWEEP_SECONDS = 60
_SWEPT = [DagsterRunStatus.CANCELED, DagsterRunStatus.FAILURE, DagsterRunStatus.SUCCESS]
_SWEPT_RUNS = 50


class ContainerRunLauncher(DockerRunLauncher):
    """Launches each run in a container, through whatever Docker API `DOCKER_HOST` names."""

    _swept = 0.0

    @override
    def _launch_container_with_command(self, run: DagsterRun, docker_image: str, command: list[str]) -> None:
        limited = self._limits(run)
        asked = self.get_container_context(run)
        client = self._get_client(asked)
        container = client.containers.create(
            image=docker_image,
            command=command,
            name=f"{os.environ.get(PROJECT_VARIABLE, 'millrace')}-run-{run.run_id}",
            environment={"DAGSTER_RUN_JOB_NAME": run.job_name} | dict(map(parse_env_var, asked.env_vars)),
            labels={"millrace.run_id": run.run_id, "millrace.job": run.job_name},
            **limited,
        )
        self._instance.report_engine_event(
            message=f"Launching run in container {container.name} of image {docker_image}",
            dagster_run=run,
            cls=self.__class__,
        )
        tags = {DOCKER_CONTAINER_ID_TAG: container.id, DOCKER_IMAGE_TAG: docker_image}
        self._instance.add_run_tags(run.run_id, tags)
        container.start()
        threading.Thread(target=self._watch_start, args=(run.run_id, container), daemon=True).start()

    def _limits(self, run: DagsterRun) -> dict[str, int]:
        """The run's limits; a run whose tags are none fails at once, with the reason and without a retry."""
        try:
            return limits(run.tags)
        except ConfigurationError as error:
            self._instance.add_run_tags(run.run_id, {MAX_RETRIES_TAG: "0"})
            self._instance.report_run_failed(run, str(error))
            raise

    def _watch_start(self, run_id: str, container: Any) -> None:
        """Fail a run whose container ends before the run has started; Dagster would wait for its start timeout."""
        deadline = time.monotonic() + self._instance.run_monitoring_start_timeout_seconds
        while time.monotonic() < deadline:
            time.sleep(1)
            run = self._instance.get_run_by_id(run_id)
            if run is None or run.status is not DagsterRunStatus.STARTING:
                return
            try:
                container.reload()
            except (DockerException, OSError):  # the API is away for a moment; of requests each error is an OSError
                continue
            if container.status in ("exited", "dead"):
                time.sleep(1)  # its last event may still be on its way
                run = self._instance.get_run_by_id(run_id)
                if run is not None and run.status is DagsterRunStatus.STARTING:
                    reason = f"The run's container ended before the run started. {ending(container.attrs)}"
                    self._instance.report_run_failed(run, f"{reason}\n{tail(container)}")
                return

    @override
    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        self._sweep()
        container = self._get_container(run)
        if container is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, msg="The run's container is not there any more.")
        if container.status in ("created", "running", "restarting", "paused"):
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=container.id)
        return CheckRunHealthResult(WorkerStatus.FAILED, msg=ending(container.attrs), run_worker_id=container.id)

    @override
    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """The end of what the run's container printed: monitoring asks without logs, and a tail is what helps most."""
        container = self._get_container(run)
        return None if container is None else tail(container)

    @override
    def terminate(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        container = self._get_container(run)
        if container is None:
            self._instance.report_engine_event(
                "The run's container is not there; the run is marked when monitoring looks next.", run
            )
            return False
        container.stop(timeout=_STOP_SECONDS)
        return True

    def _sweep(self) -> None:
        """Stop containers of runs that are over: one that was marked cancelled while the API was away runs on."""
        if time.monotonic() - self._swept < _SWEEP_SECONDS:
            return
        self._swept = time.monotonic()
        for run in self._instance.get_runs(RunsFilter(statuses=_SWEPT), limit=_SWEPT_RUNS):
            container = self._get_container(run)
            if container is not None and container.status == "running" and self._is_over(run):
                self._instance.report_engine_event("Stopping the container of a run that is over", run)
                container.stop(timeout=_STOP_SECONDS)

    def _is_over(self, run: DagsterRun) -> bool:
        """Whether a run ended a while ago: a container takes a moment to end after its run."""
        record = self._instance.get_run_record_by_id(run.run_id)
        return record is not None and record.end_time is not None and time.time() - record.end_time > _SWEEP_SECONDS


def limits(tags: dict[str, str] | Any) -> dict[str, int]:
    """What a job's tags ask for, as docker-py names it.

    Raises:
        ConfigurationError: a tag is no quantity, or one of nothing.
    """
    asked: dict[str, int] = {}
    problems = []
    for tag, name, read in (
        (MEMORY_TAG, "mem_limit", _bytes),
        (CPUS_TAG, "nano_cpus", lambda text: int(float(text) * 1e9)),
        (PIDS_TAG, "pids_limit", int),
    ):
        if tag in tags:
            try:
                asked[name] = read(tags[tag])
            except (ValueError, OverflowError):  # the latter of an infinity
                asked[name] = 0
            if asked[name] <= 0:  # which Docker takes for no limit at all
                problems.append(f"{tag}={tags[tag]!r} is no quantity above 0")
    if problems:
        raise ConfigurationError("run limits", problems, next_step="write them as 2GiB, 1.5 and 256")
    return asked


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMG]iB|)", text.strip())
    if found is None:
        raise ValueError(text)
    return int(float(found[1]) * _UNITS[found[2]])


def ending(attributes: dict[str, Any]) -> str:
    """Say in plain words how a container ended.

    Args:
        attributes: What `docker inspect` says of it.
    """
    state, limit = attributes["State"], attributes["HostConfig"].get("Memory", 0)
    code = state.get("ExitCode")
    if state.get("OOMKilled"):
        return (
            f"The run's container ran out of memory: it reached its limit of {round(limit / 2**30, 2):g} GiB and was "
            f"killed. Give the job more with the tag {MEMORY_TAG}, or let it hold less at once."
        )
    if code == 137:
        return "The run's container was killed (SIGKILL), not by its memory limit: by hand, or by the machine."
    if code == 143:
        return "The run's container was asked to end (SIGTERM) and did."
    if state.get("Error"):
        return f"The run's container could not be started: {state['Error']}"
    return f"The run's container ended with exit code {code} and the run was not over."


def tail(container: Any) -> str:
    """The end of what a container printed."""
    lines = container.logs(tail=_TAIL_LINES).decode(errors="replace").strip()
    return f"The last it printed:\n{lines}" if lines else "It printed nothing."
