"""Dagster's database itself: its size, its schema, and how far behind the collectors are that follow it.

What belongs here: what says whether the other figures can be trusted. What does not: the server (postgres-exporter).
"""

from collections.abc import Callable, Iterable

from millrace_exporter.events.tail import Tail
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database

# Of Dagster 1.13.27; a test holds it to the Dagster in the lock.
SCHEMA_REVISION = "29b539ebc72a"
DAGSTER_VERSION = "1.13.27"

SIZES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname LIMIT 200
"""
REVISION = "SELECT version_num FROM alembic_version"


class StorageCollector:
    """Looks at the database.

    Args:
        database: Dagster's.
        tails: The tails of the collectors that follow the event log, as they are now.
    """

    name = "storage"

    def __init__(self, database: Database, tails: Callable[[], Iterable[Tail]]) -> None:
        self._database = database
        self._tails = tails

    def poll(self) -> Samples:
        """Sizes, revision, lags.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        samples = Samples(self.name)
        with self._database.snapshot(self.name) as view:
            for relation, size in view.read(SIZES):
                samples.set("dagster_storage_relation_bytes", [relation], size)
            for (revision,) in view.read(REVISION):
                samples.set("dagster_storage_schema_known", [revision], float(revision == SCHEMA_REVISION))
        lags: dict[str, int] = {}
        for tail in self._tails():
            for name, lag in tail.lag.items():
                lags[name] = max(lag, lags.get(name, 0))
        for name, lag in lags.items():
            samples.set("dagster_event_cursor_lag_events", [name], lag)
        return samples
