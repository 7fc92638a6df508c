"""Start the server, which has a process of its own make each page."""

import logging
import os
import socket
import subprocess
import sys

import uvicorn

from millrace.errors import MillraceError, SourceUnavailableError
from millrace_reports.app import Pages, make_app
from millrace_reports.settings import Settings

_PAGE_SECONDS = 120


def page_of_a_process() -> str:
    """The page, made by a process that ends with it.

    Raises:
        SourceUnavailableError: it made none; with the last that it said.
    """
    command = [sys.executable, "-m", "millrace_reports.page"]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PAGE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SourceUnavailableError("the page", f"was not made within {_PAGE_SECONDS} s") from error
    sys.stderr.write(made.stderr)
    if made.returncode != 0:
        said = made.stderr.strip().splitlines() or [f"exit code {made.returncode}"]
        raise SourceUnavailableError("the page", said[-1], next_step="docker compose logs reports")
    return made.stdout


def main() -> None:
    """Serve until asked to end."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    try:
        settings = Settings.from_environment(os.environ)
    except MillraceError as error:
        sys.exit(f"millrace-reports: {error}")
    pages = Pages(page_of_a_process, settings.keep_seconds)
    uvicorn.run(
        make_app(pages),
        # The address that this one network gave it, where it has several.
        host=socket.gethostbyname(settings.host),
        port=settings.port,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
    )
