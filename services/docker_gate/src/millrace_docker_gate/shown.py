"""What the exporter is shown of a container: its figures, and nothing that could hold a secret.

What belongs here: pure functions from the engine's answers to shorter ones. What does not: HTTP and the engine.

A container's environment, command, mounts and most labels tell how the platform is built. So fields are taken over one
by one: what a later engine adds to its answers is not shown until somebody adds it here.
"""

from collections.abc import Mapping
from typing import Any

from millrace_docker_gate.create import PROJECT_LABEL, RUN_LABEL, SERVICE_LABEL

_LABELS = (PROJECT_LABEL, SERVICE_LABEL, RUN_LABEL, "millrace.job", "millrace.domain")
_STATE = ("Status", "Running", "OOMKilled", "ExitCode", "StartedAt", "FinishedAt")
_STATS = ("read", "cpu_stats", "memory_stats", "blkio_stats", "networks", "pids_stats")


def shown_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A container in a list."""
    return {
        **{key: entry.get(key) for key in ("Id", "Names", "State", "Status", "Created")},
        "Labels": _labels(entry.get("Labels")),
    }


def shown_container(inspected: Mapping[str, Any]) -> dict[str, Any]:
    """A container that is inspected, without its environment."""
    state, host = inspected.get("State") or {}, inspected.get("HostConfig") or {}
    health = state.get("Health")
    return {
        **{key: inspected.get(key) for key in ("Id", "Name", "Created", "RestartCount")},
        "State": {
            **{key: state.get(key) for key in _STATE},
            "Health": {"Status": health.get("Status")} if health else None,
        },
        "Config": {"Labels": _labels((inspected.get("Config") or {}).get("Labels"))},
        "HostConfig": {key: host.get(key) for key in ("Memory", "NanoCpus", "PidsLimit")},
    }


def shown_stats(stats: Mapping[str, Any]) -> dict[str, Any]:
    """A container's figures of this moment."""
    return {key: stats.get(key) for key in _STATS}


def _labels(labels: Mapping[str, str] | None) -> dict[str, str]:
    return {name: value for name, value in (labels or {}).items() if name in _LABELS}
