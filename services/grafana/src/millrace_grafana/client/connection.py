"""Grafana's HTTP API as functions that answer or say in one line why not.

What belongs here: requests, and what their failures mean. What does not: what is asked, and in which order.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import niquests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaException, GrafanaUnauthorizedError

_Answer = TypeVar("_Answer")
_TIMEOUT_SECONDS = 30
_NOT_THERE = 404


class NoAnswerError(Exception):
    """Grafana could not be asked; the text is one line."""


class RefusedError(Exception):
    """Grafana was asked and would not; the text is one line."""


class NotThereError(RefusedError):
    """It has no such thing."""


def connect(order: Mapping[str, Any]) -> "Grafana":
    """Grafana as the order names it.

    Args:
        order: `address` (with the path, without `/api`), `user`, `password`, and what the action needs.
    """
    address = order["address"].rstrip("/")
    credential = (order["user"], order["password"])
    return Grafana(address, GrafanaApi.from_url(f"{address}/", credential, timeout=_TIMEOUT_SECONDS))


class Grafana:
    """A Grafana, asked through grafana-client.

    Args:
        address: For people.
        api: Of grafana-client.
    """

    def __init__(self, address: str, api: GrafanaApi) -> None:
        self.address = address
        self._api = api

    def version(self) -> str:
        """Its version; "" if it does not say.

        Raises:
            NoAnswerError: it does not answer, or what answers is no Grafana.
        """
        try:
            return self._ask(lambda: (self._api.health.check() or {}).get("version") or "")
        except RefusedError as error:
            raise NoAnswerError(f"grafana at {self.address}: what answers there is no Grafana ({error})") from error

    def data_sources(self) -> dict[str, str]:
        """Type by uid."""
        return {one["uid"]: one["type"] for one in self._ask(self._api.datasource.list_datasources)}

    def check_data_source(self, uid: str) -> str:
        """What Grafana says of its health; raises RefusedError with its words if it is not well."""
        answer = self._ask(lambda: self._api.datasource.health(uid))
        if answer.get("status") != "OK":
            raise RefusedError(str(answer.get("message") or answer))
        return str(answer.get("message") or "OK")

    def dashboard(self, uid: str) -> dict[str, Any]:
        """A dashboard as it is shown."""
        return self._ask(lambda: self._api.dashboard.get_dashboard(uid))["dashboard"]

    def series(self, data_source: Mapping[str, str], expr: str, *, instant: bool) -> int:
        """How many series a query gives, over the last hour or now."""
        query = {
            "refId": "A",
            "datasource": dict(data_source),
            "expr": expr,
            "instant": instant,
            "range": not instant,
            "intervalMs": 15000,
            "maxDataPoints": 240,
        }
        sent = {"queries": [query], "from": "now-1h", "to": "now"}
        answer = self._ask(lambda: self._api.client.POST("/ds/query", json=sent))["results"]["A"]
        if answer.get("error"):
            raise RefusedError(_one_line(answer["error"]))
        return len([frame for frame in answer.get("frames", ()) if any(frame["data"]["values"])])

    def annotations(self, tags: list[str], since_milliseconds: int) -> list[dict[str, Any]]:
        """Annotations that have all of these tags."""
        return self._ask(lambda: self._api.annotations.find_annotations(tags=tags, time_from=since_milliseconds))

    def annotate(self, text: str, tags: list[str], start: int, end: int | None) -> int:
        """Add an annotation to every dashboard; times in milliseconds since 1970. Its id."""
        added = self._ask(
            lambda: self._api.annotations.add_annotation(time_from=start, time_to=end, tags=tags, text=text)
        )
        return int(added["id"])

    def _ask(self, request: Callable[[], _Answer]) -> _Answer:
        with self._translated():
            return request()

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except GrafanaUnauthorizedError as error:
            raise NoAnswerError(
                f"grafana at {self.address}: refuses the user and password (HTTP 401); scripts/millrace credentials"
            ) from error
        except GrafanaException as error:
            said = _words(error)
            if error.status_code == _NOT_THERE:
                raise NotThereError(f"HTTP 404: {said}") from error
            if not error.status_code or error.status_code in (502, 503, 504):
                raise NoAnswerError(f"grafana at {self.address}: {said}; scripts/millrace status") from error
            raise RefusedError(f"HTTP {error.status_code}: {said}") from error
        except niquests.RequestException as error:
            reason = _one_line(getattr(error.args[0], "reason", error)) if error.args else ""
            text = reason.rpartition(": ")[2] or type(error).__name__
            raise NoAnswerError(f"grafana at {self.address}: {text}; scripts/millrace status") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # What answers there is no Grafana: its pages are no JSON, or other JSON.
            raise NoAnswerError(
                f"grafana at {self.address}: its answer is not Grafana's ({type(error).__name__}: {_one_line(error)})"
            ) from error


def _words(error: GrafanaException) -> str:
    """What Grafana said; a failed query's reason is in its results."""
    response = error.response
    if isinstance(response, Mapping):
        for result in (response.get("results") or {}).values():
            if result.get("error"):
                return _one_line(result["error"])
        if response.get("message"):
            return _one_line(response["message"])
    return _one_line(response or error)


def _one_line(what: object) -> str:
    return " ".join(str(what).split())[:500]
