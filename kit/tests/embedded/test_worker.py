"""A domain in a process of its own: how it fails, what it may print, and what its parent hears."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from millrace.embedded.demo import DomainResult, Request, run_demo
from millrace.testing import Silence

DEFS = '''
import logging
import dagster as dg
import polars as pl
from millrace.errors import SourceUnavailableError
from millrace.runs import stage

BUSY = SourceUnavailableError("mill.rows", "busy")

@dg.asset
@stage
def a_rows(context: dg.AssetExecutionContext) -> pl.LazyFrame:
    """Prints, logs, and succeeds at its second attempt."""
    print("printed by an asset")
    logging.getLogger(__name__).info("logged by an asset")
    if context.op_execution_context.retry_number == 0:
        raise BUSY
    return pl.LazyFrame({"a": [1, 2, 3]})

@dg.asset
@stage
def b_rows(a_rows: pl.LazyFrame) -> pl.LazyFrame:
    """Never succeeds."""
    raise BUSY
'''


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all: its cluster is made once."""
    return tmp_path_factory.mktemp("home")


def run(home: Path, name: str) -> tuple[DomainResult, list[dict[str, Any]]]:
    silence = Silence()
    (result,) = run_demo(Request(home, name), silence)
    return result, [dict(message) for message in silence.messages]


def test_a_domain_that_cannot_be_imported_fails_with_the_end_of_its_log(workshop: Any, home: Path) -> None:
    workshop.write("", name="broken", head="import no_such_module")

    result, messages = run(home, "broken")

    assert not result.success
    assert messages == []
    (line,) = result.failures
    assert line.startswith(f"the process ended with exit code 1; the end of {home / 'logs' / 'broken.log'}:\n")
    assert line.endswith("ModuleNotFoundError: No module named 'no_such_module'")


def test_a_source_given_to_a_domain_that_takes_none_is_one_failure_line(workshop: Any) -> None:
    workshop.write("", name="dry")
    order = {"domain": "dry", "source": "/data", "mapping": None, "rows": None, "sample": "/nowhere"}

    ended = subprocess.run(
        [sys.executable, "-m", "millrace.embedded.worker", json.dumps(order)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    error = "domain dry: takes no --source; leave it out"
    assert json.loads(line) == {"event": "failure", "step": None, "error": error}


def test_a_domain_may_print_log_retry_and_fail_and_its_parent_hears_each_in_its_place(
    workshop: Any, home: Path
) -> None:
    workshop.write(DEFS, name="chatty", head="print('printed at import')")

    result, messages = run(home, "chatty")

    assert [(asset.asset, asset.state, asset.rows) for asset in result.assets] == [
        ("a_rows", "written", 3),
        ("b_rows", "failed", 0),
    ]
    assert [message["text"] for message in messages if message["event"] == "progress"] == ["logged by an asset"] * 2
    retries = [(message["step"], message["error"]) for message in messages if message["event"] == "retry"]
    busy = "millrace.errors.SourceUnavailableError: mill.rows: busy"
    assert retries == [("a_rows", busy), ("b_rows", busy), ("b_rows", busy)]
    assert not result.success
    assert f"b_rows: {busy}" in result.failures
    assert "printed at import" in (home / "logs" / "chatty.log").read_text()
    assert json.loads(result.as_json())["failures"] == result.failures
