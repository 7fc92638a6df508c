"""What Neo4j's failures are to a job: worth a retry, or not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from neo4j import exceptions

from millrace.errors import (
    ConfigurationError,
    GraphChangedError,
    GraphRefusedError,
    SourceUnavailableError,
    is_transient,
)
from millrace.graph.neo4j import Neo4jGraph, Server
from millrace.testing.graphs import FIRM, made_state

TRANSIENT = ["TransientError", "DatabaseUnavailable", "NotALeader", "ServiceUnavailable", "IncompleteCommit"]
TRANSIENT += ["SessionExpired", "ConnectionAcquisitionTimeoutError", "ReadServiceUnavailable"]
PERMANENT = ["ClientError", "CypherSyntaxError", "AuthError", "Forbidden", "DatabaseError", "ResultError"]


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_may_pass_is_transient(name: str) -> None:
    assert is_transient(getattr(exceptions, name)("x"))


@pytest.mark.parametrize("name", [*PERMANENT, "ConstraintError", "ConfigurationError"])
def test_what_will_not_pass_is_permanent(name: str) -> None:
    assert not is_transient(getattr(exceptions, name)("x"))


def test_a_server_that_does_not_answer_is_transient(tmp_path: Path) -> None:
    (tmp_path / "neo4j_password").write_text("x")
    server = Server("bolt://127.0.0.1:1", tmp_path, retry_seconds=0.1)

    with pytest.raises(SourceUnavailableError, match="cannot be used now"):
        server.read("RETURN 1")

    server.close()


def test_a_wrong_password_is_permanent_and_names_its_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "neo4j_password").write_text("another one")
    stranger = replace(server, secrets=tmp_path)

    with pytest.raises(GraphRefusedError, match=f"check neo4j_password in {tmp_path}"):
        stranger.read("RETURN 1")

    stranger.close()


def test_a_password_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="neo4j_password cannot be read"):
        Server("bolt://127.0.0.1:1", tmp_path).read("RETURN 1")


def test_cypher_that_is_wrong_is_permanent(server: Server) -> None:
    with pytest.raises(GraphRefusedError, match="refuses"):
        server.read("MATCH nothing")


def test_a_node_that_somebody_else_makes_meanwhile_is_worth_a_retry(
    opened: Callable[..., Neo4jGraph], server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry reads the graph, and takes the node as its own."""
    graph = opened()
    graph.prepare()
    frame = made_state().frames()["Firm"]
    count = graph._count
    monkeypatch.setattr(graph, "_count", lambda part: (count(part), intrude())[0])

    def intrude() -> None:
        monkeypatch.undo()
        server.run("CREATE (:Firm {firm_id: 'F000001', name: 'mine'})")

    with pytest.raises(GraphChangedError, match="somebody else wrote the same"):
        graph.load_nodes(FIRM, frame)

    report = graph.load_nodes(FIRM, frame)
    assert (report.is_read_back, report.changed, report.is_reconciled) == (True, 1, True)


@pytest.mark.parametrize("address", ["neo4j:7687", "http://neo4j:7687", "bolt://", "bolt://a:x"])
def test_an_address_that_is_none_is_said(address: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no address of a server"):
        _ = Server(address, tmp_path).name
