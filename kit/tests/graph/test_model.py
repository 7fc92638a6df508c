"""The declaration of a graph, and how it is shown to people."""

import polars as pl
import pytest

from millrace.errors import ConfigurationError
from millrace.graph import GraphModel, Node, Property, Relationship
from millrace.graph.documentation import markdown, mermaid
from millrace.graph.neo4j.statements import schema
from millrace.testing.graphs import MILL, RECEIVED


def test_a_model_that_is_wrong_names_every_problem_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        GraphModel(
            "wrong",
            (
                Node("firm", "id", "d", (Property("Id", pl.String, "d"), Property("Id", pl.UInt8, ""))),
                Node("MillraceFirm", "f", "", (Property("f", pl.Float64, "d"),), title="name"),
            ),
            (Relationship("owns", "Firm", "firm", "d", (Property("from_key", pl.String, "d"),), key=("role",)),),
        )

    assert refused.value.problems == [
        "firm: a label is in PascalCase and does not begin with Millrace",
        "firm.Id: declared 2 times",
        "firm.Id: a property is in snake_case",
        "firm.Id: a property is in snake_case",
        f"firm.Id: UInt8 is none of {dtypes()}",
        "firm.Id: has no description",
        "firm: its key 'id' is none of its properties",
        "firm: its title 'id' is none of its properties",
        "MillraceFirm: a label is in PascalCase and does not begin with Millrace",
        "MillraceFirm: has no description",
        "MillraceFirm: its key 'f' is Float64, not String or Int64",
        "MillraceFirm: its title 'name' is none of its properties",
        "owns: a type is in UPPER_CASE",
        "owns: there is no node Firm",
        "owns: its key 'role' is none of its properties",
        "owns: from_key is the column of an end and cannot be a property",
    ]


def dtypes() -> str:
    lists = (pl.List(one) for one in (pl.String, pl.Int64, pl.Float64))
    return ", ".join(map(str, (pl.String, pl.Int64, pl.Float64, pl.Boolean, pl.Date, *lists)))


def test_two_parts_of_one_name_are_refused() -> None:
    key = Property("k", pl.String, "d")

    with pytest.raises(ConfigurationError, match="has: 2 parts have this name"):
        GraphModel("m", (Node("Has", "k", "d", (key,)),), (Relationship("HAS", "Has", "Has", "d"),))


def test_a_frame_of_relationships_begins_with_the_keys_of_both_ends() -> None:
    assert MILL.columns(RECEIVED) == {"from_key": pl.String, "to_key": pl.Int64, "share": pl.Float64}


def test_every_key_has_a_constraint_and_every_other_indexed_property_an_index() -> None:
    assert list(schema(MILL)) == [
        "CREATE CONSTRAINT firm_firm_id IF NOT EXISTS FOR (n:Firm) REQUIRE n.firm_id IS UNIQUE",
        "CREATE CONSTRAINT grant_grant_id IF NOT EXISTS FOR (n:Grant) REQUIRE n.grant_id IS UNIQUE",
        "CREATE INDEX firm_name IF NOT EXISTS FOR (n:Firm) ON (n.name)",
    ]


def test_the_documentation_has_a_diagram_and_every_property() -> None:
    text = markdown(MILL)

    assert mermaid(MILL) in text
    assert "Firm -->|RECEIVED| Grant" in text
    assert "| `firm_id` (key) | String | Its number |" in text
    assert "`(:Grant)-[:LEADS_TO]->(:Grant)` The one made the other possible." in text
    for part in MILL.parts:
        for one in part.properties:
            assert f"| `{one.name}`" in text
