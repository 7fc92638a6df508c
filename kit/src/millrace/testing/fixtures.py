"""Fixtures for pytest; a suite takes the ones that it needs into its `conftest.py`.

    from millrace.testing.fixtures import object_store

The only module of this room that imports pytest.
"""

import shutil
from collections.abc import Generator

import pytest

from millrace.testing.object_store import ObjectStore, object_store_server
from millrace.testing.programs import NoProgramError


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Generator[ObjectStore]:
    """A real object store; what needs it is skipped where there is none."""
    folder = tmp_path_factory.mktemp("object_store")
    try:
        with object_store_server(folder) as server:
            yield server
    except NoProgramError as error:
        pytest.skip(str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # a hundred megabytes of binary, and the tests' objects
