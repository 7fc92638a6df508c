"""What is served: the bytes of the last polls, and whether polling goes on.

What belongs here: HTTP. What does not: rendering, which happened when somebody polled.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response

from millrace_exporter.exporter import Exporter
from millrace_exporter.rendering import OPEN, TEXT

_OPEN_METRICS = "application/openmetrics-text"


def create_app(exporter: Exporter, *, polls: bool = True) -> FastAPI:
    """The application of an exporter.

    Args:
        exporter: What it serves.
        polls: Whether it polls while it serves; tests poll by hand.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        if polls:
            exporter.start()
        try:
            yield
        finally:
            exporter.stop()

    app = FastAPI(title="Millrace exporter", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        """Every series of the last polls, in OpenMetrics if it is asked for: only that has exemplars."""
        if _OPEN_METRICS in request.headers.get("accept", ""):
            return Response(exporter.exposition.open, media_type=OPEN)
        return Response(exporter.exposition.text, media_type=TEXT)

    @app.get("/healthz")
    async def healthz() -> Response:
        """200 while every source is being polled, whether it answers or not."""
        return Response("polling\n" if exporter.polling else "a poll thread ended\n", 200 if exporter.polling else 503)

    return app
