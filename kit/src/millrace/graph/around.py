"""A node and what lies around it, asked with Cypher that both databases understand.

What belongs here: which elements are chosen. What does not: how they are drawn (`picture`).
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, zip_longest
from typing import Any

from millrace.errors import GraphRefusedError
from millrace.graph.model import GraphModel, Relationship
from millrace.graph.queries import Answer
from millrace.graph.reports import Arrow, Neighbourhood, Seen

Asked = Callable[[str, Mapping[str, Any], int], Answer]
_Place = tuple[str, Any]


def around(model: GraphModel, ask: Asked, label: str, key: Any, *, depth: int, limit: int) -> Neighbourhood:
    """A neighbourhood; every type of relationship has its share in it.

    Args:
        model: The model.
        ask: Runs Cypher with parameters, for so many rows at most.
        label: Label of the node in the middle.
        key: Its key.
        depth: Steps from it.
        limit: Further nodes at most.

    Raises:
        GraphRefusedError: there is no such node.
    """
    labels = {node.label for node in model.nodes}
    if label not in labels:
        raise GraphRefusedError(
            f"graph {model.name}", f"there is no label {label}", next_step=f"there are {', '.join(sorted(labels))}"
        )
    node = model.node(label)
    if model.key_dtype(label).is_integer():
        key = int(key)
    found = ask(
        f"MATCH (n:{label}) WHERE n.{node.key} = $key RETURN n.{node.key} AS key, n.{node.shown} AS title",
        {"key": key},
        1,
    )
    if not found.rows:
        raise GraphRefusedError(f"graph {model.name}", f"there is no {label} with {node.key} {key!r}")
    centre = Seen(label, key, _title(found.rows[0][1], key))
    nodes: dict[_Place, Seen] = {(label, key): centre}
    arrows: dict[Arrow, None] = {}
    edge, is_cut = [(label, key)], False
    for _ in range(depth):
        begun = len(nodes)
        for arrow, ends in _step(model, ask, edge, limit):
            new = [end for end in ends if (end.label, end.key) not in nodes]
            if len(nodes) - 1 + len(new) > limit:
                is_cut = True
                continue
            nodes.update({(end.label, end.key): end for end in new})
            arrows[arrow] = None
        edge = list(nodes)[begun:]
    return Neighbourhood(centre, tuple(nodes.values()), tuple(arrows), is_cut)


def _step(model: GraphModel, ask: Asked, edge: list[_Place], limit: int) -> Iterator[tuple[Arrow, tuple[Seen, Seen]]]:
    """Relationships of some nodes, one of each type in turn."""
    found = []
    for one in model.relationships:
        for label, end in ((one.from_label, "a"), (one.to_label, "b")):
            keys = [key for its_label, key in edge if its_label == label]
            if keys:
                found.append(_of_type(model, ask, one, end, keys, limit))
    return (item for item in chain.from_iterable(zip_longest(*found)) if item is not None)


def _of_type(
    model: GraphModel, ask: Asked, one: Relationship, end: str, keys: list[Any], limit: int
) -> list[tuple[Arrow, tuple[Seen, Seen]]]:
    a, b = model.node(one.from_label), model.node(one.to_label)
    matched = a if end == "a" else b
    answer = ask(
        f"MATCH (a:{a.label})-[:{one.type}]->(b:{b.label}) WHERE {end}.{matched.key} IN $keys "
        f"RETURN a.{a.key} AS a_key, a.{a.shown} AS a_title, b.{b.key} AS b_key, b.{b.shown} AS b_title",
        {"keys": keys},
        limit + 1,
    )
    return [
        (
            Arrow(one.type, (a.label, a_key), (b.label, b_key)),
            (Seen(a.label, a_key, _title(a_title, a_key)), Seen(b.label, b_key, _title(b_title, b_key))),
        )
        for a_key, a_title, b_key, b_title in answer.rows
    ]


def _title(title: Any, key: Any) -> str:
    return str(key if title is None or title == "" else title)
