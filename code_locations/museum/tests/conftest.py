"""Fixtures of the museum's tests: adapters and harvests run on files, frames made of a few named values."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from millrace.quality import Reject, RejectLog, read_rejects
from millrace.stores import FolderStore
from millrace_museum.mapping import MuseumMapping
from millrace_museum.model import harvested_schema
from millrace_museum.sources import FORMATS, Adapter
from millrace_museum.sources.harvest import open_harvest

MAX_RECORD_BYTES = 1 << 20


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[list[tuple[int, Mapping[str, Any]]], list[Reject]]]:
    """Run an adapter on bytes: the records with their lines, and the rejects."""

    def run(
        form: str, content: bytes, name: str = "", most: int = MAX_RECORD_BYTES
    ) -> tuple[list[tuple[int, Mapping[str, Any]]], list[Reject]]:
        path = tmp_path / (name or f"source.{form}")
        path.write_bytes(content)
        adapter: Adapter = FORMATS[form]
        with RejectLog(FolderStore(tmp_path / "rejects"), "adapter.ndjson") as log:
            records = list(adapter(path, path.name, log, most))
        return records, list(read_rejects(FolderStore(tmp_path / "rejects"), "adapter.ndjson"))

    return run


@pytest.fixture
def harvest(tmp_path: Path) -> Callable[..., tuple[pl.DataFrame, list[Reject]]]:
    """Harvest an entity of a source: the frame and the rejects."""

    def run(mapping: MuseumMapping, entity: str, source: Path) -> tuple[pl.DataFrame, list[Reject]]:
        opened = open_harvest(mapping, entity, source, MAX_RECORD_BYTES)
        assert opened is not None
        with RejectLog(FolderStore(tmp_path / "rejects"), f"{entity}.ndjson") as log:
            frame = opened.frame(log).collect()
        return frame, list(read_rejects(FolderStore(tmp_path / "rejects"), f"{entity}.ndjson"))

    return run


@pytest.fixture
def harvested() -> Callable[..., pl.LazyFrame]:
    """Make a harvested frame of rows that name only the fields they are about."""

    def make(entity: str, *rows: Mapping[str, Any]) -> pl.LazyFrame:
        placed = [{"source_file": "made.ndjson", "source_line": line, **row} for line, row in enumerate(rows, start=1)]
        return pl.LazyFrame(placed, schema=harvested_schema(entity))

    return make
