"""A domain whose assets ask for Iceberg tables is given them; any other needs nothing that belongs to them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import dataframely as dy

from millrace.location import assemble
from millrace.quality import Contract
from millrace.settings import Settings
from millrace.testing import materialize_job

DEFS = '''
import dagster as dg
import polars as pl
from millrace.lakehouse import Mode, table
from millrace.runs import stage

@dg.asset(io_manager_key="tables", metadata=table(mode=Mode.UPSERT, key=["key"]))
@stage
def a_rows() -> pl.LazyFrame:
    """Rows."""
    return pl.LazyFrame({"key": ["a", "b"], "value": [1, 2]})

@dg.asset
@stage
def b_rows(a_rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows in a stage file, from a table."""
    return a_rows.filter(pl.col("value") > 1)
'''
WITHOUT = """
import sys

class Refuser:
    def find_spec(self, name, *_):
        if name.split(".")[0] in ("pyiceberg", "polars_iceberg"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuser())
from pathlib import Path
from millrace.domains import installed_domain
from millrace.location import assemble
from millrace.settings import Settings

domain = installed_domain("museum").load()
assert "tables" not in (assemble(domain, Settings(home=Path(sys.argv[1]))).resources or {})
from millrace.lakehouse import Mode, table
table(mode=Mode.APPEND)
sys.stdout.write("all of it")
"""


class Row(dy.Schema):
    key = dy.String(primary_key=True)
    value = dy.Int64(nullable=False, max=1)


def test_an_assets_table_is_read_by_stages_and_judged_by_its_contract(
    workshop: Any, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    config = {"max_rejected_share": {"a_rows": 0.5}}
    domain = workshop.write(DEFS, config=config, contracts={"a_rows": Contract(Row, blocking=False)})

    result = materialize_job(domain, "whole_job", tmp_path, instance)

    assert result.success
    judged = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert judged["a_rows_contract_check"] is False  # of the value 2
    assert judged["a_rows_intake_check"] is True
    assert Settings(home=tmp_path).tables("mill").table("a_rows").scan().collect().height == 2
    assert (tmp_path / "stages" / "mill" / "b_rows.parquet").is_file()
    assert not (tmp_path / "stages" / "mill" / "a_rows.parquet").exists()


def test_only_a_domain_that_asks_for_tables_is_given_them(workshop: Any, tmp_path: Path) -> None:
    asking = assemble(workshop.write(DEFS), Settings(home=tmp_path))
    other = assemble(
        workshop.write(DEFS.replace('io_manager_key="tables", ', ""), name="other"), Settings(home=tmp_path)
    )

    assert "tables" in (asking.resources or {})
    assert "tables" not in (other.resources or {})


def test_a_domain_without_tables_needs_no_extra(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", WITHOUT, str(tmp_path)], capture_output=True, text=True, check=False)

    assert ended.stdout == "all of it", ended.stderr
