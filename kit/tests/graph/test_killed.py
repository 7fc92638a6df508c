"""A loader or a server that is killed at any moment: the next load leads to the graph of an undisturbed one."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from millrace.errors import MillraceError, is_transient
from millrace.graph.neo4j import Neo4jGraph, Server, Tuning
from millrace.stores import Place
from millrace.testing import seeded_part
from millrace.testing.graph_server import GraphServer
from millrace.testing.graphs import MILL, graph_contents, load_state, made_state, state_contents

pytestmark = pytest.mark.faults
LOADER = Path(__file__).with_name("loader.py")
FIRMS, GRANTS = 20, 200  # as in the loader


class CountingServer(Server):
    """Counts its transactions, and does something beside one of them."""

    written = 0
    at = -1

    def write(self, work: Any) -> Any:
        CountingServer.written += 1
        if CountingServer.written == self.at:
            self.deed()
        return super().write(work)

    def deed(self) -> None:
        """Nothing."""


def tuning() -> Tuning:
    return Tuning(lease_seconds=0.5, batch_rows={part.name: 20 for part in MILL.parts})


def undisturbed(server: Server, folder: Path) -> int:
    """Transactions of a first load."""
    CountingServer.written = 0
    place = Place(address=str(folder))
    with Neo4jGraph(CountingServer(server.address, server.secrets), MILL, place, tuning()) as graph:
        load_state(graph, made_state(FIRMS, GRANTS))
        assert graph_contents(graph) == state_contents(made_state(FIRMS, GRANTS))
    return CountingServer.written


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_loader_that_is_killed_at_any_moment_leaves_what_the_next_one_completes(
    opened: Callable[..., Neo4jGraph], server: Server, tmp_path: Path, when: str
) -> None:
    count = undisturbed(server, tmp_path / "ledger")
    assert count > 30  # many moments to die
    random = Random(when)  # noqa: S311  # moments, no secret

    for seed in seeded_part(range(1, 9), 2):
        arguments = [server.address, server.secrets, tmp_path / "ledger", seed, random.randint(1, count // 4), when]
        ended = subprocess.run([sys.executable, str(LOADER), *map(str, arguments)], check=False)
        assert ended.returncode == -signal.SIGKILL
        graph, state = opened(), made_state(FIRMS, GRANTS, seed)

        reports, whole = load_state(graph, state)

        assert [problem for one in (*reports, whole) for problem in one.problems] == []
        assert graph_contents(graph) == state_contents(state)


@pytest.mark.parametrize("seed", seeded_part([1, 2, 3], 1))
def test_a_server_that_is_killed_under_a_load_has_the_graph_of_the_next_load(
    kept_neo4j_server: GraphServer, kept_server: Server, tmp_path: Path, seed: int
) -> None:
    class DoomedServer(CountingServer):
        at = Random(seed).randint(5, 30)  # noqa: S311  # a moment, no secret

        def deed(self) -> None:
            restarting.start()

    def restart() -> None:
        kept_neo4j_server.kill()
        kept_neo4j_server.start_again()

    restarting = threading.Thread(target=restart)
    state, failures = made_state(FIRMS, GRANTS, seed), []
    CountingServer.written = 0
    doomed = DoomedServer(kept_server.address, kept_server.secrets)
    with Neo4jGraph(doomed, MILL, Place(address=str(tmp_path)), tuning()) as graph:
        try:  # the driver tries for half a minute, which may be long enough
            load_state(graph, state)
        except MillraceError as error:
            failures.append(error)
        restarting.join()  # an error if it was never begun

        assert all(is_transient(error) for error in failures)
        reports, whole = load_state(graph, state)

        assert [problem for one in (*reports, whole) for problem in one.problems] == []
        assert graph_contents(graph) == state_contents(state)
