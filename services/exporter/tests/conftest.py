"""A real Postgres with Dagster's own tables, a database for each test, and exporters that are polled by hand."""

import itertools
import json
import re
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dagster as dg
import psycopg2
import pytest
from dagster_postgres import DagsterPostgresStorage
from psycopg2.extensions import connection as Connection  # noqa: N812 psycopg2 names its class in lower case

from millrace.embedded.postgres import postgres_server
from millrace.testing.fixtures import object_store  # noqa: F401  # a fixture
from millrace.testing.history import History
from millrace_exporter.definitions import Asset, Definitions, Instigator, Location
from millrace_exporter.exporter import Exporter
from millrace_exporter.families import FAMILIES, exposed_names
from millrace_exporter.settings import Settings
from millrace_exporter.sources.database import Parameters

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass
class Clock:
    """A clock that a test sets: `now` may jump, `clock` only grows."""

    wall: float = field(default_factory=time.time)
    grown: float = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return self.wall

    def clock(self) -> float:
        """Seconds that only grow."""
        return self.grown

    def pass_(self, seconds: float) -> None:
        """Let time pass on both."""
        self.wall += seconds
        self.grown += seconds


class Watched:
    """An exporter on one database that is polled by hand, and what it asked."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.asked: list[tuple[str, Parameters]] = []
        self.exporter = self._made()

    def _made(self) -> Exporter:
        made = Exporter(self.settings, self.clock.now, self.clock.clock, lambda *one: self.asked.append(one))
        made.restore()
        return made

    def poll(self, *collectors: str, after: float = 5.0) -> Series:
        """Poll once, a while after the last time; all of it must succeed."""
        self.clock.pass_(after)
        assert all((told := self.exporter.poll(*collectors)).values()), told
        assert undeclared(self.series) == []
        return self.series

    def restart(self) -> None:
        """As after a kill: nothing of the process is left, its checkpoints are."""
        self.exporter.close()
        self.exporter = self._made()

    @property
    def series(self) -> Series:
        """What is served."""
        return parse(self.exporter.exposition.text)

    def value(self, name: str, /, **labels: str) -> float | None:
        """A series; None if it is absent."""
        return self.series.get((name, frozenset(labels.items())))

    def all(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """Every series of a name."""
        return {labels: value for (found, labels), value in self.series.items() if found == name}

    def define(self, *assets: Asset, jobs: tuple[str, ...] = (), instigators: tuple[Instigator, ...] = ()) -> None:
        """Let the workspace know these, of the location `museum`, and nothing else."""
        location = Location("museum", "1", loaded=True, jobs=jobs, instigators=instigators, assets=assets)
        self.exporter.workspace.replace(self.exporter.workspace.now.updated([location], {"SENSOR": True}))

    def forget_definitions(self) -> None:
        """Let the workspace know nothing."""
        self.exporter.workspace.replace(Definitions())


_LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def parse(text: bytes) -> Series:
    """Series of the text format; two of the same name and labels are an error of the exporter."""
    series: Series = {}
    for line in text.decode().splitlines():
        if line.startswith("#"):
            continue
        head, _, value = line.rpartition(" ")
        name, _, labels = head.partition("{")
        key = (name, frozenset(_LABEL.findall(labels)))
        assert key not in series, line
        series[key] = float(value)
    return series


def undeclared(series: Iterable[tuple[str, frozenset[tuple[str, str]]]]) -> list[str]:
    """Series with a value of a label that its family does not declare."""
    values = {name: family.values for family in FAMILIES.values() for name in exposed_names(family)}
    return [
        f'{name}{{{label}="{value}"}}'
        for name, labels in series
        for label, value in labels
        if value not in values[name].get(label, (value,))
    ]


@dataclass
class DagsterDatabase:
    """A database that Dagster's tables are in.

    Attributes:
        address: As libpq takes it.
        url: As SQLAlchemy takes it.
    """

    address: str
    url: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def connect(self) -> Connection:
        """A connection of one's own."""
        return psycopg2.connect(self.address)

    def run(self, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """Execute and commit."""
        connection = self.connect()
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @contextmanager
    def instance(self, home: Path) -> Generator[dg.DagsterInstance]:
        """Dagster itself on it."""
        home.mkdir(exist_ok=True)
        (home / "dagster.yaml").write_text(
            json.dumps(
                {"storage": {"postgres": {"postgres_url": self.url}}, "telemetry": {"enabled": False}},
            )
        )
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield instance

    @property
    def history(self) -> History:
        """Writes many runs at once."""
        return History(self.address)


@pytest.fixture(scope="session")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, str]]:
    """A server with a template that has Dagster's tables: its host, and a URL with a mark for the database's name."""
    with postgres_server(tmp_path_factory.mktemp("postgres") / "cluster") as url:
        host = parse_qs(urlsplit(url).query)["host"][0]
        named = url.replace("/postgres?", "/{name}?")
        connection = psycopg2.connect(host=host, user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE dagster_template")
        connection.close()
        DagsterPostgresStorage(named.format(name="dagster_template"), should_autocreate_tables=True)
        yield host, named


@pytest.fixture(scope="session")
def make_database(_server: tuple[str, str]) -> Callable[[], DagsterDatabase]:
    host, named = _server

    def make() -> DagsterDatabase:
        name = f"dagster_{next(_NUMBERS)}"
        connection = psycopg2.connect(host=host, user="postgres", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} TEMPLATE dagster_template")
        connection.close()
        return DagsterDatabase(f"host={host} dbname={name} user=postgres", named.format(name=name))

    return make


_NUMBERS = itertools.count(1)


@pytest.fixture
def database(make_database: Callable[[], DagsterDatabase]) -> DagsterDatabase:
    return make_database()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def make_watched() -> Generator[Callable[[DagsterDatabase, Path], Watched]]:
    """An exporter with a clock of its own, for what outlives one test."""
    every: list[Watched] = []

    def made(database: DagsterDatabase, folder: Path) -> Watched:
        every.append(Watched(Settings(database=database.address, checkpoints=folder), Clock()))
        return every[-1]

    yield made
    for one in every:
        one.exporter.close()


@pytest.fixture
def watch(tmp_path: Path, clock: Clock) -> Generator[Callable[..., Watched]]:
    """An exporter on a database; its checkpoints lie in the test's folder."""
    every: list[Watched] = []

    def made(database: DagsterDatabase, **changes: Any) -> Watched:
        values: dict[str, Any] = {"database": database.address, "checkpoints": tmp_path / "checkpoints", **changes}
        every.append(Watched(Settings(**values), clock))
        return every[-1]

    yield made
    for one in every:
        one.exporter.close()


@pytest.fixture
def exporter(watch: Callable[..., Watched], database: DagsterDatabase) -> Watched:
    """An exporter that has started on an empty history."""
    made = watch(database)
    made.poll()
    return made
