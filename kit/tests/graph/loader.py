"""A process that loads a state of the small graph and kills itself, for tests.

loader.py ADDRESS SECRETS LEDGERS SEED COUNT before|after

It dies before or after the commit of the transaction that has this number.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from millrace.graph.neo4j import Neo4jGraph, Server, Tuning
from millrace.stores import Place
from millrace.testing.graphs import MILL, load_state, made_state

address, secrets, ledgers, seed, count, when = sys.argv[1:]


class MortalServer(Server):
    """Counts its transactions."""

    written = 0

    def write(self, work: Any) -> Any:
        """Die in time."""
        MortalServer.written += 1
        is_last = MortalServer.written >= int(count)
        if is_last and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = super().write(work)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result


tuning = Tuning(lease_seconds=0.5, batch_rows={part.name: 20 for part in MILL.parts})
with Neo4jGraph(MortalServer(address, Path(secrets)), MILL, Place(address=ledgers), tuning) as graph:
    load_state(graph, made_state(20, 200, int(seed)))
