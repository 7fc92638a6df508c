"""Stores: Postgres, the object store, Iceberg tables, Neo4j."""

from millrace_grafana.page import Page, Row
from millrace_grafana.panels import (
    ANY_IS_BAD,
    PLAIN,
    UP,
    UP_OR_DOWN,
    Panel,
    Query,
    Words,
    bars,
    lines,
    listing,
    number,
    ranking,
    states,
)

_OURS = 'datname!~"template.*|postgres|"'
_NO_TABLES = "no domain has written an Iceberg table"
_NO_GRAPH = "no domain has loaded a graph"


def page() -> Page:
    """Where data lies."""
    return Page(
        uid="stores",
        title="Stores",
        description="Postgres, the object store, Iceberg tables, Neo4j: are they up, full, slow.",
        rows=[
            Row("Do they answer?", _now()),
            Row("Postgres", _postgres()),
            Row("Object store", _object_store()),
            Row("Iceberg", _iceberg()),
            Row("Neo4j", _neo4j()),
        ],
    )


def _now() -> list[Panel]:
    small = (4, 5)
    return [
        number(
            Words(
                "Postgres",
                "Whether its exporter can ask it.",
                "none",
                UP,
                mappings=UP_OR_DOWN,
                size=small,
                alerts=["PostgresDown"],
            ),
            Query("min(pg_up)"),
        ),
        number(
            Words(
                "Object store",
                "Whether a small object can be put, got and deleted.",
                "none",
                UP,
                mappings=UP_OR_DOWN,
                size=small,
                alerts=["ObjectStoreProbeFailed"],
            ),
            Query("min(object_store_probe_success)"),
        ),
        number(
            Words(
                "Neo4j",
                "Whether it answers over Bolt.",
                "none",
                UP,
                mappings=UP_OR_DOWN,
                size=small,
                alerts=["Neo4jDown"],
            ),
            Query("min(neo4j_up)"),
        ),
        number(
            Words(
                "Postgres connections",
                "Share of all that it allows.",
                "percentunit",
                ((None, "green"), (0.7, "orange"), (0.85, "red")),
                size=small,
                alerts=["PostgresConnections"],
            ),
            Query("sum(pg_stat_database_numbackends) / scalar(max(pg_settings_max_connections))"),
        ),
        number(
            Words(
                "Room in the object store",
                "Usable share that is left.",
                "percentunit",
                ((None, "red"), (0.1, "orange"), (0.2, "green")),
                size=small,
                alerts=["ObjectStoreCapacity"],
            ),
            Query("min(minio_cluster_capacity_usable_free_bytes / minio_cluster_capacity_usable_total_bytes)"),
        ),
        number(
            Words(
                "Neo4j heap",
                "Share of the largest heap in use.",
                "percentunit",
                ((None, "green"), (0.8, "orange"), (0.9, "red")),
                size=small,
                alerts=["Neo4jHeapHigh"],
            ),
            Query("max(neo4j_heap_used_bytes / neo4j_heap_max_bytes)"),
        ),
    ]


def _postgres() -> list[Panel]:
    small = (8, 8)
    return [
        lines(
            Words(
                "Connections",
                "By database and state. Many that are idle in a transaction hold locks.",
                "none",
                PLAIN,
                size=small,
            ),
            Query(f"sum by (datname, state) (pg_stat_activity_count{{{_OURS}}} > 0)", "{{datname}} {{state}}"),
            stacked=True,
        ),
        lines(
            Words(
                "Longest transaction",
                "One that stays open keeps dead rows and, with them, the disk.",
                "s",
                ((None, "green"), (300, "orange"), (3600, "red")),
                size=small,
                alerts=["PostgresLongTransaction"],
            ),
            Query(f"max by (datname) (pg_stat_activity_max_tx_duration{{{_OURS}}})", "{{datname}}"),
        ),
        bars(
            Words(
                "Deadlocks and temporary files",
                "Per interval. Temporary files: sorts that did not fit.",
                "none",
                PLAIN,
                size=small,
                alerts=["PostgresDeadlocks"],
            ),
            Query(
                f"sum by (datname) (increase(pg_stat_database_deadlocks{{{_OURS}}}[$__rate_interval]))",
                "deadlock {{datname}}",
            ),
            Query(
                f"sum by (datname) (increase(pg_stat_database_temp_files{{{_OURS}}}[$__rate_interval]))",
                "temporary {{datname}}",
            ),
        ),
        lines(
            Words("Transactions", "Committed and rolled back, per second.", "ops", PLAIN, size=small),
            Query(f"sum by (datname) (rate(pg_stat_database_xact_commit{{{_OURS}}}[$__rate_interval]))", "{{datname}}"),
            Query(
                f"sum by (datname) (rate(pg_stat_database_xact_rollback{{{_OURS}}}[$__rate_interval]))",
                "{{datname}} rolled back",
            ),
        ),
        lines(
            Words(
                "Reads from memory",
                "Share of the blocks that were in Postgres' own buffers.",
                "percentunit",
                ((None, "red"), (0.9, "green")),
                size=small,
            ),
            Query(
                f"sum by (datname) (rate(pg_stat_database_blks_hit{{{_OURS}}}[$__rate_interval])) / (sum by (datname) "
                f"(rate(pg_stat_database_blks_hit{{{_OURS}}}[$__rate_interval]) + "
                f"rate(pg_stat_database_blks_read{{{_OURS}}}[$__rate_interval])) > 0)",
                "{{datname}}",
                empty="nobody reads",
            ),
            at_most=1,
        ),
        lines(
            Words("Size of databases", "With indexes.", "bytes", PLAIN, size=small),
            Query(f"max by (datname) (pg_database_size_bytes{{{_OURS}}})", "{{datname}}"),
            stacked=True,
        ),
        ranking(
            Words(
                "Dagster's tables",
                "With indexes. event_logs is what grows; the platform's retention job keeps asset history and little "
                "else.",
                "bytes",
                PLAIN,
                size=(12, 8),
            ),
            Query("topk(8, max by (relation) (dagster_storage_relation_bytes))", "{{relation}}"),
        ),
        lines(
            Words(
                "Growth of the event log",
                "Per day, by the last six hours.",
                "bytes",
                PLAIN,
                size=(12, 8),
                alerts=["EventLogGrowth"],
            ),
            Query('86400 * max(deriv(dagster_storage_relation_bytes{relation="event_logs"}[6h]))', "event_logs"),
        ),
    ]


def _object_store() -> list[Panel]:
    small = (8, 8)
    return [
        lines(
            Words(
                "Probe",
                "Time to put, get and delete a small object.",
                "s",
                ((None, "green"), (2, "red")),
                size=small,
            ),
            Query("max by (operation) (object_store_probe_seconds)", "{{operation}}"),
        ),
        lines(
            Words("Requests", "Per second, by operation.", "reqps", PLAIN, size=small),
            Query("sum by (api) (rate(minio_s3_requests_total[$__rate_interval]))", "{{api}}"),
            stacked=True,
        ),
        bars(
            Words(
                "Requests that failed",
                "Per interval, by operation; those that were the caller's fault too.",
                "none",
                PLAIN,
                size=small,
            ),
            Query(
                "sum by (api) (increase(minio_s3_requests_errors_total[$__rate_interval]))",
                "{{api}}",
                empty="no request failed",
            ),
        ),
        lines(
            Words("Capacity", "Used and free.", "bytes", PLAIN, size=small),
            Query("max(minio_cluster_usage_total_bytes)", "objects"),
            Query("max(minio_cluster_capacity_usable_free_bytes)", "free"),
        ),
        lines(
            Words("Objects", "As its scanner counted them last.", "short", PLAIN, size=small),
            Query("max(minio_cluster_usage_object_total)", "objects"),
        ),
        lines(
            Words("Traffic", "Received and sent.", "Bps", PLAIN, size=small),
            Query("sum(rate(minio_s3_traffic_received_bytes[$__rate_interval]))", "received"),
            Query("sum(rate(minio_s3_traffic_sent_bytes[$__rate_interval]))", "sent"),
        ),
    ]


def _iceberg() -> list[Panel]:
    by = "max by (namespace, table)"
    legend = "{{namespace}}.{{table}}"
    return [
        lines(
            Words("Rows", "Of each table's current snapshot.", "short", PLAIN, size=(8, 8)),
            Query(f"{by} (iceberg_table_rows)", legend, empty=_NO_TABLES),
        ),
        lines(
            Words(
                "Since the last commit",
                "A saw tooth with the job's rhythm is well.",
                "s",
                PLAIN,
                size=(8, 8),
                alerts=["IcebergCommitStale"],
            ),
            Query(f"time() - {by} (iceberg_table_last_commit_timestamp_seconds)", legend, empty=_NO_TABLES),
        ),
        ranking(
            Words(
                "Small files",
                "Data files that are too small. Some hundred make every read slow: compact the table.",
                "none",
                ((None, "green"), (100, "orange"), (500, "red")),
                size=(8, 8),
                alerts=["IcebergSmallFiles"],
            ),
            Query(f"sort_desc({by} (iceberg_table_small_files))", legend, empty=_NO_TABLES),
        ),
        listing(
            Words("Tables", "Current snapshot of each.", "short", PLAIN, size=(24, 7)),
            {
                "namespace": "namespace",
                "table": "table",
                "Value #A": "rows",
                "Value #B": "bytes",
                "Value #C": "files",
                "Value #D": "delete files",
                "Value #E": "snapshots",
            },
            *(
                Query(f"{by} (iceberg_table_{name})", empty=_NO_TABLES)
                for name in ("rows", "bytes", "files", "delete_files", "snapshots")
            ),
            units={"bytes": "bytes"},
        ),
    ]


def _neo4j() -> list[Panel]:
    small = (8, 8)
    return [
        lines(
            Words("Nodes", "By label. A step down that nobody ordered is lost data.", "short", PLAIN, size=small),
            Query("max by (label) (neo4j_nodes)", "{{label}}", empty=_NO_GRAPH),
        ),
        lines(
            Words("Relationships", "By type.", "short", PLAIN, size=small),
            Query("max by (type) (neo4j_relationships)", "{{type}}", empty=_NO_GRAPH),
        ),
        lines(
            Words("Query", "Time of one that reads nothing.", "s", ((None, "green"), (1, "red")), size=small),
            Query("max(neo4j_query_seconds)", "query"),
        ),
        lines(
            Words("Heap", "In use and at most.", "bytes", PLAIN, size=small),
            Query("max(neo4j_heap_used_bytes)", "in use"),
            Query("max(neo4j_heap_max_bytes)", "at most"),
        ),
        lines(
            Words(
                "Garbage collection",
                "Share of the time.",
                "percentunit",
                ((None, "green"), (0.1, "red")),
                size=small,
            ),
            Query("sum by (gc) (rate(neo4j_gc_seconds_total[$__rate_interval]))", "{{gc}}"),
        ),
        lines(
            Words("Transactions", "Those that are open.", "none", PLAIN, size=small),
            Query("max(neo4j_transactions_active)", "open"),
        ),
        lines(
            Words(
                "Oldest transaction",
                "How long it is open.",
                "s",
                ((None, "green"), (3600, "red")),
                size=small,
                alerts=["Neo4jLongTransaction"],
            ),
            Query(
                "time() - max(neo4j_transactions_oldest_start_timestamp_seconds)",
                "oldest",
                empty="no transaction is open",
            ),
        ),
        lines(
            Words("Store", "On the disk.", "bytes", PLAIN, size=small),
            Query("max(neo4j_store_bytes)", "store"),
        ),
        states(
            Words(
                "Indexes",
                "Green: online. One that failed is not used, and queries crawl.",
                "none",
                ((None, "orange"), (1, "green")),
                mappings={0: ("not online", "orange"), 1: ("online", "green")},
                size=small,
                alerts=["Neo4jIndexNotOnline"],
            ),
            Query('max by (index) (neo4j_index_state{state="online"})', "{{index}}"),
        ),
        bars(
            Words("Indexes that failed", "Per state, those that are not online.", "none", ANY_IS_BAD, size=(24, 5)),
            Query(
                'sum by (state) (neo4j_index_state{state!="online"})',
                "{{state}}",
            ),
        ),
    ]
