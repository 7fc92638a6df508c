"""A declared model in Neo4j's Cypher: constraints, indexes, and one statement for each way to write a batch.

What belongs here: text. What does not: running it. Labels, types and names come from a validated model
(`millrace.graph.model`), so they need no escaping; values are always parameters.

A batch comes as columns: one list per column is half the size of a map per row, and quicker to make from a frame.
"""

from collections.abc import Iterator, Sequence

from millrace.graph.frames import HASH
from millrace.graph.model import FROM_KEY, TO_KEY, GraphModel, Node, Part, Relationship

LOAD_LABEL = "MillraceLoad"
MIGRATION_LABEL = "MillraceMigration"
OWN_SCHEMA = (
    f"CREATE CONSTRAINT millrace_load IF NOT EXISTS FOR (m:{LOAD_LABEL}) REQUIRE m.id IS UNIQUE",
    f"CREATE CONSTRAINT millrace_migration IF NOT EXISTS FOR (m:{MIGRATION_LABEL}) REQUIRE m.version IS UNIQUE",
)
_EACH = "UNWIND range(0, size($c0) - 1) AS i"


def schema(model: GraphModel) -> Iterator[str]:
    """Constraints first, which bring their indexes, then the other indexes."""
    for node in model.nodes:
        yield (
            f"CREATE CONSTRAINT {node.label.lower()}_{node.key} IF NOT EXISTS "
            f"FOR (n:{node.label}) REQUIRE n.{node.key} IS UNIQUE"
        )
    for part in model.parts:
        for one in part.properties:
            if one.is_indexed and one.name not in part.key_columns[:1]:
                element = f"(n:{part.name})" if isinstance(part, Node) else f"()-[n:{part.name}]-()"
                yield f"CREATE INDEX {part.name.lower()}_{one.name} IF NOT EXISTS FOR {element} ON (n.{one.name})"


def columns(model: GraphModel, part: Part) -> list[str]:
    """Columns of a batch that adds or changes: the part's and the hash, as $c0, $c1 and so on."""
    return [*model.columns(part), HASH]


def add(model: GraphModel, part: Part) -> str:
    """Create a batch; returns how many."""
    names = columns(model, part)
    if isinstance(part, Node):
        return f"{_EACH} CREATE (n:{part.label} {_properties(names, names)}) RETURN count(n) AS count"
    return (
        f"{_EACH} {_match_ends(model, part)} "
        f"CREATE (a)-[r:{part.type} {_properties(names, names[2:])}]->(b) RETURN count(r) AS count"
    )


def change(model: GraphModel, part: Part) -> str:
    """Replace all properties of a batch; returns how many were there."""
    names = columns(model, part)
    if isinstance(part, Node):
        key = names.index(part.key)
        return (
            f"{_EACH} MATCH (n:{part.label} {{{part.key}: $c{key}[i]}}) "
            f"SET n = {_properties(names, names)} RETURN count(n) AS count"
        )
    return f"{_EACH} {_match(model, part, names)} SET r = {_properties(names, names[2:])} RETURN count(r) AS count"


def remove(model: GraphModel, part: Part) -> str:
    """Delete a batch, of which the key columns come; returns how many were there."""
    names = list(part.key_columns)
    if isinstance(part, Node):
        return (
            f"{_EACH} MATCH (n:{part.label} {{{part.key}: $c0[i]}}) "
            "WITH n, 1 AS one DETACH DELETE n RETURN sum(one) AS count"
        )
    return f"{_EACH} {_match(model, part, names)} WITH r, 1 AS one DELETE r RETURN sum(one) AS count"


def count(part: Part) -> str:
    """Number of elements, from the count store."""
    if isinstance(part, Node):
        return f"MATCH (n:{part.label}) RETURN count(n) AS count"
    return f"MATCH ()-[r:{part.type}]->() RETURN count(r) AS count"


def read_back(model: GraphModel, part: Part) -> str:
    """Keys and hash of every element that the model knows."""
    if isinstance(part, Node):
        return f"MATCH (n:{part.label}) WHERE n.{part.key} IS NOT NULL RETURN n.{part.key}, n.{HASH}"
    a, b = model.node(part.from_label), model.node(part.to_label)
    own = "".join(f", r.{name}" for name in part.key)
    return (
        f"MATCH (a:{a.label})-[r:{part.type}]->(b:{b.label}) WHERE a.{a.key} IS NOT NULL AND b.{b.key} IS NOT NULL "
        f"RETURN a.{a.key}, b.{b.key}{own}, r.{HASH}"
    )


def remove_strangers(model: GraphModel, part: Part) -> str:
    """Delete what has the label or type and cannot be of the model: no key, or ends of another kind."""
    in_batches = "IN TRANSACTIONS OF 10000 ROWS"
    if isinstance(part, Node):
        return f"MATCH (n:{part.label}) WHERE n.{part.key} IS NULL CALL (n) {{ DETACH DELETE n }} {in_batches}"
    a, b = model.node(part.from_label), model.node(part.to_label)
    return (
        f"MATCH (a)-[r:{part.type}]->(b) WHERE NOT (a:{a.label} AND b:{b.label}) OR a.{a.key} IS NULL "
        f"OR b.{b.key} IS NULL CALL (r) {{ DELETE r }} {in_batches}"
    )


def remove_all(part: Part) -> str:
    """Delete every element."""
    if isinstance(part, Node):
        return f"MATCH (n:{part.label}) CALL (n) {{ DETACH DELETE n }} IN TRANSACTIONS OF 10000 ROWS"
    return f"MATCH ()-[r:{part.type}]->() CALL (r) {{ DELETE r }} IN TRANSACTIONS OF 10000 ROWS"


def _properties(names: Sequence[str], shown: Sequence[str]) -> str:
    return "{" + ", ".join(f"{name}: $c{names.index(name)}[i]" for name in shown) + "}"


def _match_ends(model: GraphModel, part: Relationship) -> str:
    a, b = model.node(part.from_label), model.node(part.to_label)
    return f"MATCH (a:{a.label} {{{a.key}: $c0[i]}}) MATCH (b:{b.label} {{{b.key}: $c1[i]}})"


def _match(model: GraphModel, part: Relationship, names: Sequence[str]) -> str:
    """Match relationships by their ends, the first two of `names`, and by their own key."""
    assert list(names[:2]) == [FROM_KEY, TO_KEY]  # noqa: S101  # the order that `GraphModel.columns` gives
    own = " AND ".join(f"r.{name} = $c{names.index(name)}[i]" for name in part.key)
    return f"{_match_ends(model, part)} MATCH (a)-[r:{part.type}]->(b)" + (f" WHERE {own}" if own else "")
