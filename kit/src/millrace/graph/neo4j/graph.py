"""The port's verbs on a Neo4j server.

A load reads as little as it can: if marker and ledger agree, and the count store has as many elements, the ledger is
the state before, and where nothing differs nothing is written, not even the marker. Otherwise the part is taken over
and its state read back. What the ledger cannot see is a property that somebody else changed without the marker.
"""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
from typing_extensions import override

from millrace.errors import GraphChangedError, MillraceError
from millrace.graph.around import around
from millrace.graph.changes import ADDED, CHANGED, REMOVED, Changes, compare
from millrace.graph.frames import HASH, Incoming, incoming, with_ends
from millrace.graph.ledger import Ledger, scratch_folder
from millrace.graph.model import FROM_KEY, TO_KEY, GraphModel, Node, Part, Relationship
from millrace.graph.neo4j import statements
from millrace.graph.neo4j.marker import Marker
from millrace.graph.neo4j.migrations import migrate
from millrace.graph.neo4j.read_back import read_back
from millrace.graph.neo4j.schema import apply_schema
from millrace.graph.neo4j.server import Server
from millrace.graph.neo4j.values import plain
from millrace.graph.neo4j.writer import BATCH_ROWS, WORKERS, Statement, Writer
from millrace.graph.port import Graph
from millrace.graph.queries import Answer, Query
from millrace.graph.reports import GraphReport, Neighbourhood, PartReport
from millrace.quality.rejects import RejectLog
from millrace.stores import Place


@dataclass(frozen=True)
class Tuning:
    """How loads go about it.

    Attributes:
        workers: Transactions at once.
        batch_rows: Rows of a transaction, by label or type; 5,000 where nothing is said.
        lease_seconds: How long another load may be silent before it counts as dead.
    """

    workers: int = WORKERS
    batch_rows: Mapping[str, int] = field(default_factory=dict)
    lease_seconds: float = 15.0


class Neo4jGraph(Graph):
    """A graph in a Neo4j server.

    Args:
        server: The server.
        model: What the graph holds.
        ledgers: Where the ledgers of this server lie.
        tuning: How loads go about it.
    """

    def __init__(self, server: Server, model: GraphModel, ledgers: Place, tuning: Tuning | None = None) -> None:
        self.server = server
        self.model = model
        self.address = server.address
        self._ledger = Ledger(ledgers)
        self._tuning = tuning or Tuning()
        self._is_prepared = False

    @override
    def load_nodes(self, node: Node, frame: pl.LazyFrame | pl.DataFrame) -> PartReport:
        started = time.monotonic()
        with scratch_folder() as scratch:
            given = incoming(self.model, node, frame, scratch, is_kept=False)
            return self._load(given, 0, scratch, started)

    @override
    def load_relationships(
        self,
        relationship: Relationship,
        frame: pl.LazyFrame | pl.DataFrame,
        *,
        rejects: RejectLog | None = None,
        max_rejected_share: float = 0.0,
    ) -> PartReport:
        started = time.monotonic()
        with scratch_folder() as scratch:
            given = incoming(self.model, relationship, frame, scratch, is_kept=True)
            labels = (relationship.from_label, relationship.to_label)
            there = {label: self._keys_of(self.model.node(label), scratch) for label in set(labels)}
            ends = [there[label] for label in labels]
            given, rejected = with_ends(self.model, given, ends, scratch, rejects, max_rejected_share)
            return self._load(given, rejected, scratch, started)

    @override
    def finish(self) -> GraphReport:
        started = time.monotonic()
        self.prepare()
        swept: dict[str, int] = {}
        with scratch_folder() as scratch:
            for part in self.model.parts:
                self._require_settled(part, scratch)
            for node in self.model.nodes:
                self._sweep(node, scratch, swept)
        expected = {}
        for part in self.model.parts:
            known = self._ledger_of(part)
            expected[part.name] = _height(known[1]) if known else 0
        counted = self.counts()
        for part in self.model.parts:
            if counted[part.name] != expected[part.name]:
                self._marker(part).distrust()  # its next load reads the graph, and mends it
        return GraphReport(expected, counted, swept, time.monotonic() - started)

    @override
    def counts(self) -> dict[str, int]:
        return {part.name: self._count(part) for part in self.model.parts}

    @override
    def ask(self, query: Query, parameters: Mapping[str, Any] | None = None) -> Answer:
        return self._answer(query.cypher, query.fitted(parameters or {}), query.row_cap, query.timeout_seconds)

    @override
    def neighbourhood(self, label: str, key: Any, *, depth: int = 1, limit: int = 40) -> Neighbourhood:
        return around(self.model, self._answer, label, key, depth=depth, limit=limit)

    @override
    def close(self) -> None:
        self.server.close()

    def prepare(self) -> None:
        """Bring constraints, indexes and migrations up to what the model says; once for each object of this class.

        Raises:
            GraphRefusedError: a migration fails, or was changed after it had been applied.
        """
        if not self._is_prepared:
            apply_schema(self.server, self.model)
            migrate(self.server, self.model)
            self._is_prepared = True

    def remove_all(self) -> None:
        """Remove everything that is of the model, relationships first; constraints and migrations stay."""
        self.prepare()
        for part in reversed(self.model.parts):
            with self._held(part, None):
                self.server.run(statements.remove_all(part))
            self._marker(part).distrust()

    def _load(self, given: Incoming, rejected: int, scratch: Path, started: float) -> PartReport:
        """Make a part what was given, on the ledger if that is to be trusted, else on the graph itself."""
        self.prepare()
        part = given.part
        known = self._ledger_of(part)
        if known is not None and self._count(part) == _height(known[1]):
            last, before = known
            changes = compare(given, before, scratch)
            if changes.is_empty:
                if self._marker(part).last_load() != last:
                    raise GraphChangedError(f"{self.address} {part.name}", "another load began meanwhile")
                return self._report(changes, given, rejected, _height(before), started)
            with self._held(part, last) as writer:
                return self._apply(writer, given, rejected, changes, before, started)
        with self._held(part, None) as writer:
            before, is_read_back = None, self._count(part) > 0
            if is_read_back:
                before = self._read_back(part, scratch, writer)
            changes = compare(given, before, scratch)
            return self._apply(writer, given, rejected, changes, before, started, is_read_back=is_read_back)

    def _apply(
        self,
        writer: Writer,
        given: Incoming,
        rejected: int,
        changes: Changes,
        before: pl.LazyFrame | None,
        started: float,
        *,
        is_read_back: bool = False,
    ) -> PartReport:
        part = given.part
        self._write(writer, part, changes)
        state = given.keys
        if isinstance(part, Node):  # what is gone is there until `finish`
            gone = [changes.gone, *([_still_gone(given, before)] if before is not None else [])]
            state = pl.concat([state, *(one.with_columns(pl.lit(None, pl.Int64).alias(HASH)) for one in gone)])
        expected = self._ledger.keep(part, writer.load, state)
        counted = self._count(part)
        if counted == expected:
            writer.marker.complete(writer.load)
        else:  # the next load reads the graph, and mends it
            writer.marker.abandon(writer.load)
        return self._report(
            changes, given, rejected, counted, started, expected, is_read_back=is_read_back, retries=writer.retries
        )

    def _write(self, writer: Writer, part: Part, changes: Changes) -> None:
        columns = statements.columns(self.model, part)
        todo = {
            ADDED: Statement(statements.add(self.model, part), columns),
            CHANGED: Statement(statements.change(self.model, part), columns),
        }
        if isinstance(part, Node):
            writer.write(todo, writer.spread(changes.batches(writer.batch_rows)))
            return
        self._remove(writer, part, changes.gone)
        for what, count in ((CHANGED, changes.changed), (ADDED, changes.added)):
            if count:
                writer.write(todo, writer.parted(part, what, changes.rows(what)))

    def _remove(self, writer: Writer, part: Part, keys: pl.LazyFrame) -> None:
        statement = {REMOVED: Statement(statements.remove(self.model, part), part.key_columns)}
        if isinstance(part, Relationship):
            writer.write(statement, writer.parted(part, REMOVED, keys))
            return
        batches = keys.collect_batches(chunk_size=writer.batch_rows, engine="streaming")
        writer.write(statement, writer.spread((REMOVED, batch) for batch in batches))

    def _sweep(self, node: Node, scratch: Path, swept: dict[str, int]) -> None:
        """Remove nodes that are gone, with the relationships that no load has removed before."""
        known = self._ledger_of(node)
        if known is None:
            return
        file = scratch / f"sweep-{node.name}.parquet"
        known[1].filter(pl.col(HASH).is_null()).select(node.key).sink_parquet(file)
        gone = pl.scan_parquet(file)
        if not _height(gone):
            return
        for one in self.model.relationships_of(node.label):
            hanging_of = self._ledger_of(one)
            if hanging_of is None:
                continue
            ends = [
                column for column, label in ((FROM_KEY, one.from_label), (TO_KEY, one.to_label)) if label == node.label
            ]
            hanging = pl.concat(
                hanging_of[1].join(gone, left_on=end, right_on=node.key, how="semi").select(one.key_columns)
                for end in ends
            ).unique()
            self._remove_part(one, hanging_of, hanging.collect(engine="streaming").lazy(), swept)
        self._remove_part(node, known, gone, swept)

    def _remove_part(
        self, part: Part, known: tuple[str, pl.LazyFrame], keys: pl.LazyFrame, swept: dict[str, int]
    ) -> None:
        count = _height(keys)
        if not count:
            return
        with self._held(part, known[0]) as writer:
            self._remove(writer, part, keys)
            left = known[1].join(keys, on=list(part.key_columns), how="anti")
            self._ledger.keep(part, writer.load, left)
            writer.marker.complete(writer.load)
        swept[part.name] = swept.get(part.name, 0) + count

    def _require_settled(self, part: Part, scratch: Path) -> None:
        """See to it that marker and ledger of a part agree, or that it was never loaded."""
        marker = self._marker(part)
        last = marker.last_load()
        if last is None:
            if not marker.is_unknown():
                cut = "its load is not at its end, or was cut short"
                raise GraphChangedError(f"{self.address} {part.name}", cut, next_step="load it again, then finish")
        elif self._ledger.load_of(part) != last:
            with self._held(part, last) as writer:
                self._ledger.keep(part, writer.load, self._read_back(part, scratch, writer))
                writer.marker.complete(writer.load)

    def _read_back(self, part: Part, scratch: Path, writer: Writer) -> pl.LazyFrame:
        """The state of a part that this load holds; what is there several times is removed."""
        found, copies = read_back(self.server, self.model, part, scratch, lambda: writer.marker.touch(writer.load))
        if _height(copies):
            self.server.run(*_all_copies(self.model, part, copies))
        return found

    def _keys_of(self, node: Node, scratch: Path) -> pl.LazyFrame:
        """Keys of the nodes that were loaded and are not gone, in a column `key`."""
        known = self._ledger_of(node)
        if known is not None and self._count(node) == _height(known[1]):
            state = known[1].filter(pl.col(HASH).is_not_null())
        else:
            state, _ = read_back(self.server, self.model, node, scratch)
        return state.select(pl.col(node.key).alias("key"))

    def _ledger_of(self, part: Part) -> tuple[str, pl.LazyFrame] | None:
        """The last load of a part and its ledger; None if they do not agree."""
        last = self._marker(part).last_load()
        if last is None or self._ledger.load_of(part) != last:
            return None
        return last, self._ledger.state(part)

    @contextmanager
    def _held(self, part: Part, last: str | None) -> Generator[Writer]:
        """Take a part over for a load; its marker says so until the block ends it."""
        load = uuid4().hex
        marker = self._marker(part)
        rows = self._tuning.batch_rows.get(part.name, BATCH_ROWS)
        marker.take(load, last, self._tuning.workers)
        try:
            yield Writer(self.server, marker, load, self._tuning.workers, rows)
        except BaseException:
            with suppress(MillraceError):  # whoever took over, or cannot be reached, needs no word
                marker.abandon(load)
            raise

    def _marker(self, part: Part) -> Marker:
        return Marker(self.server, part, self._tuning.lease_seconds)

    def _count(self, part: Part) -> int:
        return self.server.read(statements.count(part))[0]["count"]

    def _answer(
        self, cypher: str, parameters: Mapping[str, Any], most: int, timeout_seconds: float | None = None
    ) -> Answer:
        columns, rows = self.server.read_some(cypher, parameters, most=most + 1, timeout_seconds=timeout_seconds)
        return Answer(
            list(columns), [[plain(value) for value in row.values()] for row in rows[:most]], len(rows) > most
        )

    def _report(
        self,
        changes: Changes,
        given: Incoming,
        rejected: int,
        counted: int,
        started: float,
        expected: int | None = None,
        *,
        is_read_back: bool = False,
        retries: int = 0,
    ) -> PartReport:
        return PartReport(
            part=given.part.name,
            rows_in=given.count + rejected,
            added=changes.added,
            changed=changes.changed,
            unchanged=changes.unchanged,
            removed=changes.removed,
            rejected=rejected,
            expected=counted if expected is None else expected,
            counted=counted,
            is_read_back=is_read_back,
            retries=retries,
            seconds=time.monotonic() - started,
        )


def _still_gone(given: Incoming, before: pl.LazyFrame) -> pl.LazyFrame:
    """Keys of nodes that were gone before, were not swept, and have not returned."""
    gone = before.filter(pl.col(HASH).is_null()).select(given.key_columns).collect(engine="streaming").lazy()
    returned = given.keys.join(gone, on=given.key_columns, how="semi").collect(engine="streaming").lazy()
    return gone.join(returned, on=given.key_columns, how="anti")


def _height(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


def _all_copies(model: GraphModel, part: Part, copies: pl.LazyFrame) -> tuple[str, dict[str, Any]]:
    """The statement that deletes every copy of some relationships, and its parameters."""
    keys = copies.collect()
    names = list(part.key_columns)
    return statements.remove(model, part), {f"c{place}": keys[name].to_list() for place, name in enumerate(names)}
