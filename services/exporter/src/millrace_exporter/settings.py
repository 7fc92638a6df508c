"""Settings of the exporter, read from the environment once.

What belongs here: where sources are, and limits. What does not: thresholds, which alerts have.

A source whose address is empty is not asked: its collectors are off, and its families absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from millrace_exporter.families import COLLECTORS, METADATA_KEYS


@dataclass(frozen=True)
class Settings:
    """Where everything is.

    Attributes:
        listen: Host and port that are served.
        database: Dagster's, as libpq takes it; the password comes from PGPASSFILE.
        webserver: URL of a Dagster webserver.
        docker: URL of docker_gate's listener for the exporter.
        neo4j: bolt://host:port.
        neo4j_user: Who signs in.
        neo4j_store: Folder of the database's files, if it is mounted.
        neo4j_labels: Labels whose nodes are counted; empty counts all up to the cap.
        neo4j_types: The same of relationships.
        iceberg: Database of the Iceberg catalogs, as libpq takes it.
        object_store: URL.
        bucket: Where the probe's object lies.
        secrets: Folder with `neo4j_password`, `object_store_access_key` and `object_store_secret_key`.
        checkpoints: Folder of the checkpoints.
        look_back_hours: How far a cold start looks back.
        look_back_events: At most that many ids of the event log.
        metadata_keys: Keys of asset metadata that become metrics.
        small_file_bytes: Below this an Iceberg data file is small.
        intervals: Pause between two polls by collector, seconds.
    """

    listen: str = "0.0.0.0:9405"  # compose names the one network that it serves
    database: str = ""
    webserver: str = ""
    docker: str = ""
    neo4j: str = ""
    neo4j_user: str = "neo4j"
    neo4j_store: Path | None = None
    neo4j_labels: tuple[str, ...] = ()
    neo4j_types: tuple[str, ...] = ()
    iceberg: str = ""
    object_store: str = ""
    bucket: str = "millrace"
    secrets: Path = Path("/run/secrets")
    checkpoints: Path = Path("/var/lib/exporter")
    look_back_hours: float = 168.0
    look_back_events: int = 200_000
    metadata_keys: tuple[str, ...] = tuple(METADATA_KEYS)
    small_file_bytes: int = 16 << 20
    intervals: Mapping[str, float] = field(default_factory=lambda: dict(COLLECTORS))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings; what is unset or empty keeps its default.

        Raises:
            SystemExit: Values are wrong; each line names the variable, what came and what is expected.
        """
        values: dict[str, Any] = {}
        problems = []
        for name, variable, read, expected in _VARIABLES:
            text = environment.get(variable, "")
            if text:
                try:
                    values[name] = read(text)
                except ValueError:
                    problems.append(f"exporter: {variable}={text!r} cannot be read; expected {expected}")
        if problems:
            raise SystemExit("\n".join(problems))
        return cls(**values)


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(text)
    return text


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not text.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError(text)
        return text

    return read


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (one.strip() for one in text.split(","))))


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(text)
    return number


def _count(text: str) -> int:
    number = int(text)
    if number <= 0:
        raise ValueError(text)
    return number


def _intervals(text: str) -> dict[str, float]:
    given = {name: _positive(seconds) for name, _, seconds in (one.partition("=") for one in _names(text))}
    if not set(given) <= set(COLLECTORS):
        raise ValueError(text)
    return {**COLLECTORS, **given}


_VARIABLES: tuple[tuple[str, str, Callable[[str], Any], str], ...] = (
    ("listen", "EXPORTER_LISTEN", _address, "<host>:<port>"),
    ("database", "EXPORTER_DATABASE", str, "what libpq takes, such as host=postgres dbname=dagster user=exporter"),
    ("webserver", "EXPORTER_WEBSERVER", _url("http", "https"), "a URL"),
    ("docker", "EXPORTER_DOCKER", _url("http", "https"), "a URL"),
    ("neo4j", "EXPORTER_NEO4J", _url("bolt", "bolt+s", "neo4j", "neo4j+s"), "a URL such as bolt://neo4j:7687"),
    ("neo4j_user", "EXPORTER_NEO4J_USER", str, "a name"),
    ("neo4j_store", "EXPORTER_NEO4J_DATA", Path, "a folder"),
    ("neo4j_labels", "EXPORTER_NEO4J_LABELS", _names, "names with commas between"),
    ("neo4j_types", "EXPORTER_NEO4J_TYPES", _names, "names with commas between"),
    ("iceberg", "EXPORTER_ICEBERG", str, "what libpq takes, such as host=postgres dbname=catalog user=exporter"),
    ("object_store", "EXPORTER_OBJECT_STORE", _url("http", "https"), "a URL"),
    ("bucket", "EXPORTER_BUCKET", str, "a name"),
    ("secrets", "EXPORTER_SECRETS", Path, "a folder"),
    ("checkpoints", "EXPORTER_CHECKPOINTS", Path, "a folder"),
    ("look_back_hours", "EXPORTER_LOOK_BACK_HOURS", _positive, "a number above 0"),
    ("look_back_events", "EXPORTER_LOOK_BACK_EVENTS", _count, "a whole number above 0"),
    ("metadata_keys", "EXPORTER_METADATA_KEYS", _names, "names with commas between"),
    ("small_file_bytes", "EXPORTER_SMALL_FILE_BYTES", _count, "a whole number above 0"),
    ("intervals", "EXPORTER_INTERVALS", _intervals, "<collector>=<seconds> with commas between"),
)
