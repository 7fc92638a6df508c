"""A whole graph into a second server, and the switch to it once everything adds up.

What belongs here: the order of things. What does not: loading (`neo4j`), the pointer (`place`). A rebuild that fails at
any point leaves readers where they are; the server that they leave keeps what it has, so that one can switch back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from millrace.errors import ConfigurationError, GraphRefusedError
from millrace.graph.model import GraphModel, Node
from millrace.graph.place import GraphPlace
from millrace.graph.reports import GraphReport, PartReport
from millrace.quality.rejects import RejectLog

if TYPE_CHECKING:
    from millrace.graph.neo4j import Tuning


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuild did.

    Attributes:
        server: The server that is served now.
        before: The one that was.
        parts: How each part was loaded.
        whole: How the graph stands.
    """

    server: str
    before: str
    parts: tuple[PartReport, ...]
    whole: GraphReport


def rebuild(
    place: GraphPlace,
    model: GraphModel,
    frames: Mapping[str, pl.LazyFrame | pl.DataFrame],
    *,
    to: str | None = None,
    rejects: RejectLog | None = None,
    max_rejected_share: float = 0.0,
    tuning: "Tuning | None" = None,
) -> Rebuilt:
    """Load everything anew into a server that is not served, and switch to it.

    Args:
        place: The graph's servers.
        model: What it holds.
        frames: A frame for each part, by label or type.
        to: Name of the server; None: the next that is not served.
        rejects: Gets relationships without their end points.
        max_rejected_share: Share of them (0-1), of each type.
        tuning: How loads go about it.

    Raises:
        ConfigurationError: there is no second server, or frames are missing.
        GraphRefusedError: rows cannot be taken, or the figures do not add up; readers stay where they are.
        GraphChangedError: somebody else has switched meanwhile.
    """
    before = place.served()
    server = to or _other(place, before)
    missing = [part.name for part in model.parts if part.name not in frames]
    problems = [f"there is no frame for {name}" for name in missing]
    if server == before:
        problems.append(f"{server} is served, and would be emptied")
    if problems:
        raise ConfigurationError(
            f"rebuild of graph {model.name}", problems, next_step="name all parts and another server"
        )
    reports = []
    with place.open_server(server, model, tuning) as graph:
        graph.remove_all()
        for part in model.parts:
            if isinstance(part, Node):
                reports.append(graph.load_nodes(part, frames[part.name]))
            else:
                reports.append(
                    graph.load_relationships(
                        part, frames[part.name], rejects=rejects, max_rejected_share=max_rejected_share
                    )
                )
        whole = graph.finish()
    wrong = [problem for report in (*reports, whole) for problem in report.problems]
    if wrong:
        raise GraphRefusedError(
            f"rebuild of graph {model.name} in {server}", "; ".join(wrong), next_step=f"{before} is served as before"
        )
    place.switch(server, since=before)
    return Rebuilt(server, before, tuple(reports), whole)


def _other(place: GraphPlace, served: str) -> str:
    others = [name for name in place.names() if name != served]
    if not others:
        raise ConfigurationError(
            "graph", ["has one server only"], next_step="name a second one in MILLRACE_GRAPH, after a comma"
        )
    return others[0]
