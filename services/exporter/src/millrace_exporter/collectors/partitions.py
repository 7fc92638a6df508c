"""Partitions of assets by state, counted again only where something happened.

What belongs here: materialised, missing, failed, materialising. What does not: whether they are fresh (`freshness`).

Which partitions are materialised is found by jumping from one to the next in the index of partitions: as many steps as
there are partitions, however often each was materialised. An asset is counted when it was touched, and once an hour.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from millrace_exporter.definitions import Asset, Workspace
from millrace_exporter.events.bodies import asset_of, column_of
from millrace_exporter.events.plans import ENDS, Plans
from millrace_exporter.events.tail import Event, Tail, Window
from millrace_exporter.families import PARTITION_STATES
from millrace_exporter.samples import Samples
from millrace_exporter.sources.database import Database, View
from millrace_exporter.sources.graphql import GraphQLError, Webserver

MATERIALIZED, PLANNED, WIPED = "ASSET_MATERIALIZATION", "ASSET_MATERIALIZATION_PLANNED", "ASSET_WIPED"
TYPES = dict.fromkeys((MATERIALIZED, PLANNED, WIPED, *ENDS), False)
ASSETS_PER_POLL = 20
MOST_FAILED = 1000
_AGAIN_SECONDS = 3600.0
_MOST_PARTITIONS = 100_000

DISTINCT = """
WITH RECURSIVE jump(partition) AS (
    (SELECT partition FROM event_logs WHERE asset_key = %(key)s AND dagster_event_type = %(type)s
        AND partition IS NOT NULL ORDER BY partition LIMIT 1)
    UNION ALL
    SELECT (SELECT e.partition FROM event_logs e WHERE e.asset_key = %(key)s AND e.dagster_event_type = %(type)s
        AND e.partition IS NOT NULL AND e.partition > jump.partition ORDER BY e.partition LIMIT 1)
    FROM jump WHERE jump.partition IS NOT NULL
)
SELECT partition FROM jump WHERE partition IS NOT NULL LIMIT %(most)s
"""
KEYS = """query Keys($keys: [AssetKeyInput!]!) { assetNodes(assetKeys: $keys) { assetKey { path } partitionKeys } }"""


@dataclass
class Counted:
    """An asset's partitions when they were counted last.

    Attributes:
        at: When, on the clock that only grows; None after a restart.
        numbers: Materialised and missing.
        failed: The failure's event by partition, of those that were not materialised since.
    """

    at: float | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)


class PartitionsCollector:
    """Counts partitions.

    Args:
        database: Dagster's.
        webserver: Knows which partitions there should be.
        workspace: Knows which assets have partitions.
        window: How far a cold start looks back.
        now: Seconds since 1970.
        clock: Seconds that only grow.
    """

    name = "partitions"

    def __init__(
        self,
        database: Database,
        webserver: Webserver,
        workspace: Workspace,
        window: Window,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._webserver = webserver
        self._workspace = workspace
        self._now = now
        self._clock = clock
        self._make_tail = lambda: Tail(TYPES, window, clock)
        self.restore(None)

    def poll(self) -> Samples:
        """Take in what is new, and count at most `ASSETS_PER_POLL` assets.

        Raises:
            psycopg2.Error: The database does not answer.
        """
        partitioned = {key: one for key, one in self._workspace.now.assets.items() if one.partitions}
        with self._database.snapshot(self.name) as view:
            if not self.tail.started:
                self.tail.start(view, self._now())
            for event in self.tail.read(view):
                self._take(event, partitioned)
        for missing in self.plans.settle(self.tail.snapshot):
            for key, partition in missing.items:
                failed = self._assets.setdefault(key, Counted()).failed
                failed[partition] = max(missing.event_id, failed.get(partition, 0))
                while len(failed) > MOST_FAILED:
                    failed.pop(next(iter(failed)))
        for key in set(self._assets) - set(partitioned) if partitioned else ():
            del self._assets[key]
        problems = self._count(partitioned)
        samples = self._samples(partitioned)
        samples.problems += problems
        return samples

    def _take(self, event: Event, partitioned: Mapping[str, Asset]) -> None:
        key = asset_of(event.asset_key)
        if event.type in ENDS:
            self.plans.end(event, self.tail.snapshot)
        elif key is None or (partitioned and key not in partitioned):
            return
        elif event.type == WIPED:
            self._assets.pop(key, None)
            self._touched[key] = None
        elif event.partition is None:
            return
        elif event.type == PLANNED:
            self.plans.plan(event.run_id, (key, event.partition))
        else:
            self.plans.do(event.run_id, (key, event.partition))
            self._touched[key] = None
            counted = self._assets.get(key)
            if counted and counted.failed.get(event.partition, event.id) < event.id:
                del counted.failed[event.partition]

    def _count(self, partitioned: Mapping[str, Asset]) -> list[str]:
        limit = self._clock() - _AGAIN_SECONDS
        known = {key: self._assets.get(key, Counted()) for key in partitioned}
        old = [key for key, one in known.items() if not one.numbers or (one.at is not None and one.at < limit)]
        due = [key for key in dict.fromkeys([*self._touched, *old]) if key in partitioned][:ASSETS_PER_POLL]
        if not due:
            return []
        try:
            answer = self._webserver.ask(KEYS, {"keys": [{"path": key.split("/")} for key in due]})
            defined = {"/".join(one["assetKey"]["path"]): set(one["partitionKeys"]) for one in answer["assetNodes"]}
        except GraphQLError as error:
            return [str(error)]
        with self._database.snapshot(self.name) as view:
            for key in due:
                materialized = _distinct(view, key) & defined.get(key, set())
                counted = self._assets.setdefault(key, Counted())
                counted.at = self._clock()
                counted.numbers = {
                    "materialized": len(materialized),
                    "missing": len(defined.get(key, set())) - len(materialized),
                }
                self._touched.pop(key, None)
        return []

    def _samples(self, partitioned: Mapping[str, Asset]) -> Samples:
        samples = Samples(self.name)
        going_on: dict[str, set[str]] = {}
        for key, partition in self.plans.going_on():
            going_on.setdefault(key, set()).add(partition)
        for key, counted in self._assets.items():
            if key not in partitioned:
                continue
            numbers = dict(counted.numbers)
            if not numbers:
                continue
            numbers["failed"] = len(counted.failed)
            numbers["materializing"] = len(going_on.get(key, ()))
            for state in PARTITION_STATES:
                samples.set("dagster_asset_partitions", [key, state], numbers[state])
        return samples

    def dump(self) -> dict[str, Any]:
        """Cursors, plans, counts."""
        return {
            "tail": self.tail.dump(),
            "plans": self.plans.dump(),
            "touched": list(self._touched),
            "assets": {key: [one.numbers, one.failed] for key, one in self._assets.items()},
        }

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up what was dumped; nothing is a cold start."""
        self.tail = self._make_tail()
        self.plans = Plans()
        self._assets: dict[str, Counted] = {}
        self._touched: dict[str, None] = {}
        if dumped:
            self.tail.restore(dumped["tail"])
            self.plans.restore(dumped["plans"])
            self._touched = dict.fromkeys(dumped["touched"])
            self._assets = {
                key: Counted(self._clock(), dict(numbers), dict(failed))
                for key, (numbers, failed) in dumped["assets"].items()
            }


def _distinct(view: View, key: str) -> set[str]:
    given = {"key": column_of(key), "type": MATERIALIZED, "most": _MOST_PARTITIONS}
    return {row[0] for row in view.read(DISTINCT, given)}
