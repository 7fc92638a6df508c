"""Fixtures of the tests of the sources: a reject log and what lies in it afterwards, a server that fails."""

import importlib.util
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from millrace.quality import Reject, RejectLog, read_rejects
from millrace.stores import FolderStore
from millrace.testing.fixtures import object_store
from millrace_sbir.sources.download import Patience

__all__ = ["object_store"]
Reading = Callable[[RejectLog], Iterator[pl.DataFrame]]


def _double() -> ModuleType:
    """The module beside this one: tests are imported by path, and have no package."""
    spec = importlib.util.spec_from_file_location("sbir_source_double", Path(__file__).with_name("double.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def collected(tmp_path: Path) -> Callable[[Reading], tuple[pl.DataFrame, list[Reject]]]:
    """Read to the end: all rows in one frame, and the rejects."""

    def run(read: Reading) -> tuple[pl.DataFrame, list[Reject]]:
        store = FolderStore(tmp_path / "rejects")
        with RejectLog(store, "read.ndjson") as log:
            frames = list(read(log))
        return pl.concat(frames) if frames else pl.DataFrame(), list(read_rejects(store, "read.ndjson"))

    return run


@pytest.fixture
def double() -> Generator[Any]:
    """A server that can fail; see `double.py`."""
    with _double().serving() as double:
        yield double


@pytest.fixture
def waits() -> list[float]:
    """The seconds that `patience` would have waited."""
    return []


@pytest.fixture
def patience(waits: list[float]) -> Patience:
    """Five attempts, without waiting."""
    return Patience(attempts=5, first_seconds=0.1, longest_seconds=30, sleep=waits.append)
