"""Start the server. The environment is read here and nowhere else."""

import logging
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import uvicorn

from millrace.errors import ConfigurationError, MillraceError
from millrace.health.history import History, read_history
from millrace.health.monitoring import Prometheus
from millrace_reports.app import Pages, make_app


@dataclass(frozen=True)
class Settings:
    """What the environment says; see the README."""

    host: str
    port: int
    prometheus: str
    keep_seconds: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read it.

        Raises:
            ConfigurationError: with every variable that is wrong.
        """
        listen = environment.get("REPORTS_LISTEN") or "0.0.0.0:8080"
        keep = environment.get("REPORTS_KEEP_SECONDS") or "30"
        prometheus = environment.get("REPORTS_PROMETHEUS") or "http://prometheus:9090/prometheus"
        host, _, port = listen.rpartition(":")
        problems = []
        if not host or not port.isdigit():
            problems.append(f"REPORTS_LISTEN={listen!r}: expected HOST:PORT")
        if not keep.replace(".", "", 1).isdigit():
            problems.append(f"REPORTS_KEEP_SECONDS={keep!r}: expected seconds")
        if not prometheus.startswith(("http://", "https://")):
            problems.append(f"REPORTS_PROMETHEUS={prometheus!r}: expected an address")
        if not environment.get("DAGSTER_HOME"):
            problems.append("DAGSTER_HOME is not set: expected the folder of a dagster.yaml")
        if problems:
            raise ConfigurationError("environment", problems, next_step="see services/reports/README.md")
        return cls(host, int(port), prometheus.rstrip("/"), float(keep))


class Database:
    """Dagster's instance, opened when it is needed first: at the start its database may be away."""

    def __init__(self) -> None:
        self._instance = None

    def history(self, now: float) -> History:
        """What happened up to `now`; raises whatever the database raises."""
        import dagster as dg

        if self._instance is None:
            self._instance = dg.DagsterInstance.get()
        return read_history(self._instance, now)


def main() -> None:
    """Serve until asked to end."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    try:
        settings = Settings.from_environment(os.environ)
    except MillraceError as error:
        sys.exit(f"millrace-reports: {error}")
    pages = Pages(Database().history, Prometheus(settings.prometheus), settings.keep_seconds)
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
