"""A graph as it is declared: nodes and relationships with their properties, as frozen dataclasses.

What belongs here: the declaration and its validation. What does not: how it is written down for people
(`documentation`) or for a database (`neo4j`, `ladybug`), and rows (`frames`).

A relationship type joins one pair of labels. Neo4j then keeps the number of its relationships in its count store, which
makes reconciliation a look-up and not a scan, and Ladybug has one table for it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl
from polars._typing import PolarsDataType

from millrace.errors import ConfigurationError

FROM_KEY = "from_key"
TO_KEY = "to_key"
RESERVED_LABEL_PREFIX = "Millrace"
_LABEL = re.compile(r"[A-Z][A-Za-z0-9]*")
_TYPE = re.compile(r"[A-Z][A-Z0-9_]*")
_PROPERTY = re.compile(r"[a-z][a-z0-9_]*")
_SCALARS = (pl.String, pl.Int64, pl.Float64, pl.Boolean, pl.Date)
_DTYPES = (*_SCALARS, pl.List(pl.String), pl.List(pl.Int64), pl.List(pl.Float64))
_KEY_DTYPES = (pl.String, pl.Int64)


@dataclass(frozen=True)
class Property:
    """One property of a node or a relationship, and the column of its frame that has the same name.

    Attributes:
        name: In snake_case.
        dtype: String, Int64, Float64, Boolean, Date, or a list of one of the first three. No moments: Ladybug
            cannot read them from Polars' Parquet.
        description: What it says, with its unit.
        is_indexed: Whether Neo4j keeps an index of it, for queries that begin there.
    """

    name: str
    dtype: PolarsDataType
    description: str
    is_indexed: bool = False


@dataclass(frozen=True)
class Node:
    """A kind of node.

    Attributes:
        label: In PascalCase.
        key: Name of the property that no two nodes of the label share; String or Int64.
        description: What one such node is.
        properties: All of its properties, the key among them.
        title: Name of the property that stands in pictures; the key unless it is said.
    """

    label: str
    key: str
    description: str
    properties: tuple[Property, ...]
    title: str = ""

    @property
    def name(self) -> str:
        """Its name among the parts of the graph."""
        return self.label

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """Columns that tell its rows apart."""
        return (self.key,)

    @cached_property
    def columns(self) -> dict[str, PolarsDataType]:
        """What a frame of it has."""
        return {one.name: one.dtype for one in self.properties}

    @property
    def shown(self) -> str:
        """The property that stands in pictures."""
        return self.title or self.key


@dataclass(frozen=True)
class Relationship:
    """A kind of relationship.

    Attributes:
        type: In UPPER_CASE; no other relationship of the model has it.
        from_label: Label of the nodes that it starts from.
        to_label: Label of the nodes that it leads to.
        description: What one such arrow says: "the company received the award".
        properties: Its properties.
        key: Names of those properties that tell apart several between the same two nodes; none: there is one at most.
    """

    type: str
    from_label: str
    to_label: str
    description: str
    properties: tuple[Property, ...] = ()
    key: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name among the parts of the graph."""
        return self.type

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """Columns that tell its rows apart."""
        return (FROM_KEY, TO_KEY, *self.key)

    @property
    def arrow(self) -> str:
        """As Cypher draws it."""
        return f"(:{self.from_label})-[:{self.type}]->(:{self.to_label})"


Part = Node | Relationship


@dataclass(frozen=True)
class GraphModel:
    """All nodes and relationships of a domain's graph.

    Attributes:
        name: Name of the domain.
        nodes: Its nodes.
        relationships: Its relationships, between these nodes.
        queries: YAML file of its named queries; None if it has none.
        migrations: Folder of its migrations, `0001_<name>.cypher` and so on; None if it has none.

    Raises:
        ConfigurationError: with everything that is wrong with it.
    """

    name: str
    nodes: tuple[Node, ...]
    relationships: tuple[Relationship, ...] = ()
    queries: Path | None = None
    migrations: Path | None = None

    def __post_init__(self) -> None:
        problems = [*self._name_problems(), *self._node_problems(), *self._relationship_problems()]
        if problems:
            raise ConfigurationError(f"graph model {self.name}", problems, next_step="correct its declaration")

    @property
    def parts(self) -> tuple[Part, ...]:
        """Nodes first, then relationships."""
        return (*self.nodes, *self.relationships)

    def node(self, label: str) -> Node:
        """The node with a label; a KeyError if there is none."""
        return self._by_label[label]

    def columns(self, part: Part) -> dict[str, PolarsDataType]:
        """What a frame of a part must have, in this order: for relationships both ends' keys come first."""
        if isinstance(part, Node):
            return part.columns
        ends = {FROM_KEY: self.key_dtype(part.from_label), TO_KEY: self.key_dtype(part.to_label)}
        return {**ends, **{one.name: one.dtype for one in part.properties}}

    def key_dtype(self, label: str) -> PolarsDataType:
        """Dtype of the key of a label."""
        node = self.node(label)
        return node.columns[node.key]

    def relationships_of(self, label: str) -> tuple[Relationship, ...]:
        """Those that start from or lead to nodes of a label."""
        return tuple(one for one in self.relationships if label in (one.from_label, one.to_label))

    def require(self, part: Part) -> None:
        """Refuse a part that is not of this model.

        Raises:
            ConfigurationError: it is not.
        """
        if part not in self.parts:
            known = ", ".join(one.name for one in self.parts)
            raise ConfigurationError(
                f"graph {self.name}", [f"{part.name} is not in its model"], next_step=f"of {known}"
            )

    @cached_property
    def _by_label(self) -> dict[str, Node]:
        return {node.label: node for node in self.nodes}

    def _name_problems(self) -> Iterator[str]:
        if not self.nodes:
            yield "has no node"
        for name, count in Counter(part.name.lower() for part in self.parts).items():
            if count > 1:  # not told apart by case: Ladybug's tables and the ledger's files are named after parts
                yield f"{name}: {count} parts have this name"

    def _node_problems(self) -> Iterator[str]:
        for node in self.nodes:
            if not _LABEL.fullmatch(node.label) or node.label.startswith(RESERVED_LABEL_PREFIX):
                yield f"{node.label}: a label is in PascalCase and does not begin with {RESERVED_LABEL_PREFIX}"
            yield from _property_problems(node)
            if node.key not in node.columns:
                yield f"{node.label}: its key {node.key!r} is none of its properties"
            elif node.columns[node.key] not in _KEY_DTYPES:
                yield f"{node.label}: its key {node.key!r} is {node.columns[node.key]}, not String or Int64"
            if node.shown not in node.columns:
                yield f"{node.label}: its title {node.shown!r} is none of its properties"

    def _relationship_problems(self) -> Iterator[str]:
        for one in self.relationships:
            if not _TYPE.fullmatch(one.type):
                yield f"{one.type}: a type is in UPPER_CASE"
            for label in (one.from_label, one.to_label):
                if label not in self._by_label:
                    yield f"{one.type}: there is no node {label}"
            yield from _property_problems(one)
            names = {part.name for part in one.properties}
            for name in one.key:
                if name not in names:
                    yield f"{one.type}: its key {name!r} is none of its properties"
            for name in names & {FROM_KEY, TO_KEY}:
                yield f"{one.type}: {name} is the column of an end and cannot be a property"


def _property_problems(part: Part) -> Iterator[str]:
    if not part.description:
        yield f"{part.name}: has no description"
    for name, count in Counter(one.name for one in part.properties).items():
        if count > 1:
            yield f"{part.name}.{name}: declared {count} times"
    for one in part.properties:
        if not _PROPERTY.fullmatch(one.name):
            yield f"{part.name}.{one.name}: a property is in snake_case"
        if one.dtype not in _DTYPES:
            yield f"{part.name}.{one.name}: {one.dtype} is none of {', '.join(map(str, _DTYPES))}"
        if not one.description:
            yield f"{part.name}.{one.name}: has no description"
