"""`millrace-exporter`: serve, or print the page of all metrics.

millrace-exporter             poll and serve
millrace-exporter page        print docs/metrics.md
"""

import logging
import os
import socket
import sys

import uvicorn

from millrace_exporter.app import create_app
from millrace_exporter.exporter import Exporter
from millrace_exporter.page import render_page
from millrace_exporter.settings import Settings


def main() -> None:
    """Read the settings and serve, or print."""
    if sys.argv[1:] == ["page"]:
        sys.stdout.write(render_page())
        return
    if sys.argv[1:]:
        raise SystemExit(f"usage: {os.path.basename(sys.argv[0])} [page]")  # noqa: PTH119
    settings = Settings.from_environment(os.environ)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    for noisy in ("httpx", "neo4j"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    host, _, port = settings.listen.rpartition(":")
    uvicorn.run(
        create_app(Exporter(settings)),
        # The address that this network gave it, and no other: who is on another network does not reach it.
        host=socket.gethostbyname(host),
        port=int(port),
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
