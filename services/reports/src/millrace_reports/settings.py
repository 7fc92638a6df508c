"""What the environment says."""

from collections.abc import Mapping
from dataclasses import dataclass

from millrace.errors import ConfigurationError


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
