"""Fixtures for pytest; a suite takes the ones that it needs into its `conftest.py`.

    from millrace.testing.fixtures import object_store

The only module of this room that imports pytest.
"""

import os
import shutil
from collections.abc import Generator
from typing import NoReturn

import pytest

from millrace.testing.graph_server import GraphServer, graph_server
from millrace.testing.matrix import WHOLE, is_whole
from millrace.testing.nessie import nessie_server
from millrace.testing.object_store import ObjectStore, object_store_server
from millrace.testing.programs import NoProgramError


def in_the_whole_matrix_only(why: str) -> pytest.MarkDecorator:
    """Skips a test that takes long and shows what shorter ones show, unless `MILLRACE_TEST_WHOLE_MATRIX` is set."""
    return pytest.mark.skipif(not is_whole(), reason=f"{why}; {WHOLE}=yes runs it")


def not_here(reason: str) -> NoReturn:
    """Skip the test for what this machine lacks; fail it where nothing may be left out.

    That is under `CI=true`, and in `scripts/test --compose`, which sets `MILLRACE_TEST_COMPOSE=required`.
    """
    if os.environ.get("CI") == "true" or os.environ.get("MILLRACE_TEST_COMPOSE") == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Generator[ObjectStore]:
    """A real object store; what needs it is not tested where there is none."""
    folder = tmp_path_factory.mktemp("object_store")
    try:
        with object_store_server(folder) as server:
            yield server
    except NoProgramError as error:
        not_here(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a hundred megabytes of binary, and the tests' objects


@pytest.fixture(scope="session")
def neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[GraphServer]:
    """A real Neo4j with its data in memory; what needs it is not tested where there is none."""
    yield from _neo4j(tmp_path_factory, is_kept=False)


@pytest.fixture(scope="session")
def kept_neo4j_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[GraphServer]:
    """Another one, whose data outlives its kill."""
    yield from _neo4j(tmp_path_factory, is_kept=True)


def _neo4j(tmp_path_factory: pytest.TempPathFactory, *, is_kept: bool) -> Generator[GraphServer]:
    try:
        with graph_server(tmp_path_factory.mktemp("neo4j"), os.environ, is_kept=is_kept) as server:
            yield server
    except NoProgramError as error:
        not_here(str(error))


@pytest.fixture(scope="session")
def rest_catalog(tmp_path_factory: pytest.TempPathFactory, object_store: ObjectStore) -> Generator[str]:
    """Address of a real REST catalog of Iceberg tables, whose files lie in `object_store`."""
    try:
        with nessie_server(tmp_path_factory.mktemp("nessie"), object_store) as address:
            yield address
    except NoProgramError as error:
        not_here(str(error))
