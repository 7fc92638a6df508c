"""Containers, through docker_gate: its listener for the exporter lists, inspects without Env, and gives stats.

What belongs here: the three calls, and one reading of both layouts of cgroups. What does not: what becomes of the
figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

_NEVER = "0001-01-01"


@dataclass(frozen=True)
class Container:
    """A container.

    Attributes:
        identifier: Docker's.
        name: Its name.
        labels: Those that docker_gate shows.
        running: Whether it runs.
        healthy: What its health check says; None without one, or while it starts.
        started: Seconds since 1970; None if it never was.
        finished: The same of its end.
        memory_limit: Bytes; 0 for none.
        restarts: By the engine.
        oom_killed: Whether the kernel ended it for its memory.
        figures: Of the stats, by name without prefix; empty if it does not run.
    """

    identifier: str
    name: str
    labels: Mapping[str, str]
    running: bool
    healthy: bool | None
    started: float | None
    finished: float | None
    memory_limit: float
    restarts: int
    oom_killed: bool
    figures: Mapping[str, float]


class Docker:
    """Asks one gate.

    Args:
        address: Its URL.
        transport: In place of the network, for tests.
    """

    def __init__(self, address: str, transport: httpx.BaseTransport | None = None) -> None:
        self._client = httpx.Client(base_url=address, timeout=10.0, transport=transport)

    def containers(self) -> tuple[list[Container], list[str]]:
        """The project's containers, and why some are missing: one may go while it is asked for, which is no reason.

        Raises:
            httpx.HTTPError: The gate or the engine does not answer.
        """
        found, problems = [], []
        for entry in self._get("/containers/json", all="true"):
            identifier = entry["Id"]
            try:
                inspected = self._get(f"/containers/{identifier}/json")
                running = bool(inspected["State"]["Running"])
                stats = self._get(f"/containers/{identifier}/stats", stream="false") if running else {}
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
                    problems.append(f"{entry['Names'][0]}: {error.response.status_code}")
                continue
            found.append(_container(inspected, running, stats))
        return found, problems

    def _get(self, path: str, **query: str) -> Any:
        answer = self._client.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _container(inspected: Mapping[str, Any], running: bool, stats: Mapping[str, Any]) -> Container:
    state = inspected["State"]
    health = (state.get("Health") or {}).get("Status")
    return Container(
        identifier=inspected["Id"],
        name=inspected["Name"].lstrip("/"),
        labels=inspected["Config"]["Labels"] or {},
        running=running,
        healthy={"healthy": True, "unhealthy": False}.get(health) if running else None,
        started=_seconds(state.get("StartedAt")),
        finished=_seconds(state.get("FinishedAt")),
        memory_limit=float(inspected["HostConfig"]["Memory"]),
        restarts=int(inspected["RestartCount"]),
        oom_killed=bool(state["OOMKilled"]),
        figures=_figures(stats) if stats else {},
    )


def _figures(stats: Mapping[str, Any]) -> dict[str, float]:
    cpu, memory = stats.get("cpu_stats") or {}, stats.get("memory_stats") or {}
    throttling, details = cpu.get("throttling_data") or {}, memory.get("stats") or {}
    usage = float(memory.get("usage") or 0)
    # cgroup v1 counts children in `total_inactive_file`; v2 has one name.
    inactive = float(details.get("total_inactive_file", details.get("inactive_file", 0)) or 0)
    figures = {
        "cpu_usage_seconds_total": float((cpu.get("cpu_usage") or {}).get("total_usage") or 0) / 1e9,
        "cpu_cfs_periods_total": float(throttling.get("periods") or 0),
        "cpu_cfs_throttled_periods_total": float(throttling.get("throttled_periods") or 0),
        "cpu_cfs_throttled_seconds_total": float(throttling.get("throttled_time") or 0) / 1e9,
        "memory_working_set_bytes": max(usage - inactive, 0.0),
        "fs_reads_bytes_total": 0.0,
        "fs_writes_bytes_total": 0.0,
    }
    for entry in (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or []:
        kind = {"read": "fs_reads_bytes_total", "write": "fs_writes_bytes_total"}.get(entry["op"].lower())
        if kind:
            figures[kind] += entry["value"]
    networks = (stats.get("networks") or {}).values()
    if networks:
        figures["network_receive_bytes_total"] = float(sum(one["rx_bytes"] for one in networks))
        figures["network_transmit_bytes_total"] = float(sum(one["tx_bytes"] for one in networks))
    return figures


def _seconds(text: str | None) -> float | None:
    if not text or text.startswith(_NEVER):
        return None
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp()
