"""The graph room's load into Neo4j against `UNWIND … MERGE` in batches of 5,000, in the order of the file.

600,000 elements that look like research awards: 165,000 nodes, and 435,000 relationships to firms, to twelve agencies
and to twenty fields. Each measurement has a server of its own, with two CPUs and the memory that compose.yaml gives,
its data in memory and its constraints made. It has done the same once before and was emptied: on a server that has just
started, Java's compiler takes as long as a load. Both take turns; the median of the rounds counts. What is loaded
again, unchanged, and `neo4j-admin database import` of the same elements are measured beside them.
"""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from neo4j import GraphDatabase, ManagedTransaction, Session

from figures import Figure
from millrace.graph import GraphModel, Node, Property, Relationship
from millrace.graph.neo4j import Neo4jGraph, Server
from millrace.graph.neo4j.statements import schema
from millrace.stores import Place
from millrace.testing.graph_server import PASSWORD, GraphServer, graph_server

ROUNDS = 2
AWARDS = 150_000
PLAIN_ROWS = 5_000

AWARD = Node(
    "Award",
    "award_id",
    "An award",
    (
        Property("award_id", pl.String, "Its number"),
        Property("title", pl.String, "Its title"),
        Property("amount_usd", pl.Float64, "How much"),
        Property("year", pl.Int64, "When"),
    ),
)
FIRM = Node("Firm", "firm_id", "A firm", (Property("firm_id", pl.String, "d"), Property("name", pl.String, "d")))
AGENCY = Node("Agency", "code", "An agency", (Property("code", pl.String, "d"),))
FIELD = Node("Field", "code", "A field", (Property("code", pl.String, "d"),))
RECEIVED = Relationship("RECEIVED", "Firm", "Award", "d", (Property("share", pl.Float64, "0-1"),))
FUNDED_BY = Relationship("FUNDED_BY", "Award", "Agency", "d")
APPLICABLE_TO = Relationship("APPLICABLE_TO", "Award", "Field", "d", (Property("score", pl.Float64, "0-1"),))
MODEL = GraphModel("bench", (AWARD, FIRM, AGENCY, FIELD), (RECEIVED, FUNDED_BY, APPLICABLE_TO))

Frames = dict[str, pl.DataFrame]
Seconds = dict[str, float]


def figures() -> Iterator[Figure]:
    """Seconds of nodes and relationships, of a load without changes, of the offline import; batches run again."""
    frames = made_up(AWARDS)
    nodes, relationships = (sum(frames[one.name].height for one in kind) for kind in (MODEL.nodes, MODEL.relationships))
    ours: list[Seconds] = []
    plain: list[Seconds] = []
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        folder = Path(name)
        for number in range(ROUNDS):
            with graph_server(folder / f"ours-{number}", os.environ) as server:
                ours.append(our_seconds(server, frames, folder / f"ledger-{number}"))
            with graph_server(folder / f"plain-{number}", os.environ) as server:
                plain.append(plain_seconds(server, frames))
        imported = import_seconds(frames, folder)
    mine, theirs = median(ours), median(plain)
    data = f"made-up, {nodes:,} nodes, {relationships:,} relationships, two CPUs"
    yield Figure("graph_nodes_seconds", mine["nodes"], "s", theirs["nodes"], "≥ 1.3 × as fast as MERGE", 1 / 1.3, data)
    yield Figure(
        "graph_relationships_seconds",
        mine["relationships"],
        "s",
        theirs["relationships"],
        "≥ 2.5 × as fast as MERGE",
        1 / 2.5,
        data,
    )
    yield Figure("graph_batches_run_again", max(one["retries"] for one in ours), "batches", 1, "none", 0, data)
    first = mine["nodes"] + mine["relationships"]
    yield Figure(
        "graph_unchanged_seconds", mine["unchanged"], "s", first, "≥ 10 × as fast as the first load", 0.1, data
    )
    yield Figure("graph_load_seconds", first, "s", imported, "reported, against neo4j-admin's import", None, data)


def made_up(awards: int) -> Frames:
    """Frames in the order of a file of awards, which is none that a graph would choose."""
    number = pl.int_range(awards, eager=True).shuffle(seed=1).alias("n").to_frame()
    award_id = pl.format("A-{}", pl.col("n") * 7919 % 10_000_019)
    firm_id = pl.format("F-{}", pl.col("n") * 104_729 % (awards // 10))
    field_of = [pl.format("field-{}", (pl.col("n") * k) % 20) for k in (1, 7)]
    firms = number.select(firm_id=firm_id).unique(maintain_order=True)
    applicable = number.filter(pl.col("n") % 10 != 0)
    return {
        "Award": number.select(
            award_id=award_id,
            title=pl.format("A study of something that matters, part {} of many", pl.col("n")),
            amount_usd=pl.col("n") * 1.25,
            year=pl.col("n") % 40 + 1983,
        ),
        "Firm": firms.with_columns(name=pl.format("Firm {} Incorporated", pl.col("firm_id"))),
        "Agency": pl.DataFrame({"code": [f"agency-{n}" for n in range(12)]}),
        "Field": pl.DataFrame({"code": [f"field-{n}" for n in range(20)]}),
        "RECEIVED": number.select(from_key=firm_id, to_key=award_id, share=pl.lit(1.0)),
        "FUNDED_BY": number.select(from_key=award_id, to_key=pl.format("agency-{}", pl.col("n") % 12)),
        "APPLICABLE_TO": applicable.select(from_key=award_id, to_key=field_of[0], score=pl.lit(0.5)),
    }


def our_seconds(server: GraphServer, frames: Frames, folder: Path) -> Seconds:
    """Seconds of both kinds, then of the same load again; and how many transactions were run again."""
    with Neo4jGraph(Server(server.address, server.secrets), MODEL, Place(address=str(folder))) as graph:
        loaded(graph, frames)
        graph.remove_all()
        seconds = loaded(graph, frames)
        again = loaded(graph, frames)
    return {**seconds, "unchanged": again["nodes"] + again["relationships"]}


def loaded(graph: Neo4jGraph, frames: Frames) -> Seconds:
    """Load everything; a report that does not add up ends the benchmark."""
    started = time.monotonic()
    reports = [graph.load_nodes(one, frames[one.name].lazy()) for one in MODEL.nodes]
    between = time.monotonic()
    reports += [graph.load_relationships(one, frames[one.name].lazy()) for one in MODEL.relationships]
    whole = graph.finish()
    ended = time.monotonic()
    if problems := [problem for one in (*reports, whole) for problem in one.problems]:
        raise SystemExit(f"bench: {problems}")
    retries = sum(one.retries for one in reports)
    return {"nodes": between - started, "relationships": ended - between, "retries": float(retries)}


def plain_seconds(server: GraphServer, frames: Frames) -> Seconds:
    """The same with one MERGE per row and nothing else."""
    with GraphDatabase.driver(server.address, auth=("neo4j", PASSWORD)) as driver, driver.session() as session:
        for statement in schema(MODEL):
            session.run(statement).consume()  # ty: ignore[invalid-argument-type]  # made from the model
        merged(session, frames)
        for pattern in ("()-[e]->()", "(e)"):
            session.run(f"MATCH {pattern} CALL (e) {{ DELETE e }} IN TRANSACTIONS OF 10000 ROWS").consume()
        return merged(session, frames)


def merged(session: Session, frames: Frames) -> Seconds:
    """Merge everything, in one session."""
    started = time.monotonic()
    for node in MODEL.nodes:
        merge(session, f"MERGE (n:{node.label} {{{node.key}: row.{node.key}}}) SET n += row", frames[node.name])
    between = time.monotonic()
    for one in MODEL.relationships:
        a, b = MODEL.node(one.from_label), MODEL.node(one.to_label)
        own = ", ".join(f"r.{part.name} = row.{part.name}" for part in one.properties)
        merge(
            session,
            f"MATCH (a:{a.label} {{{a.key}: row.from_key}}) MATCH (b:{b.label} {{{b.key}: row.to_key}}) "
            f"MERGE (a)-[r:{one.type}]->(b)" + (f" SET {own}" if own else ""),
            frames[one.name],
        )
    return {"nodes": between - started, "relationships": time.monotonic() - between}


def merge(session: Session, cypher: str, frame: pl.DataFrame) -> None:
    """Merge one frame, in transactions of `PLAIN_ROWS`."""
    for batch in frame.iter_slices(PLAIN_ROWS):
        rows = batch.to_dicts()

        def work(transaction: ManagedTransaction, rows: list[dict[str, object]] = rows) -> None:
            transaction.run(f"UNWIND $rows AS row {cypher}", rows=rows).consume()  # ty: ignore[invalid-argument-type]

        session.execute_write(work)


def import_seconds(frames: Frames, folder: Path) -> float:
    """Seconds of the offline import into an empty store, the start of its program included."""
    files = folder / "import"
    files.mkdir()
    arguments = []
    for node in MODEL.nodes:
        header = {name: f"{name}{':ID(' + node.label + ')' if name == node.key else ''}" for name in node.columns}
        frames[node.name].rename(header).write_csv(files / f"{node.name}.csv")
        arguments.append(f"--nodes={node.label}=/files/{node.name}.csv")
    for one in MODEL.relationships:
        header = {"from_key": f":START_ID({one.from_label})", "to_key": f":END_ID({one.to_label})"}
        frames[one.name].rename(header).write_csv(files / f"{one.name}.csv")
        arguments.append(f"--relationships={one.type}=/files/{one.name}.csv")
    images, version = os.environ.get("MILLRACE_IMAGES") or "millrace", os.environ.get("MILLRACE_VERSION") or "dev"
    image = os.environ.get("NEO4J_IMAGE") or f"{images}/neo4j:{version}"
    command = ["docker", "run", "--rm", "--cpus", "2", "--volume", f"{files}:/files:ro", "--tmpfs", "/data:uid=7474"]
    folder.chmod(0o755)  # the container's user has to come in
    started = time.monotonic()
    subprocess.run(
        [*command, image, "neo4j-admin", "database", "import", "full", "neo4j", *arguments],
        check=True,
        capture_output=True,
    )
    return time.monotonic() - started


def median(rounds: list[Seconds]) -> Seconds:
    """Of each figure."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
