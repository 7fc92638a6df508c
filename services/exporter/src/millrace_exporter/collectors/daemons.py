"""Daemons: when each wrote its last heartbeat, and which must.

What belongs here: heartbeats. What does not: whether that is too long ago, which an alert says; Dagster's own `healthy`
tolerates thirty minutes.
"""

from millrace_exporter.definitions import Workspace
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database

HEARTBEATS = "SELECT daemon_type, extract(epoch FROM timestamp)::float8 FROM daemon_heartbeats"


class DaemonsCollector:
    """Reads heartbeats.

    Args:
        database: Dagster's.
        workspace: Knows which daemons are required.
    """

    name = "daemons"

    def __init__(self, database: Database, workspace: Workspace) -> None:
        self._database = database
        self._workspace = workspace

    def poll(self) -> Samples:
        """The heartbeats as they are.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        samples = Samples(self.name)
        with self._database.snapshot(self.name) as view:
            rows = view.read(HEARTBEATS)
        for daemon_type, timestamp in rows:
            samples.set("dagster_daemon_last_heartbeat_timestamp_seconds", [daemon_type], timestamp)
        for daemon_type, required in self._workspace.now.required.items():
            samples.set("dagster_daemon_required", [daemon_type], float(required))
        return samples
