"""Going on with what has changed gives what making everything anew gives: row for row, and node for node.

One site goes through a random history and is compared, after every few steps, with one that sees the sources as they
are then for the first time. `MILLRACE_SBIR_HISTORIES` asks for more of them than a suite has time for:

    MILLRACE_SBIR_HISTORIES=30 pytest code_locations/sbir/tests/jobs/test_incremental.py
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.settings import Settings
from millrace.testing.graph_server import GraphServer
from millrace.testing.graphs import graph_contents
from millrace_sbir.graph import MODEL
from millrace_sbir.incremental import Earlier

AWARDS, STEPS = 120, 3
HISTORIES = int(os.environ.get("MILLRACE_SBIR_HISTORIES", "3"))
Make = Callable[[str], Any]
Compare = Callable[[Any, Any], list[str]]


@pytest.fixture(scope="module")
def history() -> Any:
    """The module beside this one: tests are imported by path, and have no package."""
    spec = importlib.util.spec_from_file_location("sbir_history", Path(__file__).with_name("history.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def light() -> Generator[dg.DagsterInstance]:
    """An instance in memory: here it is the data that counts, in some twenty runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def unchecked(light: dg.DagsterInstance, unchecked_site: Callable[..., Any], tmp_path: Path) -> Make:
    """Makes sites of the domain without its checks, which judge data and make none."""
    return lambda name: unchecked_site(tmp_path / name, light)


def anew(unchecked: Make, environment: dict[str, str], number: int) -> tuple[Any, Any]:
    """Tables and graph of a site that sees the sources for the first time."""
    site = unchecked(f"anew_{number}")
    site.environment = environment
    ended = site.run()
    assert ended.success, ended.failures
    made = site.tables(), site.graph()
    shutil.rmtree(site.home)
    return made


@pytest.mark.timeout(60 + 300 * HISTORIES)
def test_any_history_ends_where_a_first_run_begins(
    unchecked: Make, history: Any, compared: Compare, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    site, sources = unchecked("incremental"), history.Sources(AWARDS, seed=HISTORIES)
    site.environment = sources.write(tmp_path / "sources")
    assert site.run().success
    looked_up = []
    for number in range(HISTORIES):
        told = []
        for _ in range(STEPS):
            sources.step()
            told += sources.done
            sources.write(tmp_path / "sources")
            ended = site.run()
            assert ended.success, (ended.failures, told)
            looked_up.append(ended.metadata["enriched_sbir_awards"]["rows_written"])
        tables, graph = anew(unchecked, site.environment, number)
        assert compared(site.tables(), tables) == [], told
        assert compared(site.graph(), graph) == [], told
    assert min(looked_up) < AWARDS / 2, "every step made everything anew: nothing was proven"


def test_a_step_that_misses_a_change_is_found(
    unchecked: Make, history: Any, compared: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, sources = unchecked("incremental"), history.Sources(AWARDS, seed=7)
    site.environment = sources.write(tmp_path / "sources")
    assert site.run().success
    sources.step()
    sources.write(tmp_path / "sources")

    def only_new(self: Earlier, records: pl.DataFrame) -> pl.DataFrame:
        return records if self.rows is None else records.join(self.rows, on=self.key, how="anti", maintain_order="left")

    with monkeypatch.context() as patch:
        patch.setattr(Earlier, "lacking", only_new)
        assert site.run().success
    tables, graph = anew(unchecked, site.environment, 0)

    differing = "\n".join(compared(site.tables(), tables))
    for name in ("enriched_companies", "enriched_sbir_awards", "classified_sbir_awards"):
        assert f"{name}: " in differing
    assert compared(site.graph(), graph) != []


def test_a_full_refresh_leaves_what_the_runs_before_it_made(
    unchecked: Make, history: Any, compared: Compare, tmp_path: Path
) -> None:
    site, sources = unchecked("refreshed"), history.Sources(AWARDS, seed=11)
    for _ in range(2):
        site.environment = sources.write(tmp_path / "sources")
        assert site.run().success
        sources.step()
    before = site.tables(), site.graph()

    ended = site.run(job="full_refresh_job")

    assert ended.success, ended.failures
    assert compared(site.tables(), before[0]) == []
    assert compared(site.graph(), before[1]) == []
    assert ended.changes() == {"added": 0, "changed": 0, "removed": 0}


def test_a_server_gets_the_graph_that_the_embedded_one_gets(
    unchecked: Make, history: Any, compared: Compare, tmp_path: Path, neo4j_server: GraphServer
) -> None:
    embedded, served, sources = unchecked("embedded"), unchecked("served"), history.Sources(AWARDS, seed=5)
    shutil.copy(neo4j_server.secrets / "neo4j_password", served.secrets)
    for _ in range(2):
        environment = sources.write(tmp_path / "sources")
        served.environment = embedded.environment = environment
        assert served.run(graph=neo4j_server.address).success
        sources.step()
    assert embedded.run().success

    settings = Settings(home=served.home, graph=neo4j_server.address, secrets=served.secrets)
    with settings.graph_of("sbir").open(MODEL) as graph:
        assert compared(graph_contents(graph), embedded.graph()) == []
