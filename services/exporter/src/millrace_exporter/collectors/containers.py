"""Containers of this project, under cAdvisor's names.

What belongs here: which series a container is. What does not: the Docker API (`sources/docker`).

A run's container has the run's id in its name, which is in no label: the runs of a job are one series. Its counters
add up what each container added, so that they do not fall when a run ends and its container is removed. A run may be
ended for its memory before anybody has looked at it once, so that counter is there for every job from the start: what
begins at 1 is no increase.
"""

from collections.abc import Mapping
from typing import Any

from millrace_exporter.definitions import Workspace
from millrace_exporter.samples import Samples
from millrace_exporter.sources.docker import Container, Docker

_SERVICE, _JOB, _RUN = "com.docker.compose.service", "millrace.job", "millrace.run_id"
_RUNS_NAME = "run"
Key = tuple[str, str, str]


class ContainersCollector:
    """Reads containers.

    Args:
        docker: The gate.
        workspace: Names the jobs that are there though they never ran.
    """

    name = "containers"

    def __init__(self, docker: Docker, workspace: Workspace) -> None:
        self._docker = docker
        self._workspace = workspace
        self.restore(None)

    def poll(self) -> Samples:
        """The containers as they are.

        Raises:
            httpx.HTTPError: The gate or the engine does not answer.
        """
        containers, problems = self._docker.containers()
        samples = Samples(self.name)
        samples.problems += problems
        fullest: dict[Key, Container] = {}
        for one in containers:
            key = _key(one)
            self._count(key, one)
            before = fullest.get(key)
            if before is None or _fill(one) > _fill(before):
                fullest[key] = one
        for key, one in fullest.items():
            _gauges(samples, key, one)
        if not problems:
            present = {one.identifier for one in containers}
            self._last = {key: values for key, values in self._last.items() if key in present}
            services = {key for key in self._totals if not key[2]}
            for key in services - set(fullest):
                del self._totals[key]
        for key, totals in self._totals.items():
            for name, value in totals.items():
                samples.set(f"container_{name}", key, value)
        runs = [(_RUNS_NAME, f"{location}-run", job) for location, job in self._workspace.now.jobs]
        samples.seed("container_oom_events_total", runs)
        return samples

    def _count(self, key: Key, one: Container) -> None:
        last, totals = self._last.setdefault(one.identifier, {}), self._totals.setdefault(key, {})
        counters = {name: value for name, value in one.figures.items() if name.endswith("_total")}
        counters["restarts_total"] = one.restarts
        for name, value in counters.items():
            before = last.get(name, 0.0)
            totals[name] = totals.get(name, 0.0) + (value - before if value >= before else value)
            last[name] = value
        totals.setdefault("oom_events_total", 0.0)
        if one.oom_killed and one.finished is not None and last.get("oom") != one.finished:
            last["oom"] = one.finished
            totals["oom_events_total"] += 1

    def dump(self) -> dict[str, Any]:
        """Counters, and what each container had added."""
        return {"totals": [[*key, values] for key, values in self._totals.items()], "last": self._last}

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; nothing is a cold start."""
        given: Mapping[str, Any] = dumped or {}
        self._totals: dict[Key, dict[str, float]] = {(a, b, c): dict(one) for a, b, c, one in given.get("totals", [])}
        self._last: dict[str, dict[str, float]] = {key: dict(one) for key, one in given.get("last", {}).items()}


def _key(one: Container) -> Key:
    service = one.labels.get(_SERVICE, "")
    if _RUN in one.labels:
        return (_RUNS_NAME, service, one.labels.get(_JOB, ""))
    return (one.name, service, "")


def _fill(one: Container) -> tuple[bool, float]:
    """How full its memory is; one that runs comes before one that does not."""
    used = one.figures.get("memory_working_set_bytes", 0.0)
    return one.running, used / one.memory_limit if one.memory_limit else used


def _gauges(samples: Samples, key: Key, one: Container) -> None:
    samples.set("container_running", key, float(one.running))
    samples.set("container_spec_memory_limit_bytes", key, one.memory_limit)
    if one.healthy is not None:
        samples.set("container_healthy", key, float(one.healthy))
    if one.started is not None:
        samples.set("container_start_time_seconds", key, one.started)
    if "memory_working_set_bytes" in one.figures:
        samples.set("container_memory_working_set_bytes", key, one.figures["memory_working_set_bytes"])
