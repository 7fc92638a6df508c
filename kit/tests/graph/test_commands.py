"""`millrace graph …` on an embedded graph."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from click.testing import CliRunner, Result

from millrace.cli.graph import graphs
from millrace.cli.main import cli
from millrace.compose.project import Project
from millrace.errors import MillraceError
from millrace.graph.ladybug import LadybugGraph
from millrace.testing.graphs import MILL, load_state, made_state

QUERIES = {
    "largest_grants": {
        "title": "The largest grants",
        "description": "By their amount.",
        "parameters": {"count": {"type": "integer", "default": 2, "description": "how many"}},
        "cypher": "this is not Cypher",
        "ladybug": "MATCH (g:Grant) RETURN g.grant_id AS id, g.amount_usd AS usd ORDER BY usd DESC LIMIT $count",
    }
}
Run = Callable[..., Result]


@pytest.fixture
def run(workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a home whose domain `mill` has a loaded graph and a query."""
    queries = tmp_path / "queries.yaml"
    queries.write_text(yaml.safe_dump({"queries": QUERIES}))
    head = (
        "from dataclasses import replace\nfrom millrace.testing.graphs import MILL\n"
        f"from pathlib import Path as P\nMODEL = replace(MILL, queries=P({str(queries)!r}))\n"
    )
    workshop.write("", head=head, definition="graph=__name__ + ':MODEL'")
    found = {"mill": graphs()["mill"]}  # other domains that are installed may have one too
    monkeypatch.setattr("millrace.cli.graph.graphs", lambda: found)
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path / "home"))
    load_state(LadybugGraph(tmp_path / "home" / "graph" / "mill", MILL), made_state())
    return lambda *arguments: CliRunner().invoke(cli, ["graph", *arguments])


def test_a_query_is_answered_as_a_table(run: Run) -> None:
    result = run("ask", "largest_grants", "--param", "count=1")

    assert result.exit_code == 0, result.output
    assert "The largest grants" in result.output
    assert "│  8 │" in result.output


def test_a_query_is_answered_as_json(run: Run) -> None:
    result = run("ask", "largest_grants", "--json", "--domain", "mill")

    assert [json.loads(line)["id"] for line in result.output.splitlines()] == [8, 7]


def test_the_queries_are_listed_with_their_parameters(run: Run) -> None:
    assert "count=2" in run("queries").output
    assert json.loads(run("queries", "--json").output)["largest_grants"]["row_cap"] == 1_000


def test_an_unknown_query_is_answered_with_what_is_near(run: Run) -> None:
    result = run("ask", "largest_grant")

    assert isinstance(result.exception, MillraceError)
    assert "did you mean largest_grants?" in str(result.exception)


def test_a_wrong_parameter_is_a_wrong_usage(run: Run) -> None:
    assert run("ask", "largest_grants", "--param", "=3").exit_code == 2


def test_a_node_is_drawn(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "firm.svg"

    result = run("picture", "Firm/F000001", "--depth", "2", "--out", str(out))

    assert result.exit_code == 0, result.output
    texts = {element.text for element in ET.parse(out).iter() if element.tag.endswith("text")}  # noqa: S314  # ours
    assert {"Firm 1 0", "Grant (2), RECEIVED", "Firm", "Grant"} <= texts
    assert any(text.startswith("Firm F000001: ") and text.endswith(" nodes around it") for text in texts if text)


def test_the_status_has_every_part(run: Run, tmp_path: Path) -> None:
    found = json.loads(run("status", "--json").output)

    assert found["counts"] == {"Firm": 4, "Grant": 9, "RECEIVED": 9, "LEADS_TO": 8}
    assert found["address"] == str(tmp_path / "home" / "graph" / "mill")


def test_an_embedded_graph_has_no_server_to_switch_to(run: Run) -> None:
    result = run("switch", "neo4j-rebuild")

    assert "set MILLRACE_GRAPH" in str(result.exception)


def test_the_model_is_printed_as_markdown(run: Run) -> None:
    assert run("model").output.startswith("# The graph of `mill`\n\n```mermaid\nflowchart LR")


def test_another_domain_has_no_graph(run: Run) -> None:
    assert "these have: mill" in str(run("status", "--domain", "museum").exception)


def test_in_containers_the_same_command_runs_inside_of_the_domains_own(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def run_inside(_: Project, service: str, *arguments: str) -> bytes:
        asked.append((service, *arguments))
        return b"an answer\n"

    monkeypatch.setattr(Project, "run_inside", run_inside)

    result = run("ask", "largest_grants", "--param", "count=1", "--json", "--compose")

    assert result.output == "an answer\n"
    inside = ("millrace", "graph", "ask", "largest_grants", "--param=count=1", "--json", "--domain=mill")
    assert asked == [("mill", *inside)]
