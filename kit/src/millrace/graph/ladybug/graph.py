"""The port's verbs on Ladybug.

    parts/Company.parquet   the rows of the last load of a part, with their hashes: at once ledger and source
    graphs/<name>.lbug      databases, named by what they were made of
    current.json            which of them readers open; replaced last

A load writes the part's file. `finish` builds a new database out of all files and switches to it, so readers see the
graph of one `finish` and never a half of two. What was made of the same files is not made again.
"""

import fcntl
import hashlib
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import polars as pl
from typing_extensions import override

from millrace.errors import GraphRefusedError, SourceMissingError
from millrace.files import flush, replace_file
from millrace.graph.around import around
from millrace.graph.changes import compare
from millrace.graph.frames import Incoming, incoming, with_ends
from millrace.graph.ladybug.build import build, connection, count, tables
from millrace.graph.ledger import Ledger, scratch_folder
from millrace.graph.model import FROM_KEY, TO_KEY, GraphModel, Node, Relationship
from millrace.graph.port import Graph
from millrace.graph.queries import Answer, Query
from millrace.graph.reports import GraphReport, Neighbourhood, PartReport
from millrace.quality.rejects import RejectLog
from millrace.stores import Place

_POINTER = "current.json"
_KEPT = 2  # the one before may have readers


class LadybugGraph(Graph):
    """A graph in files.

    Args:
        root: Their folder.
        model: What the graph holds.
    """

    def __init__(self, root: Path, model: GraphModel) -> None:
        self.model = model
        self.address = str(root)
        self._root = root
        self._parts = Ledger(Place(address=str(root / "parts")))

    @override
    def load_nodes(self, node: Node, frame: pl.LazyFrame | pl.DataFrame) -> PartReport:
        started = time.monotonic()
        with scratch_folder() as scratch:
            return self._load(incoming(self.model, node, frame, scratch, is_kept=True), 0, scratch, started)

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
            ends = [self._keys_of(self.model.node(one)) for one in (relationship.from_label, relationship.to_label)]
            given, rejected = with_ends(self.model, given, ends, scratch, rejects, max_rejected_share)
            return self._load(given, rejected, scratch, started)

    @override
    def finish(self) -> GraphReport:
        started = time.monotonic()
        swept: dict[str, int] = {}
        with self._locked():
            for one in self.model.relationships:
                self._drop_hanging(one, swept)
            loads = {part.name: load for part in self.model.parts if (load := self._parts.load_of(part))}
            expected = {
                part.name: _height(self._parts.state(part)) if part.name in loads else 0 for part in self.model.parts
            }
            name = self._name(loads)
            if self._current() != name:
                self._build(name, loads)
        return GraphReport(expected, self.counts(), swept, time.monotonic() - started)

    @override
    def counts(self) -> dict[str, int]:
        if self._current() is None:
            return {part.name: 0 for part in self.model.parts}
        return {part.name: self._answer(count(part), {}, 1).rows[0][0] for part in self.model.parts}

    @override
    def ask(self, query: Query, parameters: Mapping[str, Any] | None = None) -> Answer:
        cypher = query.ladybug or query.cypher
        return self._answer(cypher, query.fitted(parameters or {}), query.row_cap, query.timeout_seconds)

    @override
    def neighbourhood(self, label: str, key: Any, *, depth: int = 1, limit: int = 40) -> Neighbourhood:
        return around(self.model, self._answer, label, key, depth=depth, limit=limit)

    @override
    def close(self) -> None:
        """Nothing is held between calls."""

    def _load(self, given: Incoming, rejected: int, scratch: Path, started: float) -> PartReport:
        part = given.part
        with self._locked():
            before = self._parts.state(part) if self._parts.load_of(part) is not None else None
            changes = compare(given, before, scratch)
            expected = counted = given.count
            if before is None or not changes.is_empty:
                counted = self._parts.keep(part, uuid4().hex, given.rows)
        return PartReport(
            part=part.name,
            rows_in=given.count + rejected,
            added=changes.added,
            changed=changes.changed,
            unchanged=changes.unchanged,
            removed=changes.removed,
            rejected=rejected,
            expected=expected,
            counted=counted,
            seconds=time.monotonic() - started,
        )

    def _keys_of(self, node: Node) -> pl.LazyFrame:
        if self._parts.load_of(node) is None:
            return pl.LazyFrame(schema={"key": self.model.key_dtype(node.label)})
        return self._parts.state(node).select(pl.col(node.key).alias("key"))

    def _drop_hanging(self, one: Relationship, swept: dict[str, int]) -> None:
        """Leave out relationships whose nodes are gone since they were loaded: a copy would refuse them."""
        if self._parts.load_of(one) is None:
            return
        rows = kept = self._parts.state(one)
        for column, label in ((FROM_KEY, one.from_label), (TO_KEY, one.to_label)):
            kept = kept.join(self._keys_of(self.model.node(label)), left_on=column, right_on="key", how="semi")
        hanging = _height(rows) - _height(kept)
        if hanging:
            self._parts.keep(one, uuid4().hex, kept)
            swept[one.name] = hanging

    def _name(self, loads: Mapping[str, str]) -> str:
        made_of = orjson.dumps([sorted(loads.items()), list(tables(self.model))])
        return hashlib.sha256(made_of).hexdigest()[:32]

    def _build(self, name: str, loads: Mapping[str, str]) -> None:
        """Make a database beside the others, give it its name, then show it."""
        folder = self._root / "graphs"
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".building-*"):  # of a killed run: the lock says that nobody else builds
            leftover.unlink()
        building = folder / f".building-{name}"
        build(self.model, {part: self._root / "parts" / f"{part}.parquet" for part in loads}, building)
        flush(building)
        building.replace(folder / f"{name}.lbug")
        flush(folder)
        replace_file(self._root / _POINTER, orjson.dumps({"graph": name}, option=orjson.OPT_APPEND_NEWLINE))
        others = sorted(folder.glob("*.lbug"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[_KEPT:]:
            path.unlink()

    def _current(self) -> str | None:
        try:
            return orjson.loads((self._root / _POINTER).read_bytes())["graph"]
        except FileNotFoundError:
            return None

    def _answer(
        self, cypher: str, parameters: Mapping[str, Any], most: int, timeout_seconds: float | None = None
    ) -> Answer:
        name = self._current()
        if name is None:
            raise SourceMissingError(
                f"graph {self.model.name}", f"no graph in {self.address}", next_step="load it first"
            )
        with connection(self._root / "graphs" / f"{name}.lbug") as opened:
            if timeout_seconds is not None:
                opened.set_query_timeout(int(timeout_seconds * 1000))
            try:
                result = opened.execute(cypher, dict(parameters))
            except RuntimeError as error:  # its only class; all it can be asked for by us is a query
                raise GraphRefusedError(f"graph {self.model.name}", f"Ladybug refuses: {error}") from error
            results = result if isinstance(result, list) else [result]
            rows: list[list[Any]] = []
            while results[-1].has_next() and len(rows) <= most:
                rows.append([_plain(value) for value in results[-1].get_next()])
            return Answer(list(results[-1].get_column_names()), rows[:most], len(rows) > most)

    @contextmanager
    def _locked(self) -> Generator[None]:
        """One writer at a time; another one waits. The kernel frees the lock when its holder dies."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _plain(value: Any) -> Any:
    """A value without what Ladybug says of itself; what is no number, text or list of these becomes text."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in sorted(value.items()) if not name.startswith("_")}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    with suppress(AttributeError):
        return value.isoformat()
    return value


def _height(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())
