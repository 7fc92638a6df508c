"""A domain with a graph: its resource in a job, and what a domain without one is spared."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from millrace.errors import ConfigurationError
from millrace.graph.ladybug import LadybugGraph
from millrace.graph.resource import GraphResource
from millrace.location import assemble
from millrace.settings import Settings
from millrace.stores import Place
from millrace.testing import materialize_job
from millrace.testing.graphs import MILL, graph_contents, made_state, state_contents

DEFS = '''
import dagster as dg
from millrace.graph.resource import GraphResource
from millrace.runs import stage
from millrace.testing.graphs import load_state, made_state

@dg.asset
@stage
def loaded_everything(graph: GraphResource) -> dg.MaterializeResult:
    """The made-up state."""
    with graph.open() as loader:
        reports, whole = load_state(loader, made_state())
    return dg.MaterializeResult(metadata={f"{one.part}_added": one.figures()["added"] for one in reports})
'''
MODEL = "millrace.testing.graphs:MILL"


def test_an_asset_loads_the_graph_of_its_domain(workshop: Any, tmp_path: Path, instance: dg.DagsterInstance) -> None:
    domain = workshop.write(DEFS, graph=MODEL)

    result = materialize_job(domain, "whole_job", tmp_path, instance)

    assert result.success
    assert graph_contents(LadybugGraph(tmp_path / "graph" / "mill", MILL)) == state_contents(made_state())


def test_how_a_graph_is_loaded_stands_in_the_config(workshop: Any, tmp_path: Path) -> None:
    domain = workshop.write(DEFS, graph=MODEL, config={"graph": {"workers": 3, "batch_rows": {"Firm": 50}}})

    graph = (assemble(domain, Settings(home=tmp_path)).resources or {})["graph"]

    assert isinstance(graph, GraphResource)
    assert (graph.workers, graph.batch_rows) == (3, {"Firm": 50})


def test_a_batch_size_of_what_is_not_in_the_model_is_refused(tmp_path: Path) -> None:
    place = Settings(home=tmp_path).graph_of("mill")
    graph = GraphResource(model=MODEL, place=place, batch_rows={"Frim": 5})

    with pytest.raises(ConfigurationError, match=r"graph\.batch_rows names Frim, which is not in the model"):
        graph.open()


@pytest.mark.parametrize(
    "model", ["millrace.nothing:MODEL", "millrace.testing.graphs:NOTHING", "millrace.errors:errno"]
)
def test_a_model_that_is_not_there_is_said(tmp_path: Path, model: str) -> None:
    place = Settings(home=tmp_path).graph_of("mill")

    with pytest.raises(ConfigurationError, match=f"graph model {model}"):
        GraphResource(model=model, place=place).open()


def test_the_setting_names_servers_and_without_it_the_graph_lies_in_the_home(tmp_path: Path) -> None:
    embedded = Settings.from_environment({"MILLRACE_HOME": str(tmp_path)}).graph_of("mill")
    two = {"MILLRACE_GRAPH": "bolt://neo4j:7687, bolt://other", "MILLRACE_OBJECT_STORE": "http://store:9000"}
    place = Settings.from_environment(two).graph_of("mill")

    assert embedded.open(MILL).address == str(tmp_path / "graph" / "mill")
    assert (place.names(), place.beside.address) == (["neo4j", "other"], "s3://millrace/graph/mill")


def test_ladybug_needs_a_folder() -> None:
    place = Settings(home=Path("/nowhere")).graph_of("mill").model_copy(update={"beside": Place(address="s3://b/p")})

    with pytest.raises(ConfigurationError, match="set MILLRACE_GRAPH"):
        place.open(MILL)


def test_neither_database_is_imported_before_a_graph_is_opened() -> None:
    code = (
        "import sys, millrace.location, millrace.graph, millrace.graph.neo4j, millrace.graph.ladybug\n"
        "assert not {'neo4j', 'ladybug'} & set(sys.modules), 'imported'"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stderr
