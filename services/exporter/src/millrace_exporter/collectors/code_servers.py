"""Code servers: whether each answers, how fast, and how busy it is.

What belongs here: the ping. What does not: whether the webserver has loaded the location (`workspace`).

A server whose threads are all taken still passes a health check behind Dagster's reloading proxy. `dagster api grpc`
itself queues the ping behind other requests, and says how many there are if DAGSTER_ENABLE_SERVER_METRICS is set.
"""

from millrace_exporter.definitions import Workspace
from millrace_exporter.samples import Samples
from millrace_exporter.sources.code_server import CodeServers

_REQUESTS = {"num_running_requests": "running", "num_queued_requests": "queued", "max_concurrent_requests": "limit"}


class CodeServersCollector:
    """Pings the code servers that the workspace names.

    Args:
        servers: Asks them.
        workspace: Has their addresses.
    """

    name = "code_servers"

    def __init__(self, servers: CodeServers, workspace: Workspace) -> None:
        self._servers = servers
        self._workspace = workspace

    def poll(self) -> Samples:
        """One ping each."""
        samples = Samples(self.name)
        locations = self._workspace.now.locations.values()
        for location, pong in self._servers.ping({one.name: one.address for one in locations if one.address}).items():
            samples.set("dagster_code_server_up", [location], float(pong is not None))
            if pong is None:
                continue
            samples.set("dagster_code_server_ping_seconds", [location], pong.seconds)
            requests = pong.utilization.get("request_utilization") or {}
            for key, state in _REQUESTS.items():
                if requests.get(key) is not None:
                    samples.set("dagster_code_server_requests", [location, state], requests[key])
            memory = (pong.utilization.get("container_utilization") or {}).get("memory_usage")
            if memory is not None:
                samples.set("dagster_code_server_memory_bytes", [location], memory)
        return samples
