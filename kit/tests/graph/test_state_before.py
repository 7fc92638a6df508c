"""Which state a load builds on: the ledger where it is to be trusted, else the graph itself."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from millrace.errors import GraphChangedError, GraphRefusedError
from millrace.graph.neo4j import Neo4jGraph, Server
from millrace.graph.neo4j.marker import Marker
from millrace.testing.graphs import FIRM, GRANT, RECEIVED, graph_contents, load_state, made_state, state_contents

Opened = Callable[..., Neo4jGraph]
SOME, OTHER = made_state(20, 60), made_state(20, 60, seed=3)


def everything(server: Server) -> list[str]:
    """All that is in the server, markers, hashes and times among it."""
    nodes = server.read("MATCH (n) RETURN labels(n) AS labels, properties(n) AS properties")
    arrows = server.read("MATCH (a)-[r]->(b) RETURN elementId(a) AS a, elementId(b) AS b, properties(r) AS properties")
    return sorted(repr(sorted(row.data().items())) for row in (*nodes, *arrows))


def test_the_first_load_reads_nothing_back_and_the_next_neither(opened: Opened) -> None:
    first, _ = load_state(opened(), SOME)
    second, _ = load_state(opened(), OTHER)

    assert not any(one.is_read_back for one in (*first, *second))


def test_without_its_ledger_a_load_reads_the_graph(opened: Opened, tmp_path: Path) -> None:
    load_state(opened(), SOME)
    shutil.rmtree(tmp_path / "ledger")

    reports, whole = load_state(opened(), SOME)

    assert [(one.is_read_back, one.unchanged == one.rows_in) for one in reports] == [(True, True)] * 4
    assert whole.is_reconciled


def test_a_ledger_of_another_load_is_not_believed(opened: Opened, tmp_path: Path) -> None:
    load_state(opened(), OTHER)
    shutil.copytree(tmp_path / "ledger", tmp_path / "old")
    load_state(opened(), SOME)
    shutil.rmtree(tmp_path / "ledger")
    shutil.move(tmp_path / "old", tmp_path / "ledger")

    reports, _ = load_state(opened(), OTHER)

    assert any(one.changed for one in reports)
    assert all(one.is_read_back for one in reports)
    assert graph_contents(opened()) == state_contents(OTHER)


def test_half_a_ledger_is_not_believed(opened: Opened, tmp_path: Path) -> None:
    load_state(opened(), SOME)
    for file in (tmp_path / "ledger").iterdir():
        file.write_bytes(file.read_bytes()[:100])

    reports, whole = load_state(opened(), OTHER)

    assert all(one.is_read_back for one in reports)
    assert whole.is_reconciled
    assert graph_contents(opened()) == state_contents(OTHER)


@pytest.mark.parametrize(
    "deed",
    [
        "MATCH (f:Firm {firm_id: 'F000003'}) DETACH DELETE f",
        "MATCH ()-[r:RECEIVED]->(:Grant {grant_id: 7}) DELETE r",
        "MATCH (f:Firm)-[r:RECEIVED]->(g:Grant) WHERE g.grant_id < 5 CREATE (f)-[:RECEIVED {share: 0.1}]->(g)",
        "CREATE (:Firm {firm_id: 'mine'}), (:Firm {name: 'without a key'})",
        "MATCH (f:Firm), (g:Grant {grant_id: 1}) CREATE (g)-[:RECEIVED]->(f)",
    ],
    ids=["a node removed", "a relationship removed", "relationships doubled", "nodes added", "turned around"],
)
def test_what_somebody_else_adds_or_removes_is_noticed_and_mended(opened: Opened, server: Server, deed: str) -> None:
    load_state(opened(), SOME)
    server.run(deed)

    load_state(opened(), SOME)  # a node that was removed took relationships along, which its own load knows nothing of
    reports, whole = load_state(opened(), SOME)

    assert [problem for one in (*reports, whole) for problem in one.problems] == []
    assert graph_contents(opened()) == state_contents(SOME)


def test_a_finish_says_what_is_missing_and_the_next_load_mends_it(opened: Opened, server: Server) -> None:
    load_state(opened(), SOME)
    server.run("MATCH ()-[r:RECEIVED]->(:Grant {grant_id: 7}) DELETE r")

    whole = opened().finish()

    assert whole.problems == ["RECEIVED: 59 in the graph, 60 expected"]
    _, mended = load_state(opened(), SOME)
    assert mended.is_reconciled


def test_a_refused_load_leaves_everything_as_it_was(opened: Opened, server: Server) -> None:
    load_state(opened(), SOME)
    before = everything(server)
    frame = SOME.frames()["RECEIVED"]

    with pytest.raises(GraphRefusedError):
        opened().load_relationships(RECEIVED, frame.vstack(frame.head(1)))

    assert everything(server) == before


def test_an_unchanged_load_does_not_even_touch_the_marker(opened: Opened, server: Server) -> None:
    load_state(opened(), SOME)
    before = everything(server)

    load_state(opened(), SOME)

    assert everything(server) == before


def test_a_part_whose_load_was_cut_short_is_not_finished(opened: Opened, server: Server) -> None:
    load_state(opened(), SOME)
    Marker(server, GRANT, lease_seconds=0).take("a load that was killed", None, 1)

    with pytest.raises(GraphChangedError, match="Grant: its load is not at its end"):
        opened().finish()

    reports, whole = load_state(opened(), SOME)
    assert [one.is_read_back for one in reports] == [False, True, False, False]
    assert whole.is_reconciled


def test_markers_are_no_data(opened: Opened, server: Server) -> None:
    graph = opened()
    load_state(graph, SOME)

    assert set(graph.counts()) == {"Firm", "Grant", "RECEIVED", "LEADS_TO"}
    assert server.read("MATCH (m:MillraceLoad)--() RETURN count(m) AS count")[0]["count"] == 0


def test_constraints_and_indexes_come_from_the_model(opened: Opened, server: Server) -> None:
    opened().prepare()

    names = {row["name"] for row in server.read("SHOW INDEXES YIELD name RETURN name")}

    assert {"firm_firm_id", "grant_grant_id", "firm_name", "millrace_load"} <= names


def test_a_domain_is_loaded_in_part(opened: Opened) -> None:
    graph = opened()

    graph.load_nodes(FIRM, SOME.frames()["Firm"])
    whole = graph.finish()

    assert whole.is_reconciled
    assert whole.counted["Firm"] == 20
