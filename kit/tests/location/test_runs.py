"""A domain's job, made from its `config.yaml`, on a real instance."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.testing import materialize_job

DEFS = '''
import dagster as dg
import polars as pl
from millrace.errors import SourceMissingError, SourceUnavailableError
from millrace.runs import stage

ERRORS = {"transient": SourceUnavailableError, "permanent": SourceMissingError}

@dg.asset
@stage
def a_rows(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    """Fails at its first attempt in the way that the run's tag says."""
    kind = context.run.tags.get("fails")
    if kind and context.op_execution_context.retry_number == 0:
        raise ERRORS[kind]("mill.a_rows", "not today")
    return pl.LazyFrame({"attempt": [context.op_execution_context.retry_number + 1]})
'''


@pytest.mark.parametrize(
    ("tags", "success", "attempt"),
    [({}, True, 1), ({"fails": "transient"}, True, 2), ({"fails": "permanent"}, False, None)],
    ids=["well", "transient", "permanent"],
)
def test_a_domains_job_retries_what_is_transient_and_nothing_else(
    workshop: Any, tmp_path: Path, instance: dg.DagsterInstance, tags: dict[str, str], *, success: bool, attempt: int
) -> None:
    domain = workshop.write(DEFS)

    result = materialize_job(domain, "whole_job", tmp_path, instance, tags)

    assert result.success is success
    stage = tmp_path / "stages" / "mill" / "a_rows.parquet"
    assert stage.exists() is success
    if success:
        assert pl.read_parquet(stage)["attempt"].to_list() == [attempt]
