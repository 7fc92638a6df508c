"""Files of named queries, their parameters, and finding one by its name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from millrace.errors import ConfigurationError
from millrace.graph.queries import Query, find_query, read_query_file

RIGHT = {"title": "Firms", "description": "All of them.", "cypher": "MATCH (f:Firm) RETURN f"}


def file(folder: Path, **queries: Any) -> Path:
    path = folder / "queries.yaml"
    path.write_text(yaml.safe_dump({"queries": queries}))
    return path


def test_a_file_gives_its_queries_by_name(tmp_path: Path) -> None:
    found = read_query_file(file(tmp_path, firms=RIGHT, others={**RIGHT, "row_cap": 5}))

    assert {name: (query.name, query.row_cap) for name, query in found.items()} == {
        "firms": ("firms", 1_000),
        "others": ("others", 5),
    }


def test_a_wrong_file_names_every_problem(tmp_path: Path) -> None:
    path = file(tmp_path, a={"title": "A", "cypher": "x"}, b={**RIGHT, "row_cap": 0, "rows": 3})

    with pytest.raises(ConfigurationError) as refused:
        read_query_file(path)

    places = [problem.split(":")[0] for problem in refused.value.problems]
    assert places == ["queries.a.description", "queries.b.row_cap", "queries.b.rows"]


def test_an_unknown_name_is_answered_with_those_that_are_alike() -> None:
    queries = {name: Query.model_validate({**RIGHT, "name": name}) for name in ("top_firms", "top_grants", "chains")}

    with pytest.raises(ConfigurationError, match="did you mean top_firms"):
        find_query(queries, "top_firm")
    with pytest.raises(ConfigurationError, match="there are: top_firms, top_grants, chains"):
        find_query(queries, "xyz")


def query() -> Query:
    kinds = {"count": "integer", "share": "number", "is_open": "boolean", "state": "string"}
    parameters: dict[str, Any] = {name: {"type": kind, "description": f"the {name}"} for name, kind in kinds.items()}
    parameters["count"]["default"] = 10
    return Query.model_validate({**RIGHT, "name": "q", "parameters": parameters})


def test_text_becomes_what_a_parameter_is() -> None:
    fitted = query().fitted({"share": "0.5", "is_open": "True", "state": "007"})

    assert fitted == {"count": 10, "share": 0.5, "is_open": True, "state": "007"}


def test_every_parameter_that_does_not_fit_is_named() -> None:
    with pytest.raises(ConfigurationError) as refused:
        query().fitted({"share": "much", "is_open": "perhaps", "stat": "MA"})

    assert refused.value.problems == [
        "there is no parameter 'stat', did you mean state?",
        "share='much' is no number",
        "is_open='perhaps' is no boolean",
        "state is missing: the state",
    ]
