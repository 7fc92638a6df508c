"""The page over HTTP: made when somebody looks, and kept for a moment.

What belongs here: requests. What does not: making the page (`page`).
"""

import threading
import time
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from millrace.errors import SourceUnavailableError

# The page has no script, no picture of others' and no form; the gateway adds a policy of its own, and both hold.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "Cache-Control": "no-store",
}


class Pages:
    """Has the page made, once for all who look at the same time.

    Args:
        make: Makes it; raises SourceUnavailableError if it cannot.
        keep_seconds: For how long a page is served again.
    """

    def __init__(self, make: Callable[[], str], keep_seconds: float) -> None:
        self._make = make
        self._keep_seconds = keep_seconds
        self._lock = threading.Lock()
        self._made = 0.0
        self._page = ""

    def current(self) -> str:
        """The page, at most `keep_seconds` old."""
        with self._lock:
            if not self._page or time.monotonic() - self._made > self._keep_seconds:
                self._page = self._make()
                self._made = time.monotonic()
            return self._page


def make_app(pages: Pages) -> Starlette:
    """The application: the page at /reports, and its own health."""

    def page(_: Request) -> Response:
        try:
            return HTMLResponse(pages.current(), headers=_HEADERS)
        except SourceUnavailableError as error:
            return PlainTextResponse(f"{error}\n", status_code=503, headers=_HEADERS)

    def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(routes=[Route("/reports", page), Route("/reports/", page), Route("/healthz", healthz)])
