"""Dagster's webserver over GraphQL: workspace state, and nothing that is history.

What belongs here: asking, and telling an answer from an error. What does not: queries, which stand beside their
collector.

An error does not come as one: it is a member of the union that a field returns, beside `__typename`, with status 200.
Taken for an empty list it would wipe everything that the list had held. Where a field cannot be given at all, the
status is 500, and the answer has the error.
"""

from collections.abc import Mapping
from typing import Any

import httpx


class GraphQLError(Exception):
    """The webserver answered with an error, or with part of an answer."""


class Webserver:
    """Asks one webserver.

    Args:
        address: Its URL.
        timeout_seconds: Of one answer.
        transport: In place of the network, for tests.
    """

    def __init__(
        self, address: str, timeout_seconds: float = 20.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._url = f"{address.rstrip('/')}/graphql"
        self._client = httpx.Client(timeout=timeout_seconds, transport=transport)

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The data of an answer that has no error.

        Raises:
            GraphQLError: There is one, whole or partial.
            httpx.HTTPError: There is no answer.
        """
        answer = self._client.post(self._url, json={"query": query, "variables": dict(variables or {})})
        try:
            content = answer.json()
        except ValueError as error:
            if answer.is_server_error or answer.is_redirect:
                answer.raise_for_status()
            raise GraphQLError(f"{self._url}: answers {answer.status_code} without JSON") from error
        if content.get("errors"):
            raise GraphQLError(f"{self._url}: {content['errors'][0].get('message', 'an error')}")
        if not isinstance(content.get("data"), dict):
            raise GraphQLError(f"{self._url}: answers {answer.status_code} without data")
        return content["data"]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def member(value: Any, expected: str) -> dict[str, Any]:
    """A union's value, if it is the member that was hoped for.

    Raises:
        GraphQLError: It is another one: an error.
    """
    name = value.get("__typename") if isinstance(value, dict) else None
    if name != expected:
        message = value.get("message", "") if isinstance(value, dict) else ""
        raise GraphQLError(f"{name}: {str(message)[:300]} (expected {expected})")
    return value
