"""Temporary files of killed runs go after a day; younger ones may be in use."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from millrace.resources import StageParquetIOManager
from millrace.stores import Place

DAY_SECONDS = 24 * 3600


@pytest.fixture
def write(tmp_path: Path) -> Callable[[], None]:
    """Write the stage `a_rows`."""
    manager = StageParquetIOManager.at(Place(address=str(tmp_path)))
    target = tmp_path / "a_rows.parquet"
    return lambda: manager.dump_to_path(dg.build_output_context(), pl.DataFrame({"a": [1]}), target)


def leftover(path: Path, age_seconds: float) -> Path:
    path.write_bytes(b"half")
    moment = time.time() - age_seconds
    os.utime(path, (moment, moment))
    return path


@pytest.mark.parametrize(
    ("name", "age_seconds", "stays"),
    [
        (".a_rows.parquet.0f.tmp", DAY_SECONDS + 60, False),
        (".a_rows.parquet.0f.tmp", DAY_SECONDS - 60, True),
        (".a_rows.parquet.0f.tmp", 0, True),
        (".b_rows.parquet.0f.tmp", DAY_SECONDS + 60, True),
        ("a_rows.parquet.0f.tmp", DAY_SECONDS + 60, True),
        (".a_rows.parquet.0f.bak", DAY_SECONDS + 60, True),
    ],
    ids=["older", "younger", "new", "another_stage's", "not_hidden", "not_temporary"],
)
def test_only_old_temporary_files_of_the_same_stage_are_removed(
    tmp_path: Path, write: Callable[[], None], name: str, age_seconds: float, *, stays: bool
) -> None:
    path = leftover(tmp_path / name, age_seconds)

    write()

    assert path.exists() is stays
    assert (tmp_path / "a_rows.parquet").is_file()


def test_a_temporary_file_that_goes_while_it_is_looked_at_disturbs_nobody(
    tmp_path: Path, write: Callable[[], None]
) -> None:
    (tmp_path / ".a_rows.parquet.0f.tmp").symlink_to(tmp_path / "renamed")  # listed, and not there when it is looked at

    write()

    assert (tmp_path / "a_rows.parquet").is_file()
