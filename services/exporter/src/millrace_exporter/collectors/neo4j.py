"""Neo4j Community over Bolt: this edition exposes no metrics of its own.

What belongs here: what procedures, JMX and the folder of its store say. What does not: queries of a domain.

Community has one user, so the password is the whole database's. Every transaction here is a read, which the server
holds it to. Counts of nodes and relationships come from the store of counts and touch no node.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import neo4j
from neo4j.exceptions import DriverError, Neo4jError

from millrace_exporter.families import FAMILIES, INDEX_STATES
from millrace_exporter.samples import Samples

_DATABASE = "neo4j"
HEAP = """CALL dbms.queryJmx('java.lang:type=Memory') YIELD attributes
RETURN attributes.HeapMemoryUsage.value.properties AS heap"""
COLLECTIONS = """CALL dbms.queryJmx('java.lang:type=GarbageCollector,*') YIELD attributes
RETURN attributes.Name.value AS gc, attributes.CollectionCount.value AS count, attributes.CollectionTime.value AS ms"""
TRANSACTIONS = "SHOW TRANSACTIONS YIELD startTime, database, metaData, currentQuery RETURN *"
INDEXES = "SHOW INDEXES YIELD name, state RETURN name, toLower(state) AS state"
LABELS = "CALL db.labels() YIELD label RETURN label ORDER BY label"
TYPES = "CALL db.relationshipTypes() YIELD relationshipType AS type RETURN type ORDER BY type"
_MARK = "millrace-exporter"


class Neo4jCollector:
    """Asks one server.

    Args:
        address: bolt://host:port.
        user: And the file of its password; none of both where sign-in is off.
        password_file: Read at the first poll, and again after a refusal.
        labels: Counted ones; empty counts all up to the cap.
        types: The same of relationships.
        store: Folder of the database's files, if it is mounted.
    """

    name = "neo4j"

    def __init__(
        self,
        address: str,
        user: str = "neo4j",
        password_file: Path | None = None,
        labels: tuple[str, ...] = (),
        types: tuple[str, ...] = (),
        store: Path | None = None,
    ) -> None:
        self._address = address
        self._user = user
        self._password_file = password_file
        self._labels = labels
        self._types = types
        self._store = store
        self._driver: neo4j.Driver | None = None

    def poll(self) -> Samples:
        """What it says; only `neo4j_up` where it does not answer."""
        samples = Samples(self.name)
        try:
            self._ask(samples)
        except (DriverError, Neo4jError, OSError) as error:
            self.close()
            down = Samples(self.name)
            down.set("neo4j_up", [], 0)
            down.problems.append(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
            return down
        return samples

    def _ask(self, samples: Samples) -> None:
        driver = self._open()
        started = time.monotonic()
        self._read(driver, "RETURN 1 AS one")
        samples.set("neo4j_query_seconds", [], time.monotonic() - started)
        samples.set("neo4j_up", [], 1)
        (heap,) = self._read(driver, HEAP)
        samples.set("neo4j_heap_used_bytes", [], heap["heap"]["used"])
        samples.set("neo4j_heap_max_bytes", [], heap["heap"]["max"])
        for row in self._read(driver, COLLECTIONS):
            samples.set("neo4j_gc_collections_total", [row["gc"]], row["count"])
            samples.set("neo4j_gc_seconds_total", [row["gc"]], row["ms"] / 1000)
        begun = [
            datetime.fromisoformat(row["startTime"]).timestamp()
            for row in self._read(driver, TRANSACTIONS)
            if (row["metaData"] or {}).get("app") != _MARK
        ]
        samples.set("neo4j_transactions_active", [], len(begun))
        if begun:
            samples.set("neo4j_transactions_oldest_start_timestamp_seconds", [], min(begun))
        self._counts(driver, samples)
        for row in self._read(driver, INDEXES):
            for state in INDEX_STATES:
                samples.set("neo4j_index_state", [row["name"], state], float(row["state"] == state))
        if self._store is not None:
            size = sum(path.stat().st_size for path in self._store.rglob("*") if path.is_file())
            samples.set("neo4j_store_bytes", [], size)

    def _counts(self, driver: neo4j.Driver, samples: Samples) -> None:
        labels = self._labels or tuple(row["label"] for row in self._read(driver, LABELS))
        for label in labels[: FAMILIES["neo4j_nodes"].cap]:
            (row,) = self._read(driver, f"MATCH (n:{_quoted(label)}) RETURN count(n) AS count")
            samples.set("neo4j_nodes", [label], row["count"])
        types = self._types or tuple(row["type"] for row in self._read(driver, TYPES))
        for kind in types[: FAMILIES["neo4j_relationships"].cap]:
            (row,) = self._read(driver, f"MATCH ()-[r:{_quoted(kind)}]->() RETURN count(r) AS count")
            samples.set("neo4j_relationships", [kind], row["count"])

    def _read(self, driver: neo4j.Driver, query: str) -> list[Mapping[str, Any]]:
        with driver.session(database=_DATABASE, default_access_mode=neo4j.READ_ACCESS) as session:
            asked = neo4j.Query(query, metadata={"app": _MARK}, timeout=5)  # ty: ignore[invalid-argument-type]  # of LiteralString, against injection: labels are quoted below
            return [row.data() for row in session.run(asked)]

    def _open(self) -> neo4j.Driver:
        if self._driver is None:
            password = self._password_file.read_text(encoding="utf-8").strip() if self._password_file else ""
            self._driver = neo4j.GraphDatabase.driver(
                self._address,
                auth=(self._user, password) if password else None,
                connection_timeout=3,
                connection_acquisition_timeout=5,
                max_transaction_retry_time=0,
                max_connection_pool_size=1,
                user_agent=_MARK,
                notifications_min_severity="OFF",
            )
        return self._driver

    def close(self) -> None:
        """Close the connection."""
        if self._driver is not None:
            self._driver.close()
            self._driver = None


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
