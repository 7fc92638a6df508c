"""The page over HTTP: made when somebody looks, and kept for a moment.

What belongs here: requests, and what is shown while a source is away. What does not: the page (`millrace.health`).
"""

import logging
import threading
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from millrace.errors import SourceUnavailableError
from millrace.health.history import WINDOW_DAYS, History
from millrace.health.judgement import judge
from millrace.health.monitoring import Alert, Policy, Prometheus
from millrace.health.page import render

log = logging.getLogger("millrace.reports")

ReadHistory = Callable[[float], History]
# The page has no script, no picture of others' and no form; the gateway adds a policy of its own, and both hold.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "Cache-Control": "no-store",
}


class Pages:
    """Makes the page, once for all who look at the same time.

    Args:
        read: Reads the history that ends at a time; raises whatever its database raises.
        prometheus: Whom to ask for alerts and policies.
        keep_seconds: For how long a page is served again.
    """

    def __init__(self, read: ReadHistory, prometheus: Prometheus, keep_seconds: float) -> None:
        self._read = read
        self._prometheus = prometheus
        self._keep_seconds = keep_seconds
        self._lock = threading.Lock()
        self._made = 0.0
        self._page = ""

    def current(self) -> str:
        """The page, at most `keep_seconds` old."""
        with self._lock:
            if not self._page or time.monotonic() - self._made > self._keep_seconds:
                self._page = self._make(time.time())
                self._made = time.monotonic()
            return self._page

    def _make(self, now: float) -> str:
        unknown: list[str] = []
        alerts: list[Alert] = []
        policies: dict[str, Policy] = {}
        try:
            alerts, policies = self._prometheus.alerts(), self._prometheus.policies()
            unknown += [f"{line[0].upper()}{line[1:]}" for line in self._prometheus.silent()]
        except SourceUnavailableError as error:
            unknown.append(f"Prometheus does not answer, so alerts and freshness are not known: {error}")
        try:
            history = self._read(now)
        except Exception as error:  # noqa: BLE001 whatever it is, the page says it and shows the rest
            log.warning("dagster's database: %s", " ".join(str(error).split())[:500])
            reason = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
            unknown.append(f"Dagster's database does not answer, so runs, assets and checks are not known: {reason}")
            history = History(now - WINDOW_DAYS * 86400, [], [], [], {})
            policies = {}  # else every asset with one would look as if it had never been made
        health = judge(history, now, policies=policies, alerts=alerts, unknown=unknown)
        return render(health, base="", refresh_seconds=60)


def make_app(pages: Pages) -> Starlette:
    """The application: the page at /reports, and its own health."""

    def page(_: Request) -> Response:
        return HTMLResponse(pages.current(), headers=_HEADERS)

    def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(routes=[Route("/reports", page), Route("/reports/", page), Route("/healthz", healthz)])
