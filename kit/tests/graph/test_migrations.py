"""Migrations: once, in order, whatever happens on the way."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from millrace.errors import ConfigurationError, GraphRefusedError, SourceUnavailableError
from millrace.graph import GraphModel
from millrace.graph.neo4j import Server
from millrace.graph.neo4j.migrations import migrate
from millrace.graph.neo4j.schema import apply_schema
from millrace.testing.graphs import MILL

FIRST = "// Counts how often it ran.\nMERGE (c:Counter)\n  SET c.first = coalesce(c.first, 0) + 1;\n"
SECOND = """
MERGE (c:Counter) SET c.second = coalesce(c.second, 0) + 1;
CREATE INDEX counter_name IF NOT EXISTS FOR (c:Counter) ON (c.name);
MERGE (c:Counter) SET c.third = coalesce(c.third, 0) + 1;
"""


@pytest.fixture
def model(tmp_path: Path, server: Server) -> GraphModel:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_first.cypher").write_text(FIRST)
    (folder / "0002_second.cypher").write_text(SECOND)
    apply_schema(server, MILL)
    server.run("DROP INDEX counter_name IF EXISTS")
    return replace(MILL, migrations=folder)


def counter(server: Server) -> dict[str, int]:
    ((found,),) = server.read("MATCH (c:Counter) RETURN properties(c)")
    return found


def test_migrations_are_applied_once_and_in_order(server: Server, model: GraphModel) -> None:
    assert migrate(server, model) == ["mill/0001_first", "mill/0002_second"]
    assert migrate(server, model) == []

    assert counter(server) == {"first": 1, "second": 1, "third": 1}
    assert server.read("SHOW INDEXES YIELD name WHERE name = 'counter_name' RETURN name")


def test_a_new_one_is_applied_to_a_graph_that_has_the_others(server: Server, model: GraphModel) -> None:
    migrate(server, model)
    assert model.migrations is not None
    (model.migrations / "0003_third.cypher").write_text("MATCH (c:Counter) SET c.fourth = 4;")

    assert migrate(server, model) == ["mill/0003_third"]


class DyingServer(Server):
    """Ends before its transaction of this number."""

    last = 0

    def write(self, work: Any) -> Any:
        DyingServer.last -= 1
        if DyingServer.last < 0:
            raise SourceUnavailableError("server", "is gone")
        return super().write(work)


def test_one_that_is_cut_short_goes_on_where_it_stopped(server: Server, model: GraphModel) -> None:
    dying = DyingServer(server.address, server.secrets)
    cut = 0
    for count in range(20):
        server.run("MATCH (n) DETACH DELETE n")
        DyingServer.last = count
        try:
            migrate(dying, model)
        except SourceUnavailableError:
            cut += 1
            migrate(server, model)
        assert counter(server) == {"first": 1, "second": 1, "third": 1}
    dying.close()
    assert 3 < cut < 20


def test_one_that_was_applied_and_has_changed_is_refused(server: Server, model: GraphModel) -> None:
    migrate(server, model)
    assert model.migrations is not None
    (model.migrations / "0001_first.cypher").write_text("MERGE (c:Counter) SET c.first = 100;")

    with pytest.raises(GraphRefusedError, match="mill/0001_first was applied with other content"):
        migrate(server, model)


def test_one_that_was_applied_and_is_gone_is_refused(server: Server, model: GraphModel) -> None:
    migrate(server, model)
    assert model.migrations is not None
    (model.migrations / "0002_second.cypher").unlink()

    with pytest.raises(GraphRefusedError, match="mill/0002_second was applied and is gone"):
        migrate(server, model)


def test_a_folder_that_is_wrong_names_every_problem(server: Server, model: GraphModel) -> None:
    assert model.migrations is not None
    (model.migrations / "0004_gap.cypher").write_text("CREATE INDEX x FOR (c:Counter) ON (c.x);")
    (model.migrations / "notes.txt").write_text("// nothing\n")

    with pytest.raises(ConfigurationError) as refused:
        migrate(server, model)

    assert refused.value.problems == [
        "0004_gap.cypher: number 0003 was expected",
        "0004_gap.cypher: 'CREATE INDEX x FOR (c:Counter) ON (c.x)' lacks IF NOT EXISTS or IF EXISTS",
        "notes.txt: is not named 0001_<name>.cypher",
        "notes.txt: has no statement",
    ]
