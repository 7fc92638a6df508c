"""Graphs in tests: everything that readers see, to be compared, and a small declared graph with states of it.

    assert graph_contents(incremental) == graph_contents(anew)

`MILL` is for the tests of the kit and for the processes that they start and kill.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any

import polars as pl

from millrace.graph import Graph, GraphModel, GraphReport, Node, PartReport, Property, Query, Relationship

_MANY = 10_000_000

FIRM = Node(
    label="Firm",
    key="firm_id",
    description="A firm.",
    title="name",
    properties=(
        Property("firm_id", pl.String, "Its number"),
        Property("name", pl.String, "Its name", is_indexed=True),
        Property("tags", pl.List(pl.String), "What it does"),
    ),
)
GRANT = Node(
    label="Grant",
    key="grant_id",
    description="Money for a firm.",
    properties=(
        Property("grant_id", pl.Int64, "Its number"),
        Property("amount_usd", pl.Float64, "How much, in US dollars"),
        Property("begun", pl.Date, "Its first day"),
    ),
)
RECEIVED = Relationship(
    "RECEIVED", "Firm", "Grant", "The firm received the grant.", (Property("share", pl.Float64, "Its part, 0-1"),)
)
LEADS_TO = Relationship(
    "LEADS_TO", "Grant", "Grant", "The one made the other possible.", (Property("kind", pl.String, "How"),), ("kind",)
)
MILL = GraphModel("mill", (FIRM, GRANT), (RECEIVED, LEADS_TO))

Rows = list[dict[str, Any]]


@dataclass
class State:
    """Rows of every part of `MILL`, as a test wants the graph to be."""

    firms: Rows = field(default_factory=list)
    grants: Rows = field(default_factory=list)
    received: Rows = field(default_factory=list)
    leads_to: Rows = field(default_factory=list)

    def frames(self) -> dict[str, pl.DataFrame]:
        """A frame for each part."""
        rows = {"Firm": self.firms, "Grant": self.grants, "RECEIVED": self.received, "LEADS_TO": self.leads_to}
        return {part.name: pl.DataFrame(rows[part.name], schema=MILL.columns(part)) for part in MILL.parts}


def made_state(firms: int = 4, grants: int = 9, seed: int = 0) -> State:
    """A state with something of everything; another seed changes properties and drops a few elements."""
    random = Random(seed)  # noqa: S311  # made-up data, no secret
    kept = [n for n in range(grants) if not seed or random.random() < 0.9]
    return State(
        [
            {"firm_id": f"F{n:06}", "name": f"Firm {n} {seed}", "tags": ["a", f"t{n}"] if n % 2 else None}
            for n in range(firms)
        ],
        [{"grant_id": n, "amount_usd": n * 1.5 + (random.random() < 0.2), "begun": None} for n in kept],
        [{"from_key": f"F{n % firms:06}", "to_key": n, "share": 1.0} for n in kept],
        [{"from_key": n, "to_key": m, "kind": kind} for n, m in pairwise(kept) if n % 2 for kind in ("money", "idea")],
    )


def load_state(graph: Graph, state: State) -> tuple[list[PartReport], GraphReport]:
    """Load a whole state of `MILL`, nodes first, and finish."""
    frames = state.frames()
    reports = [graph.load_nodes(node, frames[node.name].lazy()) for node in MILL.nodes]
    reports += [graph.load_relationships(one, frames[one.name].lazy()) for one in MILL.relationships]
    return reports, graph.finish()


def graph_contents(graph: Graph) -> dict[str, list[Any]]:
    """Everything of the model that readers can see: by part, the rows of its columns, sorted, without nulls."""
    found = {}
    for part in graph.model.parts:
        if isinstance(part, Node):
            cypher = f"MATCH (n:{part.label}) RETURN " + ", ".join(f"n.{name} AS {name}" for name in part.columns)
        else:
            a, b = graph.model.node(part.from_label), graph.model.node(part.to_label)
            own = "".join(f", r.{one.name} AS {one.name}" for one in part.properties)
            cypher = (
                f"MATCH (a:{a.label})-[r:{part.type}]->(b:{b.label}) "
                f"RETURN a.{a.key} AS from_key, b.{b.key} AS to_key{own}"
            )
        query = Query(name=part.name, title=part.name, description="all", cypher=cypher, row_cap=_MANY)
        answer = graph.ask(query)
        found[part.name] = _sorted(dict(zip(answer.columns, row, strict=True)) for row in answer.rows)
    return found


def state_contents(state: State) -> dict[str, list[Any]]:
    """What `graph_contents` has to say of a state."""
    dates = pl.selectors.date().dt.to_string()
    return {name: _sorted(frame.with_columns(dates).to_dicts()) for name, frame in state.frames().items()}


def _sorted(rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Without nulls, which Neo4j does not keep."""
    return sorted(({name: value for name, value in row.items() if value is not None} for row in rows), key=repr)
