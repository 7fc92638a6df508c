"""Any history of upserts and removals leaves what the same history leaves of a plain dictionary."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.lakehouse import Changes, Declaration, Mode, Warehouse
from millrace.stores import Place

KEYS = st.integers(0, 8)
ROWS = st.dictionaries(KEYS, st.tuples(st.sampled_from(["x", "y", None]), st.integers(0, 99)), max_size=6)
STEPS = st.lists(st.tuples(ROWS, st.lists(KEYS, max_size=4)), min_size=1, max_size=6)
SCHEMA = pl.Schema({"key": pl.Int64, "part": pl.String, "value": pl.Int64})


@pytest.mark.parametrize("partition_by", [(), ("part",), ("bucket(3, key)",), ("truncate(4, key)", "part")], ids=str)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_a_table_is_what_its_changes_make_of_a_dictionary(
    partition_by: tuple[str, ...], steps: list[tuple[dict[int, tuple[Any, int]], list[int]]], tmp_path: Path
) -> None:
    folder = Path(tempfile.mkdtemp(dir=tmp_path))
    place = Place(address=str(folder / "tables"))
    table = Warehouse(catalog=f"sqlite:///{folder}/catalog.db", domain="mill", place=place).table("rows")
    declaration = Declaration(Mode.UPSERT, key=("key",), partition_by=partition_by)
    expected: dict[int, tuple[Any, int]] = {}
    for rows, removed in steps:
        upserts = pl.LazyFrame([(key, *row) for key, row in rows.items()], SCHEMA, orient="row")
        table.write(Changes(upserts, pl.LazyFrame({"key": removed}, {"key": pl.Int64})), declaration)
        expected = {key: row for key, row in expected.items() if key not in removed} | rows

        assert sorted(table.scan().collect().rows()) == sorted((key, *row) for key, row in expected.items())
    shutil.rmtree(folder)
