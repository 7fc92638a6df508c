"""The exporter as one thing: its collectors, each with its source, and the threads that poll them.

What belongs here: which collector there is, from settings. What does not: HTTP (`app`), the environment (`settings`).

    exporter = Exporter(Settings(database="host=postgres dbname=dagster user=exporter"))
    exporter.start()
"""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from minio import Minio

from millrace_exporter.checkpoint import Checkpoints
from millrace_exporter.collectors.assets import AssetsCollector
from millrace_exporter.collectors.backfills import BackfillsCollector
from millrace_exporter.collectors.checks import ChecksCollector
from millrace_exporter.collectors.code_servers import CodeServersCollector
from millrace_exporter.collectors.containers import ContainersCollector
from millrace_exporter.collectors.daemons import DaemonsCollector
from millrace_exporter.collectors.exporter import ExporterCollector
from millrace_exporter.collectors.freshness import FreshnessCollector
from millrace_exporter.collectors.iceberg import IcebergCollector
from millrace_exporter.collectors.instigators import InstigatorsCollector
from millrace_exporter.collectors.neo4j import Neo4jCollector
from millrace_exporter.collectors.object_store import ObjectStoreCollector, object_store_client
from millrace_exporter.collectors.partitions import PartitionsCollector
from millrace_exporter.collectors.pools import PoolsCollector
from millrace_exporter.collectors.runs import RunsCollector
from millrace_exporter.collectors.storage import StorageCollector
from millrace_exporter.collectors.workspace import WorkspaceCollector
from millrace_exporter.definitions import Workspace
from millrace_exporter.events.tail import Tail, Window
from millrace_exporter.polling import Collector, Lane, Poller, Status
from millrace_exporter.rendering import Exposition
from millrace_exporter.settings import Settings
from millrace_exporter.sources.code_server import CodeServers
from millrace_exporter.sources.database import Database, Parameters
from millrace_exporter.sources.docker import Docker
from millrace_exporter.sources.graphql import Webserver

_STOPS_WITHIN_SECONDS = 5.0


class Closing(Protocol):
    """Something that holds connections."""

    def close(self) -> None:
        """Close them."""
        ...


class Exporter:
    """Polls and holds what is served.

    Args:
        settings: Where everything is.
        now: Seconds since 1970.
        clock: Seconds that only grow.
        watch: Told every statement to Dagster's database.

    Attributes:
        exposition: What is served.
        workspace: What code locations define.
        pollers: By collector.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
        watch: Callable[[str, Parameters], None] | None = None,
    ) -> None:
        self.exposition = Exposition()
        self.workspace = Workspace()
        self._checkpoints = Checkpoints(settings.checkpoints)
        self._stopping = threading.Event()
        self._databases: list[Database] = []
        self._open: list[Closing] = []
        sources = self._sources(settings, now, clock, watch)
        self.pollers: dict[str, Poller] = {}
        for collectors in sources.values():
            for one in collectors:
                interval = settings.intervals[one.name]
                self.pollers[one.name] = Poller(one, self._checkpoints, self.exposition, interval, now)
        statuses: dict[str, Status] = {name: poller.status for name, poller in self.pollers.items()}
        own = ExporterCollector(statuses, *self._databases)
        self.pollers[own.name] = Poller(own, self._checkpoints, self.exposition, settings.intervals[own.name], now)
        statuses[own.name] = self.pollers[own.name].status
        self.lanes = [
            Lane(source, [self.pollers[one.name] for one in collectors], self._stopping)
            for source, collectors in {**sources, "exporter": [own]}.items()
            if collectors
        ]

    def _sources(
        self,
        settings: Settings,
        now: Callable[[], float],
        clock: Callable[[], float],
        watch: Callable[[str, Parameters], None] | None,
    ) -> Mapping[str, list[Collector]]:
        """Collectors by source, each source with a thread of its own."""
        sources: dict[str, list[Collector]] = {}
        window = Window(settings.look_back_hours * 3600, settings.look_back_events)
        webserver = Webserver(settings.webserver) if settings.webserver else None
        if webserver is not None:
            servers = CodeServers()
            self._open += [webserver, servers]
            sources["webserver"] = [WorkspaceCollector(webserver, self.workspace)]
            sources["code_servers"] = [CodeServersCollector(servers, self.workspace)]
        if settings.database:
            database, slow = Database(settings.database, watch), Database(settings.database, watch)
            self._databases += [database, slow]
            runs = RunsCollector(database, self.workspace, window, now, clock)
            assets = AssetsCollector(database, self.workspace, window, settings.metadata_keys, now, clock)
            checks = ChecksCollector(database, self.workspace, window, now, clock)
            freshness = FreshnessCollector(database, self.workspace, now, clock)
            instigators = InstigatorsCollector(database, self.workspace, window, now, clock)
            sources["database"] = [runs, assets, checks, freshness, instigators]
            sources["database"].append(DaemonsCollector(database, self.workspace))
            tails: Callable[[], list[Tail]] = lambda: [one.tail for one in (runs, assets, checks, freshness)]  # noqa: E731
            sources["database-slow"] = [BackfillsCollector(slow), PoolsCollector(slow), StorageCollector(slow, tails)]
            if webserver is not None:
                also = Database(settings.database, watch)
                self._databases.append(also)
                asked = Webserver(settings.webserver)
                self._open.append(asked)
                sources["partitions"] = [PartitionsCollector(also, asked, self.workspace, window, now, clock)]
        sources.update(self._stores(settings, watch))
        return sources

    def _stores(
        self, settings: Settings, watch: Callable[[str, Parameters], None] | None
    ) -> Mapping[str, list[Collector]]:
        sources: dict[str, list[Collector]] = {}
        if settings.docker:
            gate = Docker(settings.docker)
            self._open.append(gate)
            sources["docker"] = [ContainersCollector(gate, self.workspace)]
        if settings.neo4j:
            password = _existing(settings.secrets / "neo4j_password")
            graph = Neo4jCollector(
                settings.neo4j,
                settings.neo4j_user,
                password,
                settings.neo4j_labels,
                settings.neo4j_types,
                settings.neo4j_store,
            )
            self._open.append(graph)
            sources["neo4j"] = [graph]
        client: Callable[[], Minio] | None = None
        if settings.object_store:
            client = partial(object_store_client, settings.object_store, settings.secrets)
            sources["object_store"] = [ObjectStoreCollector(settings.object_store, settings.bucket, settings.secrets)]
        if settings.iceberg:
            catalogs = Database(settings.iceberg, watch)
            self._databases.append(catalogs)
            sources["iceberg"] = [IcebergCollector(catalogs, client, settings.small_file_bytes)]
        return sources

    def restore(self) -> None:
        """Take up the checkpoints."""
        self._checkpoints.sweep()
        for poller in self.pollers.values():
            poller.restore()

    def poll(self, *collectors: str) -> dict[str, bool]:
        """Poll each of them once, or all, in this thread; whether each succeeded."""
        return {name: self.pollers[name].poll() for name in collectors or self.pollers}

    def start(self) -> None:
        """Take up the checkpoints and poll until `stop`."""
        self.restore()
        for lane in self.lanes:
            lane.start()

    def stop(self) -> None:
        """Let the polls that go on end, for a while."""
        self._stopping.set()
        deadline = time.monotonic() + _STOPS_WITHIN_SECONDS
        for lane in self.lanes:
            if lane.is_alive():
                lane.join(max(deadline - time.monotonic(), 0))
        self.close()

    def close(self) -> None:
        """Close every connection."""
        for one in (*self._databases, *self._open):
            one.close()

    @property
    def polling(self) -> bool:
        """Whether every source is being polled."""
        return all(lane.is_alive() for lane in self.lanes)


def _existing(path: Path) -> Path | None:
    return path if path.exists() else None
