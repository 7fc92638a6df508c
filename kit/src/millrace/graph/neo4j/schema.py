"""Constraints and indexes of a model, brought about in a server."""

from millrace.graph.model import GraphModel
from millrace.graph.neo4j import statements
from millrace.graph.neo4j.server import Server

_WAIT_SECONDS = 300


def apply_schema(server: Server, model: GraphModel) -> None:
    """Make what is missing, and wait until its indexes are filled.

    Raises:
        GraphRefusedError: nodes that are there already break a constraint.
    """
    found = {
        record["name"]
        for kind in ("CONSTRAINTS", "INDEXES")
        for record in server.read(f"SHOW {kind} YIELD name RETURN name")
    }
    missing = [
        statement
        for statement in (*statements.OWN_SCHEMA, *statements.schema(model))
        if statement.split()[2] not in found
    ]
    for statement in missing:
        server.run_once(statement)
    if missing:
        server.run("CALL db.awaitIndexes($seconds)", {"seconds": _WAIT_SECONDS})
