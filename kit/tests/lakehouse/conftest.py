"""Warehouses of every kind that the platform knows, each empty, on real catalogs and real stores."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import dagster as dg
import pytest

from millrace.lakehouse import Warehouse
from millrace.stores import Place
from millrace.testing.fixtures import rest_catalog  # noqa: F401  # a fixture

KINDS = ("folder-sqlite", "folder-postgres", "bucket-postgres", "bucket-rest")
# Nessie keeps the history itself: of a table it shows the current snapshot, and neither branches nor tags.
KINDS_WITH_HISTORY = KINDS[:3]


@pytest.fixture(scope="session")
def postgres_catalog(instance: dg.DagsterInstance) -> str:
    """Address of a catalog on a real Postgres."""
    return instance.run_storage.postgres_url  # ty: ignore[missing-attribute]


@pytest.fixture
def make_warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Warehouse]:
    """Make a warehouse of a kind, for a domain of its own."""

    def make(kind: str) -> Warehouse:
        files, _, catalog = kind.partition("-")
        domain = f"mill_{uuid4().hex[:8]}"
        place = Place(address=str(tmp_path / "tables"))
        if files == "bucket":
            place = request.getfixturevalue("object_store").place()
        addresses = {
            "sqlite": lambda: f"sqlite:///{tmp_path}/catalogs/{domain}.db",
            "postgres": lambda: request.getfixturevalue("postgres_catalog"),
            "rest": lambda: request.getfixturevalue("rest_catalog"),
        }
        return Warehouse(catalog=addresses[catalog](), domain=domain, place=place)

    return make


@pytest.fixture(params=KINDS)
def warehouse(request: pytest.FixtureRequest, make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """An empty warehouse, of each kind."""
    return make_warehouse(request.param)


@pytest.fixture(params=KINDS_WITH_HISTORY)
def history_warehouse(request: pytest.FixtureRequest, make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """An empty warehouse, of each kind whose tables carry their history."""
    return make_warehouse(request.param)


@pytest.fixture
def local_warehouse(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """An empty warehouse of the kind that needs no server."""
    return make_warehouse("folder-sqlite")


@pytest.fixture
def postgres_warehouse(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """An empty warehouse for many writers at once."""
    return make_warehouse("folder-postgres")
