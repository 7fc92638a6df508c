"""Going on with what has changed gives what making everything anew gives: row for row, and node for node.

One site goes through a random history and is compared, after every few steps, with one that sees the sources as they
are then for the first time. With `MILLRACE_TEST_WHOLE_MATRIX` set these are more than a usual run has time for.
"""

import importlib.util
import shutil
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.settings import Settings
from millrace.testing.graph_server import GraphServer
from millrace.testing.graphs import graph_contents
from millrace.testing.matrix import is_whole
from millrace_sbir.graph import MODEL
from millrace_sbir.incremental import Earlier

AWARDS, STEPS = 120, 3
HISTORIES = 30 if is_whole() else 2
LOADS = ("loaded_companies", "loaded_sbir_awards", "loaded_contracts", "loaded_patents", "loaded_relationships")
pytestmark = pytest.mark.timeout(600 + 300 * HISTORIES)


@pytest.fixture(scope="module")
def light() -> Generator[dg.DagsterInstance]:
    """An instance in memory: here it is the data that counts, in some twenty runs."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@dataclass
class Travelled:
    """A site without checks, which judge data and make none, and the sources that it has gone along with.

    Attributes:
        site: The site.
        sources: Its sources, which change step by step.
        folder: Of their files.
        newcomer: Makes a site that has seen nothing.
        looked_up: Awards that each step made anew.
    """

    site: Any
    sources: Any
    folder: Path
    newcomer: Callable[[], Any]
    looked_up: list[int] = field(default_factory=list)

    def step(self) -> list[str]:
        """Let things happen, and go along with them; what happened."""
        self.sources.step()
        self.sources.write(self.folder)
        ended = self.site.run()
        assert ended.success, (ended.failures, self.sources.done)
        self.looked_up.append(ended.metadata["enriched_sbir_awards"]["rows_written"])
        return self.sources.done

    def anew(self) -> tuple[Any, Any]:
        """Tables and graph of a site that sees the sources for the first time."""
        site = self.newcomer()
        site.environment = self.site.environment
        ended = site.run()
        assert ended.success, ended.failures
        made = site.tables(), site.graph()
        shutil.rmtree(site.home)
        return made


def _history() -> Any:
    """The module beside this one: tests are imported by path, and have no package."""
    spec = importlib.util.spec_from_file_location("sbir_history", Path(__file__).with_name("history.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def travelled(
    light: dg.DagsterInstance, unchecked_site: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Travelled:
    """A site after its first run. Whatever a test does, tables and graph are those of the sources when it ends."""
    folder, sources = tmp_path_factory.mktemp("sources"), _history().Sources(AWARDS, seed=3)
    site = unchecked_site(tmp_path_factory.mktemp("incremental"), light)
    site.environment = sources.write(folder)
    ended = site.run()
    assert ended.success, ended.failures
    return Travelled(site, sources, folder, lambda: unchecked_site(tmp_path_factory.mktemp("anew"), light))


def test_any_history_ends_where_a_first_run_begins(travelled: Travelled, compared: Callable[..., list[str]]) -> None:
    for _ in range(HISTORIES):
        told = [happened for _ in range(STEPS) for happened in travelled.step()]
        tables, graph = travelled.anew()
        assert compared(travelled.site.tables(), tables) == [], told
        assert compared(travelled.site.graph(), graph) == [], told
    assert min(travelled.looked_up) < AWARDS / 2, "every step made everything anew: nothing was proven"


def test_a_step_that_misses_a_change_is_found_and_a_full_refresh_mends_it(
    travelled: Travelled, compared: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_new(self: Earlier, records: pl.DataFrame) -> pl.DataFrame:
        return records if self.rows is None else records.join(self.rows, on=self.key, how="anti", maintain_order="left")

    with monkeypatch.context() as patch:
        patch.setattr(Earlier, "lacking", only_new)
        travelled.step()
    tables, graph = travelled.anew()

    differing = "\n".join(compared(travelled.site.tables(), tables))
    for name in ("enriched_companies", "enriched_sbir_awards", "classified_sbir_awards"):
        assert f"{name}: " in differing
    assert compared(travelled.site.graph(), graph) != []
    mended = travelled.site.run(job="full_refresh_job")
    assert mended.success, mended.failures
    assert compared(travelled.site.tables(), tables) == []
    assert compared(travelled.site.graph(), graph) == []


def test_a_server_gets_the_graph_that_the_embedded_one_gets(
    travelled: Travelled, compared: Callable[..., list[str]], neo4j_server: GraphServer
) -> None:
    site, address = travelled.site, neo4j_server.address
    shutil.copy(neo4j_server.secrets / "neo4j_password", site.secrets)
    first = site.run(*LOADS, graph=address)
    assert first.success, first.failures
    travelled.step()

    second = site.run(*LOADS, graph=address)

    assert second.success, second.failures
    assert 0 < sum(second.changes().values()) < sum(first.changes().values())
    settings = Settings(home=site.home, graph=address, secrets=site.secrets)
    with settings.graph_of("sbir").open(MODEL) as graph:
        assert compared(graph_contents(graph), site.graph()) == []
