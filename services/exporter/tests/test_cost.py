"""A poll costs what is new, and never what was: queries, rows and plans at a history and at fifty times of it."""

from typing import Any

import pytest

from millrace.testing.plans import SEQUENTIAL, Scan, nodes, scans
from millrace_exporter.collectors.partitions import DISTINCT
from millrace_exporter.definitions import Asset, Partitions, Policy
from millrace_exporter.events.bodies import column_of
from millrace_exporter.events.tail import BATCH, BATCHES

RUNS = 200
TIMES = 50
LARGE_TABLES = ("runs", "event_logs", "run_tags", "job_ticks")
FOLLOWERS = ("runs", "assets", "checks", "freshness", "instigators", "daemons", "backfills", "pools", "storage")


def defined(exporter: Any) -> None:
    """Every kind of asset that is looked up in a way of its own."""
    policy = Policy(3600.0, 1800.0)
    daily = Partitions("TIME_WINDOW", "%Y-%m-%d", "UTC", ("2026-11-20", "2026-11-19"))
    static = Partitions("STATIC", keys=("a", "b"))
    exporter.define(
        *(Asset(f"cleaned_thing_{number}", "clean", "museum", policy=policy) for number in range(40)),
        Asset("daily", "clean", "museum", policy=policy, partitions=daily),
        Asset("static", "clean", "museum", policy=policy, partitions=static),
    )


def grown(exporter: Any, database: Any, runs: int) -> Any:
    """An exporter that has taken in a history, and has something new to take in: the same at any size of history."""
    clock = exporter.clock
    database.history.write(runs=runs, assets=40, end=clock.wall - 3600, seconds=runs * 60, ticks=runs)
    database.run(
        "INSERT INTO bulk_actions (key, status, timestamp, body, action_type) VALUES ('b', 'REQUESTED', now(), '', 'x')"
    )
    defined(exporter)
    for _ in range(2 + 2 * runs // (BATCH * BATCHES)):
        exporter.poll(after=120)
    database.history.write(runs=10, assets=40, end=clock.wall, seconds=60, ticks=10)
    exporter.asked.clear()
    return exporter


def spent(exporter: Any) -> tuple[dict[str, int], dict[str, int]]:
    """Queries and rows by collector, so far."""
    queries: dict[str, int] = {}
    rows: dict[str, int] = {}
    for one in exporter.exporter._databases:
        for name, count in one.queries.items():
            queries[name] = queries.get(name, 0) + count
        for name, count in one.rows.items():
            rows[name] = rows.get(name, 0) + count
    return queries, rows


@pytest.fixture(scope="module")
def both(make_database: Any, make_watched: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """An exporter and its database, at a history and at fifty times of it."""
    made = []
    for runs in (RUNS, RUNS * TIMES):
        database = make_database()
        exporter = make_watched(database, tmp_path_factory.mktemp("checkpoints"))
        made.append((grown(exporter, database, runs), database))
    return made


def test_a_poll_costs_the_same_at_fifty_times_the_history(both: list[Any]) -> None:
    costs = []
    for exporter, _ in both:
        before = spent(exporter)
        exporter.poll(*FOLLOWERS)
        after = spent(exporter)
        costs.append(
            [{name: new[name] - old.get(name, 0) for name in new} for old, new in zip(before, after, strict=True)]
        )

    (queries, rows), (queries_of_many, rows_of_many) = costs
    assert queries_of_many == queries
    assert rows_of_many == rows
    assert rows["runs"] > 10
    assert rows["assets"] > 10
    assert rows["instigators"] > 5


def touched(database: Any, asked: list[Any]) -> int:
    """Rows that Postgres looks at for these statements, whether it returns them or not."""
    total = 0
    connection = database.connect()
    with connection, connection.cursor() as cursor:
        for statement, parameters in asked:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            for node in nodes(cursor.fetchone()[0][0]["Plan"]):
                looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                total += int(looked_at * node["Actual Loops"])
    connection.close()
    return total


def test_postgres_looks_at_no_more_rows_at_fifty_times_the_history(both: list[Any]) -> None:
    """Rows that a filter throws away are in no result, and an index read from far back is no sequential scan."""
    looked_at = []
    for exporter, database in both:
        exporter.poll(*FOLLOWERS)
        exporter.asked.clear()
        exporter.poll(*FOLLOWERS)
        looked_at.append(touched(database, exporter.asked))

    few, many = looked_at
    assert many <= few * 1.2
    assert few > 10


def test_no_statement_reads_a_large_table_from_end_to_end(both: list[Any], watch: Any, tmp_path: Any) -> None:
    """Every statement that is really issued, a cold start's among them, as Postgres plans it after ANALYZE."""
    _, database = both[1]
    cold = watch(database, checkpoints=tmp_path / "cold")
    defined(cold)
    cold.poll(*FOLLOWERS)
    cold.poll(*FOLLOWERS)
    both[1][0].poll(*FOLLOWERS)
    asked = [*both[1][0].asked, *cold.asked, *_of_partitions()]
    statements = {statement for statement, _ in asked}
    assert len(statements) >= 20

    assert sequential(database, asked) == set()


def _of_partitions() -> list[tuple[str, dict[str, Any]]]:
    """The partitions collector asks a webserver first, so that its statement is taken from where it stands."""
    return [(DISTINCT, {"key": column_of("cleaned_thing_1"), "type": "ASSET_MATERIALIZATION", "most": 1000})]


def sequential(database: Any, asked: list[tuple[str, Any]]) -> set[Scan]:
    """Scans of large tables from end to end."""
    found = scans(database.address, asked)
    return {one for one in found if one.node == SEQUENTIAL and one.relation in LARGE_TABLES}


def test_a_scan_of_a_large_table_is_found(both: list[Any]) -> None:
    """The negative control of the test above."""
    _, database = both[1]
    wrong = "SELECT run_id FROM event_logs WHERE event > %(text)s"

    assert sequential(database, [(wrong, {"text": "x"})]) == {Scan(wrong, "Seq Scan", "event_logs")}
