"""What the dashboards ask, read from their files, and whether a Prometheus answers it.

What belongs here: queries as Grafana sends them. What does not: Grafana itself (`client`).

Read from the JSON and not from the pages: that is what Grafana gets, also where somebody changed it by hand. Choices at
the top of a dashboard are taken as "All", as they are when it is opened.
"""

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from millrace.errors import PlatformRefusedError, SourceUnavailableError

# Generated files, in the checkout.
FOLDER = "infra/grafana/dashboards"
EXPECTED_EMPTY = "infra/grafana/expected_empty.json"

# Grafana takes four scrapes of 10 s for $__rate_interval at the least.
_GIVEN = {"__rate_interval": "1m", "__interval": "1m", "__range": "24h", "__range_s": "86400"}
_CHOICE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::\w+)?\}|(?P<bare>\w+))")
_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Asked:
    """One query of one panel.

    Attributes:
        dashboard: Uid.
        panel: Title; an annotation's or a variable's name.
        expr: PromQL with every variable filled in.
        written: As it stands in the file.
        instant: Whether it asks for now, and not for the time of the page.
    """

    dashboard: str
    panel: str
    expr: str
    written: str
    instant: bool

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.dashboard}: {self.panel}"


def dashboards(folder: Path) -> dict[str, dict]:
    """The dashboards of a folder by uid, sorted by file."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {one["uid"]: one for one in found}


def asked_by(dashboard: Mapping) -> Iterator[Asked]:
    """Every query of a dashboard: panels, annotations, and the selectors of its choices."""
    uid, values = dashboard["uid"], {**_GIVEN, **_choices(dashboard)}
    for panel in panels(dashboard):
        yield from asked_in(dashboard, panel)
    for mark in dashboard["annotations"]["list"]:
        if mark.get("expr"):
            yield _asked(uid, mark["name"], mark["expr"], values, instant=False)
    for choice in dashboard["templating"]["list"]:
        if choice["type"] == "query":
            selector = choice["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
            yield _asked(uid, f"choice {choice['name']}", selector, values, instant=True)


def asked_in(dashboard: Mapping, panel: Mapping, times: Mapping[str, str] = _GIVEN) -> Iterator[Asked]:
    """Every query of a panel, in the order of its targets.

    Args:
        dashboard: Whose choices are filled in.
        panel: One of its panels.
        times: What Grafana fills in for its own variables; it depends on the time shown and on the panel's width.
    """
    values = {**times, **_choices(dashboard)}
    for target in panel.get("targets", ()):
        yield _asked(dashboard["uid"], panel["title"], target["expr"], values, instant=target["instant"])


def panels(dashboard: Mapping) -> Iterator[Mapping]:
    """Every panel but the rows' headings, in reading order."""
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            yield from panel.get("panels") or ()
        else:
            yield panel


def _choices(dashboard: Mapping) -> dict[str, str]:
    return {one["name"]: one.get("allValue") or ".*" for one in dashboard["templating"]["list"]}


def _asked(uid: str, panel: str, written: str, values: Mapping[str, str], *, instant: bool) -> Asked:
    def value(found: re.Match[str]) -> str:
        name = found["braced"] or found["bare"]
        if name not in values:
            raise PlatformRefusedError(f"{uid}: {panel}", f"uses ${name}, which the dashboard does not have")
        return values[name]

    return Asked(uid, panel, _CHOICE.sub(value, written), written, instant)


@dataclass(frozen=True)
class Prometheus:
    """A Prometheus to ask.

    Attributes:
        address: With its path, without `/api`.
        credentials: User and password, where a gateway stands in front of it.
    """

    address: str
    credentials: tuple[str, str] | None = None

    def series(self, asked: Asked) -> int:
        """How many series it answers with; a query over time is asked for the last hour. Raises as `ask` does."""
        return len(self.ask(asked, time.time()))

    def ask(self, asked: Asked, now: float, seconds: int = 3600, step: int = 15) -> list[dict]:
        """What it answers: one `{"metric": labels, "value": [time, text]}` per series, over time `values` of them.

        Args:
            asked: What.
            now: Unix time of an instant query, and the end of one over time.
            seconds: How far the latter goes back.
            step: Seconds between its points.

        Raises:
            SourceUnavailableError: it does not answer.
            PlatformRefusedError: it refuses the query; the error has its words.
        """
        path, parameters = "query", {"query": asked.expr, "time": str(now)}
        if not asked.instant:
            span = {"start": str(now - seconds), "end": str(now), "step": str(step)}
            path, parameters = "query_range", {"query": asked.expr, **span}
        try:
            answer = httpx.post(
                f"{self.address}/api/v1/{path}", data=parameters, auth=self.credentials, timeout=_TIMEOUT_SECONDS
            )
        except httpx.HTTPError as error:
            raise SourceUnavailableError(f"prometheus at {self.address}", str(error) or type(error).__name__) from error
        if answer.headers.get("content-type", "").startswith("application/json"):
            content = answer.json()
            if content["status"] == "success":
                return content["data"]["result"]
            raise PlatformRefusedError(asked.place, f"{content['error']}: {asked.expr}")
        raise PlatformRefusedError(f"prometheus at {self.address}", f"HTTP {answer.status_code}: {answer.text[:200]}")


@dataclass(frozen=True)
class Answers:
    """What became of every query.

    Attributes:
        answered: Queries that returned something.
        expected_empty: Those that returned nothing and may, with the reason.
        empty: Those that returned nothing and should not.
        refused: One line for each that Prometheus refused.
    """

    answered: list[Asked]
    expected_empty: list[tuple[Asked, str]]
    empty: list[Asked]
    refused: list[str]


def ask_all(prometheus: Prometheus, asked: Iterable[Asked], may_be_empty: Mapping[str, Mapping[str, str]]) -> Answers:
    """Ask each query once.

    Args:
        prometheus: Whom.
        asked: What.
        may_be_empty: Reason by expression as written, by dashboard: `infra/grafana/expected_empty.json`.

    Raises:
        SourceUnavailableError: it does not answer.
    """
    answers = Answers([], [], [], [])
    known: dict[tuple[str, bool], int] = {}
    for one in asked:
        try:
            found = known.get((one.expr, one.instant))
            if found is None:
                found = known[one.expr, one.instant] = prometheus.series(one)
        except PlatformRefusedError as error:
            answers.refused.append(str(error))
            continue
        reason = may_be_empty.get(one.dashboard, {}).get(one.written)
        if found:
            answers.answered.append(one)
        elif reason is not None:
            answers.expected_empty.append((one, reason))
        else:
            answers.empty.append(one)
    return answers
