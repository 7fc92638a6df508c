"""Loads and readers at the same time, on one server."""

import threading
from collections.abc import Callable

import polars as pl
import pytest

from millrace.errors import GraphChangedError
from millrace.graph import Query
from millrace.graph.neo4j import Neo4jGraph, Server, statements
from millrace.graph.neo4j.marker import Marker
from millrace.graph.neo4j.writer import Statement, Writer
from millrace.testing import repeated
from millrace.testing.graphs import (
    FIRM,
    GRANT,
    MILL,
    RECEIVED,
    State,
    graph_contents,
    load_state,
    made_state,
    state_contents,
)

Opened = Callable[..., Neo4jGraph]


def run_at_once(*actions: Callable[[], None]) -> None:
    threads = [threading.Thread(target=action) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def until_it_ends(graph: Neo4jGraph, state: State, ended: list[State]) -> Callable[[], None]:
    """Load as a job does: again after a failure that may pass."""

    def run() -> None:
        for _ in range(40):
            try:
                load_state(graph, state)
            except GraphChangedError:
                continue
            ended.append(state)
            return

    return run


@pytest.mark.parametrize("lease_seconds", [0, 2], ids=["one takes over", "one waits"])
def test_two_loads_of_the_same_at_once_end_in_that(opened: Opened, lease_seconds: float) -> None:
    state, ended = made_state(50, 400), []
    many = {"batch_rows": dict.fromkeys(("Firm", "Grant", "RECEIVED", "LEADS_TO"), 25), "lease_seconds": lease_seconds}

    run_at_once(*(until_it_ends(opened(**many), state, ended) for _ in range(2)))

    assert ended == [state, state]
    graph = opened()
    assert graph_contents(graph) == state_contents(state)
    reports, whole = load_state(graph, state)
    assert [one.unchanged for one in reports] == [one.rows_in for one in reports]
    assert whole.is_reconciled


@pytest.mark.parametrize("lease_seconds", [0, 2], ids=["one takes over", "one waits"])
def test_of_two_loads_at_once_the_one_that_ends_last_holds(opened: Opened, lease_seconds: float) -> None:
    frames = [made_state(1, 2_000, seed).frames()["Grant"] for seed in (1, 2)]
    ended: list[int] = []

    def until(number: int) -> Callable[[], None]:
        graph = opened(lease_seconds=lease_seconds, batch_rows={"Grant": 50})

        def run() -> None:
            for _ in range(40):
                try:
                    graph.load_nodes(GRANT, frames[number])
                except GraphChangedError:
                    continue
                ended.append(number)
                return

        return run

    run_at_once(until(0), until(1))

    graph = opened()
    last = frames[ended[-1]]
    assert graph.load_nodes(GRANT, last).unchanged == last.height  # the ledger says so,
    graph.finish()
    shown = [row["amount_usd"] for row in sorted(graph_contents(graph)["Grant"], key=lambda row: row["grant_id"])]
    assert shown == last.sort("grant_id")["amount_usd"].to_list()  # and so does the graph


def writer(server: Server, marker: Marker, load: str) -> Writer:
    return Writer(server, marker, load, 1, 10)


def firms(*names: str) -> pl.DataFrame:
    return pl.DataFrame({"firm_id": list(names), "name": "n", "tags": None, "_hash": 1})


def creation() -> dict[str, Statement]:
    return {"added": Statement(statements.add(MILL, FIRM), statements.columns(MILL, FIRM))}


def test_a_load_that_was_taken_over_writes_nothing_more(opened: Opened, server: Server) -> None:
    graph = opened()
    graph.prepare()
    marker = Marker(server, FIRM, lease_seconds=0)
    marker.take("first", None, 1)
    first = writer(server, marker, "first")
    first.write(creation(), [iter([("added", firms("a"))])])

    marker.take("second", None, 1)

    with pytest.raises(GraphChangedError, match="another load took over"):
        first.write(creation(), [iter([("added", firms("b"))])])
    with pytest.raises(GraphChangedError):
        marker.complete("first")
    assert graph.counts()["Firm"] == 1
    marker.complete("second")
    assert marker.last_load() == "second"


def test_a_load_on_a_state_that_is_no_longer_the_last_is_refused(opened: Opened, server: Server) -> None:
    opened().prepare()
    marker = Marker(server, FIRM, lease_seconds=0)
    marker.take("first", None, 1)
    marker.complete("first")
    marker.take("second", "first", 2)

    with pytest.raises(GraphChangedError):
        marker.take("third", "first", 1)


class ForgetfulServer(Server):
    """A server whose first commit is not answered, so that the driver runs the transaction again."""

    def write(self, work):  # as its base
        super().write(work)
        return super().write(work)


def test_a_batch_whose_commit_was_not_answered_is_not_written_twice(opened: Opened, server: Server) -> None:
    opened().load_nodes(FIRM, pl.DataFrame({"firm_id": ["a"], "name": ["n"], "tags": [None]}))
    opened().load_nodes(GRANT, pl.DataFrame({"grant_id": [1], "amount_usd": [1.0], "begun": [None]}))
    marker = Marker(server, RECEIVED, lease_seconds=0)
    marker.take("load", None, 1)
    statement = {"added": Statement(statements.add(MILL, RECEIVED), statements.columns(MILL, RECEIVED))}
    rows = pl.DataFrame({"from_key": ["a"], "to_key": [1], "share": [1.0], "_hash": [1]})

    forgetful = ForgetfulServer(server.address, server.secrets)
    writer(forgetful, marker, "load").write(statement, [iter([("added", rows)])])
    forgetful.close()

    assert opened().counts()["RECEIVED"] == 1


def test_workers_at_once_never_have_to_write_a_batch_again(opened: Opened) -> None:
    """Every grant of every firm: where rows lie at random, workers wait for each other in circles."""
    firms, grants = 40, 500
    state = made_state(firms, grants)
    state.received = [
        {"from_key": f"F{(7 * n + m) % firms:06}", "to_key": n, "share": 1.0} for m in range(20) for n in range(grants)
    ]
    graph = opened(workers=4, batch_rows={"RECEIVED": 200})

    reports, whole = load_state(graph, state)

    assert [one.retries for one in reports] == [0, 0, 0, 0]
    assert whole.is_reconciled


def counted(where: str = "") -> Query:
    """How many firms there are: from the count store, unless `where` has Neo4j look at each."""
    return Query(name="counted", title="t", description="d", cypher=f"MATCH (f:Firm) {where} RETURN count(f) AS firms")


def test_a_batch_is_one_commit(opened: Opened) -> None:
    """By the count store; a scan may pass while Neo4j applies a commit, and meet a part of it (ADR 0019)."""
    rows = 100
    graph = opened(workers=1, batch_rows={"Firm": rows})
    graph.prepare()
    reader = opened()
    seen: set[int] = set()

    def read() -> None:
        [[count]] = reader.ask(counted()).rows
        assert count % rows == 0
        seen.add(count)

    with repeated(read):
        graph.load_nodes(FIRM, firms(*(f"F{n:05}" for n in range(40 * rows))).drop("_hash"))

    assert len(seen) > 3  # it looked while batches came


def test_a_batch_that_fails_is_seen_by_nobody(opened: Opened, server: Server) -> None:
    """Its last row breaks a constraint, after all the others were written."""
    graph = opened()
    graph.prepare()
    server.run("CREATE (:Firm {firm_id: 'taken', name: 'mine'})")
    marker = Marker(server, FIRM, lease_seconds=0)
    marker.take("load", None, 1)
    batch = firms(*(f"F{n:05}" for n in range(2_000)), "taken")
    reader = opened()
    seen: list[int] = []

    def read() -> None:
        [[count]] = reader.ask(counted("WHERE f.name = 'n'")).rows
        seen.append(count)

    with repeated(read):
        for _ in range(5):
            with pytest.raises(GraphChangedError, match="somebody else wrote the same"):
                Writer(server, marker, "load", 1, batch.height).write(creation(), [iter([("added", batch)])])

    assert len(seen) > 3
    assert set(seen) == {0}
    assert graph.counts()["Firm"] == 1
