"""Fixtures: both databases behind the port, empty, with the small graph of `millrace.testing.graphs`."""

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from millrace.graph import Graph
from millrace.graph.ladybug import LadybugGraph
from millrace.graph.neo4j import Neo4jGraph, Server, Tuning
from millrace.stores import Place
from millrace.testing.fixtures import kept_neo4j_server, neo4j_server  # noqa: F401  # fixtures
from millrace.testing.graph_server import GraphServer
from millrace.testing.graphs import MILL

Opened = Callable[..., Neo4jGraph]


def emptied(server: GraphServer) -> Server:
    """A server without any element; its constraints stay."""
    reached = Server(server.address, server.secrets)
    reached.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS")
    return reached


@pytest.fixture
def server(neo4j_server: GraphServer) -> Generator[Server]:  # noqa: F811
    """An empty Neo4j."""
    reached = emptied(neo4j_server)
    yield reached
    reached.close()


@pytest.fixture
def kept_server(kept_neo4j_server: GraphServer) -> Generator[Server]:  # noqa: F811
    """Another one."""
    reached = emptied(kept_neo4j_server)
    yield reached
    reached.close()


@pytest.fixture
def opened(server: Server, tmp_path: Path) -> Generator[Opened]:
    """Opens the graph in that server, each time as another process would."""
    graphs = []

    def open_it(ledgers: str = "ledger", **tuning: Any) -> Neo4jGraph:
        reached = Server(server.address, server.secrets)
        place = Place(address=str(tmp_path / ledgers))
        graphs.append(Neo4jGraph(reached, MILL, place, replace(Tuning(lease_seconds=0.5), **tuning)))
        return graphs[-1]

    yield open_it
    for graph in graphs:
        graph.close()


@pytest.fixture(params=["neo4j", "ladybug"])
def graph(request: pytest.FixtureRequest, tmp_path: Path) -> Graph:
    """An empty graph, of each kind."""
    if request.param == "ladybug":
        return LadybugGraph(tmp_path / "graph", MILL)
    return request.getfixturevalue("opened")(batch_rows={"Firm": 3, "Grant": 4, "RECEIVED": 2})
