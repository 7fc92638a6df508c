"""Alertmanager's silences through the gateway: make one, list them, end one.

What belongs here: requests and what their answers mean. What does not: windows that come again (`windows`).
"""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from millrace.alerts.windows import matcher_parts
from millrace.compose.dagster_client import Client
from millrace.errors import PlatformRefusedError, SourceUnavailableError


@dataclass(frozen=True)
class Silence:
    """One that Alertmanager holds.

    Attributes:
        state: `active`, `pending` or `expired`.
    """

    id: str
    state: str
    matchers: str
    ends: datetime
    author: str
    comment: str


@dataclass(frozen=True)
class Silences:
    """Those of the platform behind a gateway."""

    client: Client

    def add(self, matchers: Sequence[str], length: timedelta, comment: str) -> str:
        """Silence alerts with these labels from now on; the silence's id.

        Raises:
            ConfigurationError: a matcher is none.
            PlatformRefusedError: Alertmanager would not.
        """
        now = datetime.now(tz=UTC)
        body = {
            "matchers": [_matcher(one) for one in matchers],
            "startsAt": now.isoformat(),
            "endsAt": (now + length).isoformat(),
            "createdBy": self.client.user,
            "comment": comment,
        }
        return self._ask("POST", "silences", body)["silenceID"]

    def all(self) -> list[Silence]:
        """Those that hold or will hold, the first to end first."""
        found = [
            Silence(
                id=one["id"],
                state=one["status"]["state"],
                matchers=", ".join(_words(matcher) for matcher in one["matchers"]),
                ends=datetime.fromisoformat(one["endsAt"]),
                author=one["createdBy"],
                comment=one["comment"],
            )
            for one in self._ask("GET", "silences")
        ]
        return sorted((one for one in found if one.state != "expired"), key=lambda one: one.ends)

    def end(self, silence: str) -> None:
        """End one now.

        Raises:
            PlatformRefusedError: there is none of that id.
        """
        self._ask("DELETE", f"silence/{silence}")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the gateway's address, http or https
            f"{self.client.address}/alertmanager/api/v2/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": self.client.authorization},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")[:500]
            if error.code in (502, 503, 504):
                raise SourceUnavailableError("alertmanager", said, next_step="scripts/millrace status") from error
            raise PlatformRefusedError("alertmanager", f"HTTP {error.code}: {said}") from error
        except OSError as error:
            raise SourceUnavailableError(
                self.client.address, str(error), next_step="scripts/millrace status"
            ) from error
        return json.loads(text) if text else None


def _matcher(text: str) -> dict[str, Any]:
    label, operator, value = matcher_parts(text)
    return {"name": label, "value": value, "isRegex": operator.endswith("~"), "isEqual": operator.startswith("=")}


def _words(matcher: dict[str, Any]) -> str:
    operator = ("=" if matcher.get("isEqual", True) else "!") + ("~" if matcher["isRegex"] else "")
    return f'{matcher["name"]}{"!=" if operator == "!" else operator}"{matcher["value"]}"'
