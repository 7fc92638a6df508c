"""How Postgres would execute statements: which tables it scans, and how.

    found = scans("host=/run/postgres dbname=dagster user=postgres", [("SELECT 1 FROM runs", {})])

What belongs here: plans. What does not: which of them is too slow.

A plan follows what Postgres has counted, so a table that was not analysed since it grew has the plan of a small one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg2

SEQUENTIAL = "Seq Scan"


@dataclass(frozen=True)
class Scan:
    """One scan of a plan.

    Attributes:
        statement: Whose plan.
        node: Postgres' name of it, such as `Index Scan`.
        relation: The table; of an index that is read alone the table is not named, and this is the index.
    """

    statement: str
    node: str
    relation: str


def nodes(plan: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A plan's nodes, the outermost first."""
    return [plan, *(node for child in plan.get("Plans", ()) for node in nodes(child))]


def scans(address: str, asked: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[Scan]:
    """Every scan of statements, which are planned and not executed.

    Args:
        address: As libpq takes it.
        asked: Statements with their parameters.
    """
    connection = psycopg2.connect(address)
    try:
        with connection, connection.cursor() as cursor:
            for statement, parameters in asked:
                cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
                (plan,) = cursor.fetchone() or ([],)
                for node in nodes(plan[0]["Plan"]):
                    name = node.get("Relation Name") or node.get("Index Name")
                    if name:
                        yield Scan(statement, node["Node Type"], name)
    finally:
        connection.close()
