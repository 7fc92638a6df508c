"""The marker: nodes in the graph that say who loads a part now, and which load was the last that ended.

    (:MillraceLoad {id: "Company/0", part: "Company", load: <id>, state: "complete", batch: 12, touched: <time>})

A part has one for each worker that ever wrote it, all with the same load and state. What belongs here: taking a part
over, keeping it, letting it go. What does not: what is loaded.

Each batch first writes its worker's marker, which locks it, and then looks whether the load is still its own. Who takes
a part over writes all of its markers: that waits for the batches under way, and every later one of the other load
fails. So a load that believes itself alone is alone. And since the number of the batch stands there, in the batch's own
transaction, a batch whose commit was not answered is not written twice.
"""

import time
from dataclasses import dataclass
from typing import Any

from millrace.errors import GraphChangedError
from millrace.graph.model import Part
from millrace.graph.neo4j.server import Server, Transaction
from millrace.graph.neo4j.statements import LOAD_LABEL

_LOADING, _COMPLETE, _ENDED = "loading", "complete", "ended"
_POLL_SECONDS = 0.25

_SEEN = f"""
MATCH (m:{LOAD_LABEL} {{part: $part}})
RETURN m.load AS load, m.state AS state, duration.inSeconds(m.touched, datetime()).seconds AS age_seconds
"""
# Ordered, so that two at once lock the markers in the same order.
_LOCK = f"MATCH (m:{LOAD_LABEL} {{part: $part}}) WITH m ORDER BY m.id SET m.touched = m.touched"
_TAKE = f"""
UNWIND range(0, $workers - 1) AS worker
MERGE (m:{LOAD_LABEL} {{id: $part + '/' + worker}}) SET m.part = $part
"""
_STATE = f"""
MATCH (m:{LOAD_LABEL} {{part: $part}})
SET m.load = $load, m.state = $state, m.touched = datetime(), m.batch = 0
"""
_BATCH = f"""
MATCH (m:{LOAD_LABEL} {{id: $id}}) SET m.touched = datetime()
WITH m, m.load AS load, m.batch AS done SET m.batch = $batch RETURN load, done
"""
_TOUCH = f"MATCH (m:{LOAD_LABEL} {{id: $part + '/0'}}) SET m.touched = datetime() RETURN m.load AS load"


@dataclass(frozen=True)
class Marker:
    """The marker of one part.

    Attributes:
        server: Where it is.
        part: The part.
        lease_seconds: How long a load may be silent before another takes over without waiting.
    """

    server: Server
    part: Part
    lease_seconds: float

    def last_load(self) -> str | None:
        """Id of the load that ended last; None if none did, or one is under way or was cut short.

        Waits while somebody else loads the part and says so.
        """
        while True:
            seen = self.server.read(_SEEN, {"part": self.part.name})
            loads = {row["load"] for row in seen}
            states = {row["state"] for row in seen}
            if states == {_COMPLETE} and len(loads) == 1:
                return loads.pop()
            if _LOADING not in states or min(row["age_seconds"] for row in seen) >= self.lease_seconds:
                return None
            time.sleep(_POLL_SECONDS)

    def is_unknown(self) -> bool:
        """Whether the part was never loaded here."""
        return not self.server.read(_SEEN, {"part": self.part.name})

    def take(self, load: str, last: str | None, workers: int) -> None:
        """Take the part over; batches of others that are under way are waited for.

        Args:
            load: Id of the load that begins.
            last: Id of the load that it builds on; None if it reads the graph itself.
            workers: Number of its workers.

        Raises:
            GraphChangedError: it builds on a load that is no longer the last.
        """

        def work(transaction: Transaction) -> None:
            transaction.run(_LOCK, part=self.part.name).consume()
            seen = transaction.run(_SEEN, part=self.part.name)
            found = {(row["load"], row["state"]) for row in seen}
            if last is not None and found != {(last, _COMPLETE)}:
                raise self._lost()
            transaction.run(_TAKE, part=self.part.name, workers=workers).consume()
            transaction.run(_STATE, part=self.part.name, load=load, state=_LOADING).consume()

        self.server.write(work)

    def touch(self, load: str) -> None:
        """Say that the load goes on.

        Raises:
            GraphChangedError: another took over.
        """

        def work(transaction: Transaction) -> Any:
            return transaction.run(_TOUCH, part=self.part.name).single(strict=True)["load"]

        if self.server.write(work) != load:
            raise self._lost()

    def batch(self, transaction: Transaction, load: str, worker: int, number: int) -> bool:
        """Open a batch in its own transaction; say whether it is still to be written.

        Args:
            transaction: The transaction.
            load: Id of the load.
            worker: Number of the worker.
            number: Of its batch, from 1.

        Raises:
            GraphChangedError: another took over.
        """
        found = transaction.run(_BATCH, id=f"{self.part.name}/{worker}", batch=number).single()
        if found is None or found["load"] != load:
            raise self._lost()
        return found["done"] < number

    def complete(self, load: str) -> None:
        """Say that the load ended and the ledger is of it.

        Raises:
            GraphChangedError: another took over.
        """
        self._end(load, _COMPLETE)

    def abandon(self, load: str) -> None:
        """Say that the load ended before its end: nobody needs to wait for it."""
        self._end(load, _ENDED)

    def distrust(self) -> None:
        """Have the next load read the graph itself."""

        def work(transaction: Transaction) -> None:
            transaction.run(_STATE, part=self.part.name, load="", state=_ENDED).consume()

        self.server.write(work)

    def _end(self, load: str, state: str) -> None:
        def work(transaction: Transaction) -> None:
            transaction.run(_LOCK, part=self.part.name).consume()
            seen = transaction.run(_SEEN, part=self.part.name)
            if {row["load"] for row in seen} != {load}:
                raise self._lost()
            transaction.run(_STATE, part=self.part.name, load=load, state=state).consume()

        self.server.write(work)

    def _lost(self) -> GraphChangedError:
        return GraphChangedError(
            f"{self.server.address} {self.part.name}", "another load took over", next_step="it is loaded again"
        )
