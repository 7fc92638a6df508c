"""Named queries: a YAML file of a domain, with title, description and parameters; what they may ask is read only.

    queries:
      top_companies:
        title: Companies with the most awards
        description: By number of awards, then by name.
        parameters:
          count: {type: integer, default: 10, description: how many}
        cypher: |
          MATCH (c:Company)-[:RECEIVED]->(a:Award)
          RETURN c.name AS company, count(a) AS awards ORDER BY awards DESC, company LIMIT $count
        ladybug: |   # where its Cypher differs
          ...

What belongs here: reading the file, and fitting parameters. What does not: running a query (the adapters do).
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError
from millrace.graph.model import GraphModel


class ParameterType(StrEnum):
    """What a parameter may be."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameter(_Strict):
    """A parameter of a query; one without a default has to be given."""

    type: ParameterType = ParameterType.STRING
    default: str | int | float | bool | None = None
    description: str = Field(min_length=1)


class Query(_Strict):
    """A named query.

    Attributes:
        name: By which it is asked.
        cypher: For Neo4j, and for Ladybug if `ladybug` is empty.
        row_cap: Rows that are returned at most.
        timeout_seconds: After which the database gives up.
    """

    name: str = ""
    title: str = Field(min_length=1)
    description: str = Field(min_length=1)
    cypher: str = Field(min_length=1)
    ladybug: str = ""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    row_cap: int = Field(default=1_000, ge=1)
    timeout_seconds: float = Field(default=30.0, gt=0)

    def fitted(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters with their types and defaults; text is read as the type says.

        Raises:
            ConfigurationError: with each one that is missing, unknown or wrong.
        """
        problems = [
            f"there is no parameter {name!r}{_near(name, self.parameters)}"
            for name in given.keys() - self.parameters.keys()
        ]
        fitted = {}
        for name, parameter in self.parameters.items():
            value = given.get(name, parameter.default)
            if value is None:
                problems.append(f"{name} is missing: {parameter.description}")
                continue
            try:
                fitted[name] = _cast(value, parameter.type)
            except ValueError:
                problems.append(f"{name}={value!r} is no {parameter.type}")
        if problems:
            takes = ", ".join(self.parameters) or "none"
            raise ConfigurationError(f"query {self.name}", problems, next_step=f"its parameters are: {takes}")
        return fitted


@dataclass(frozen=True)
class Answer:
    """What a query returned.

    Attributes:
        columns: Their names.
        rows: Values in that order.
        is_cut: Whether there are more rows than the query's `row_cap`.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    is_cut: bool = False


class _File(_Strict):
    queries: dict[str, Query]


def read_queries(model: GraphModel) -> dict[str, Query]:
    """The named queries of a model, by name.

    Raises:
        ConfigurationError: with every problem of its file.
    """
    if model.queries is None:
        return {}
    return read_query_file(model.queries)


def read_query_file(path: Path) -> dict[str, Query]:
    """The named queries of a file, by name.

    Raises:
        ConfigurationError: with every problem.
    """
    if not path.is_file():
        raise ConfigurationError(str(path), ["no such file"], next_step="write it, or leave it out of the model")
    try:
        found = _File.model_validate(read_yaml(path, str(path))).queries
    except ValidationError as error:
        raise ConfigurationError(str(path), problems_of(error), next_step="see millrace.graph.queries") from error
    return {name: query.model_copy(update={"name": name}) for name, query in found.items()}


def find_query(queries: Mapping[str, Query], name: str) -> Query:
    """One of them.

    Raises:
        ConfigurationError: there is none of that name; the error has those that are alike, else all.
    """
    if name not in queries:
        alike = difflib.get_close_matches(name, queries, n=3)
        step = f"did you mean {' or '.join(alike)}?" if alike else f"there are: {', '.join(queries) or 'none'}"
        raise ConfigurationError(f"query {name}", ["there is no such query"], next_step=step)
    return queries[name]


def _near(name: str, known: Mapping[str, Any]) -> str:
    alike = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {alike[0]}?" if alike else ""


def _cast(value: Any, kind: ParameterType) -> Any:
    if kind is ParameterType.BOOLEAN:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        raise ValueError(value)
    if isinstance(value, bool):
        raise ValueError(value)  # noqa: TRY004  # as int() and float() do for what they cannot read
    if kind is ParameterType.INTEGER:
        return int(value)
    return float(value) if kind is ParameterType.NUMBER else str(value)
