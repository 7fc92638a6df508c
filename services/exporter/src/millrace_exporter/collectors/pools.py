"""Concurrency pools: slots and the steps that wait for one.

What belongs here: the tables of pools as they are. What does not: Dagster's own `get_pool_limits`, which may write.
"""

from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database

POOLS = """
SELECT l.concurrency_key, l."limit",
       (SELECT count(*) FROM concurrency_slots s
        WHERE s.concurrency_key = l.concurrency_key AND s.run_id IS NOT NULL AND NOT s.deleted),
       (SELECT count(*) FROM pending_steps p
        WHERE p.concurrency_key = l.concurrency_key AND p.assigned_timestamp IS NULL)
FROM concurrency_limits l ORDER BY l.concurrency_key LIMIT 1000
"""


class PoolsCollector:
    """Reads pools.

    Args:
        database: Dagster's.
    """

    name = "pools"

    def __init__(self, database: Database) -> None:
        self._database = database

    def poll(self) -> Samples:
        """The pools as they are.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        samples = Samples(self.name)
        with self._database.snapshot(self.name) as view:
            rows = view.read(POOLS)
        for pool, limit, claimed, pending in rows:
            samples.set("dagster_pool_slots", [pool, "claimed"], claimed)
            samples.set("dagster_pool_slots", [pool, "free"], max(limit - claimed, 0))
            samples.set("dagster_pool_pending_steps", [pool], pending)
        return samples
