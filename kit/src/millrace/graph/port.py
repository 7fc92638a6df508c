"""The port of frames: what a graph can do, whichever database holds it.

What belongs here: the verbs. What does not: how they are done (`neo4j`, `ladybug`) and what they report (`reports`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import polars as pl

from millrace.graph.model import GraphModel, Node, Relationship
from millrace.graph.queries import Answer, Query
from millrace.graph.reports import GraphReport, Neighbourhood, PartReport
from millrace.quality.rejects import RejectLog


class Graph(ABC):
    """A graph of a declared model; a context manager that closes its connections.

    A load is the whole of a part: what the frame lacks is removed. It may be run again after any failure, killed runs
    and runs at the same time among them, and leads to the same graph.

    Attributes:
        model: What it holds.
        address: Where it is, for people.
    """

    model: GraphModel
    address: str

    @abstractmethod
    def load_nodes(self, node: Node, frame: pl.LazyFrame | pl.DataFrame) -> PartReport:
        """Make the nodes of a label those of a frame. What is gone is removed by `finish`, after its relationships.

        Args:
            node: A node of the model.
            frame: A column per property, of its dtype; further columns are dropped. It is streamed, may be
                larger than memory, and is computed twice at most: it must give the same rows both times.

        Raises:
            GraphRefusedError: keys are null or stand twice, or columns do not fit; nothing is changed.
            GraphChangedError: another load of the same part took over, or somebody else writes; worth a retry.
        """

    @abstractmethod
    def load_relationships(
        self,
        relationship: Relationship,
        frame: pl.LazyFrame | pl.DataFrame,
        *,
        rejects: RejectLog | None = None,
        max_rejected_share: float = 0.0,
    ) -> PartReport:
        """Make the relationships of a type those of a frame; the nodes at their ends have to be loaded before.

        Args:
            relationship: A relationship of the model.
            frame: Columns `from_key`, `to_key` and one per property; see `load_nodes`.
            rejects: Gets a row reject for each row without its end points.
            max_rejected_share: Share of rows (0-1) that may lack them.

        Raises:
            GraphRefusedError: as for nodes, or more rows than allowed lack end points; nothing is changed.
            GraphChangedError: as for nodes.
        """

    @abstractmethod
    def finish(self) -> GraphReport:
        """Sweep nodes that are gone, with relationships that still hang on them, and hold all counts against the loads.

        On Ladybug it is this that readers see: until then they have the graph of the `finish` before.

        Raises:
            GraphChangedError: a part is being loaded by somebody else.
        """

    @abstractmethod
    def counts(self) -> dict[str, int]:
        """Number of elements by part, as a reader sees them now."""

    @abstractmethod
    def ask(self, query: Query, parameters: Mapping[str, Any] | None = None) -> Answer:
        """Run a named query, which cannot write.

        Raises:
            ConfigurationError: a parameter is missing, unknown or of the wrong type.
            GraphRefusedError: the database refuses the query: it writes, it is wrong, it takes too long.
        """

    @abstractmethod
    def neighbourhood(self, label: str, key: Any, *, depth: int = 1, limit: int = 40) -> Neighbourhood:
        """A node and what lies around it.

        Args:
            label: Its label.
            key: Its key.
            depth: Steps from it, 1 or 2.
            limit: Further nodes at most.

        Raises:
            GraphRefusedError: there is no such node.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of connections and files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
