"""Runs the main job of one domain in this process and tells its parent what happens, one JSON object per line.

    python -m millrace.embedded.worker '{"domain": "museum", "source": null, "mapping": null, "rows": 5000, …}'

What belongs here: what a run launcher's process would do, on the instance that DAGSTER_HOME names. What does not:
showing it to people (`millrace.embedded.demo`).

Messages have an `event`: `environment`, `run`, `step`, `progress`, `asset`, `check`, `retry`, `failure`, `end`.
"""

import logging
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import orjson
from dagster._core.code_pointer import CodePointer
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.execution.api import execute_run_iterator
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.dagster_run import DagsterRunStatus, RunsFilter
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from millrace.domains import installed_domain
from millrace.errors import ConfigurationError, MillraceError
from millrace.location import Domain
from millrace.runs.charts import warm_up
from millrace.runs.failures import failure_reason, first_cause

_ORPHANED = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.CANCELING]
SEED = 1


def run_job(domain: Domain, job_name: str, instance: dg.DagsterInstance) -> Iterator[dict[str, Any]]:
    """Run a job as a launched run of its code location, so that the UI links it there.

    Yields:
        Messages; the last is `end` with `success`, `seconds` of the run and `peak_memory_bytes` of this process.
    """
    module = f"{domain.package}.definitions"
    repository = ReconstructableRepository(CodePointer.from_module(module, "defs", None))
    job = repository.get_reconstructable_job(job_name)
    target = LoadableTargetOrigin(module_name=module, attribute="defs")
    # A record whose fields override its base's abstract properties, which ty does not follow.
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, domain.name)  # ty: ignore[abstract-class-instantiation]
    run = instance.create_run_for_job(
        job.get_definition(),
        remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job_name),
        job_code_origin=job.get_python_origin(),
        tags={"millrace/started_by": "demo"},
    )
    graph = job.get_definition().asset_layer.asset_graph
    selected = job.get_definition().asset_layer.selected_asset_keys
    ordered = [key.to_user_string() for key in graph.toposorted_asset_keys if key in selected]
    yield {"event": "run", "run_id": run.run_id, "assets": ordered}
    started = time.monotonic()
    success = False
    for event in execute_run_iterator(job, run, instance):
        success = success or event.event_type_value == "PIPELINE_SUCCESS"
        message = _message(event)
        if message is not None:
            yield message
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = round(time.monotonic() - started, 3)
    yield {"event": "end", "success": success, "seconds": seconds, "peak_memory_bytes": peak}


def fail_orphaned_runs(instance: dg.DagsterInstance) -> int:
    """Fail runs whose process is gone; the caller holds the home, so no process of theirs can live.

    Returns:
        How many.
    """
    runs = instance.get_runs(RunsFilter(statuses=_ORPHANED))
    for run in runs:
        instance.report_run_failed(run, "The process of this run ended without saying so (killed?).")
    return len(runs)


def _message(event: dg.DagsterEvent) -> dict[str, Any] | None:
    data: Any = event.event_specific_data
    match event.event_type_value:
        case "STEP_START":
            return {"event": "step", "step": event.step_key}
        case "STEP_UP_FOR_RETRY":
            return {"event": "retry", "step": event.step_key, "error": first_cause(data.error)}
        case "STEP_FAILURE":
            return {"event": "failure", "step": event.step_key, "error": failure_reason(data)}
        case "PIPELINE_FAILURE" | "PIPELINE_INIT_FAILURE" if data is not None and data.error is not None:
            return {"event": "failure", "step": None, "error": first_cause(data.error)}
        case "ASSET_MATERIALIZATION":
            materialization = data.materialization
            figures = {
                name: entry.value
                for name, entry in materialization.metadata.items()
                if isinstance(entry.value, int | float | str) and not isinstance(entry, dg.MarkdownMetadataValue)
            }
            figures.pop("path", None)  # Dagster's own, of the stage file
            return {"event": "asset", "asset": materialization.asset_key.to_user_string(), "figures": figures}
        case "ASSET_CHECK_EVALUATION":
            return {
                "event": "check",
                "asset": data.asset_key.to_user_string(),
                "check": data.check_name,
                "passed": data.passed,
                "severity": data.severity.value.lower(),
                "description": data.description or "",
            }
        case _:
            return None


class Channel:
    """The pipe to the parent, one message per line. It was stdout; what a domain prints goes to the log now."""

    def __init__(self) -> None:
        self._stream = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def send(self, message: dict[str, Any]) -> None:
        """Write one message."""
        self._stream.write(orjson.dumps(message, default=str, option=orjson.OPT_APPEND_NEWLINE))
        self._stream.flush()


class _ProgressHandler(logging.Handler):
    """Passes what the domain's own code logs on to the parent."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        self._channel.send({"event": "progress", "text": record.getMessage()})


def prepare_source(domain: Domain, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Point the domain at the source that was given, or at a sample that is made now.

    Raises:
        ConfigurationError: a source was given to a domain that takes none.
    """
    environment: Mapping[str, str] = {}
    if request["source"] is not None:
        if domain.source is None:
            raise ConfigurationError(f"domain {domain.name}", ["takes no --source"], next_step="leave it out")
        environment = domain.source(Path(request["source"]), request["mapping"])
    elif domain.sample is not None:
        rows = request["rows"] or domain.sample_rows
        yield {"event": "progress", "text": f"sample of {rows:,} rows in {request['sample']}"}
        environment = domain.sample(Path(request["sample"]), rows, SEED)
    os.environ.update(environment)
    yield {"event": "environment", "variables": dict(environment)}


def main(request: dict[str, Any]) -> int:
    """Run the main job of a domain; 0 when it succeeded.

    Args:
        request: `domain`, `source`, `mapping`, `rows` (each of the last three may be null), `sample` (folder).
    """
    channel = Channel()
    threading.Thread(target=warm_up, name="charts", daemon=True).start()
    success = False
    try:
        domain: Domain = installed_domain(request["domain"]).load()
        logging.getLogger(domain.package).addHandler(_ProgressHandler(channel))
        for message in prepare_source(domain, request):
            channel.send(message)
        with dg.DagsterInstance.get() as instance:
            orphaned = fail_orphaned_runs(instance)
            if orphaned:
                channel.send({"event": "progress", "text": f"{orphaned} run(s) of a killed process marked as failed"})
            for message in run_job(domain, domain.config().main_job, instance):
                success = bool(message.get("success"))
                channel.send(message)
    except MillraceError as error:
        channel.send({"event": "failure", "step": None, "error": str(error)})
    return 0 if success else 1


if __name__ == "__main__":
    sys.exit(main(orjson.loads(sys.argv[1])))
