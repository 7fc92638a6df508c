"""Backfills that have not ended, and how far their runs are.

What belongs here: open backfills. What does not: their bodies, which hold every partition and can have megabytes.
"""

from millrace_exporter.families import BACKFILL_STATES, BACKFILLS
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database

OPEN = """
SELECT key, job_name IS NOT NULL, extract(epoch FROM timestamp)::float8 FROM bulk_actions
WHERE status = ANY(ARRAY['REQUESTED', 'CANCELING', 'FAILING']) LIMIT 1000
"""
RUNS = """
SELECT b.key, r.status, count(*) FROM unnest(%(backfills)s::text[]) AS b(key)
CROSS JOIN LATERAL (SELECT status FROM runs WHERE backfill_id = b.key) AS r
GROUP BY b.key, r.status
"""
_STATES = {"SUCCESS": "success", "FAILURE": "failure", "CANCELED": "canceled"}


class BackfillsCollector:
    """Reads open backfills.

    Args:
        database: Dagster's.
    """

    name = "backfills"

    def __init__(self, database: Database) -> None:
        self._database = database

    def poll(self) -> Samples:
        """The backfills as they are.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        samples = Samples(self.name)
        with self._database.snapshot(self.name) as view:
            backfills = {key: ("job" if of_job else "asset", since) for key, of_job, since in view.read(OPEN)}
            runs = view.read(RUNS, {"backfills": list(backfills)}) if backfills else []
        oldest: dict[str, float] = {}
        for kind, since in backfills.values():
            samples.add("dagster_backfills_in_progress", [kind], 1)
            oldest[kind] = min(since, oldest.get(kind, since))
        for kind, since in oldest.items():
            samples.set("dagster_backfill_oldest_timestamp_seconds", [kind], since)
        for key, status, count in runs:
            state = _STATES.get(status, "in_progress")
            samples.add("dagster_backfill_partitions", [backfills[key][0], state], count)
        samples.seed("dagster_backfills_in_progress", [[kind] for kind in BACKFILLS])
        states = [[kind, state] for kind in BACKFILLS for state in BACKFILL_STATES]
        samples.seed("dagster_backfill_partitions", states)
        return samples
