"""`millrace rejects` prints what an asset turned away."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from millrace.cli.main import cli
from millrace.errors import SourceMissingError
from millrace.quality.rejects import Reject, RejectKind, RejectLog
from millrace.settings import Settings


@pytest.fixture(autouse=True)
def home(workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    workshop.write("")
    monkeypatch.setenv("MILLRACE_HOME", str(tmp_path))
    return tmp_path


def test_each_reject_is_a_line_with_place_and_reason(home: Path) -> None:
    with RejectLog(Settings(home=home).rejects("mill").store(), "grain.ndjson") as log:
        log.add(Reject(RejectKind.ROW, "grain.csv:3", "no weight", "missing_weight", "3,,wheat"))

    done = CliRunner().invoke(cli, ["rejects", "mill", "grain"], catch_exceptions=False)

    assert (done.exit_code, done.output.count("\n")) == (0, 1)
    assert '"place":"grain.csv:3","reason":"no weight"' in done.output


def test_an_asset_that_never_ran_is_an_error() -> None:
    with pytest.raises(SourceMissingError, match="rejects of mill/flour: there are none, not even an empty file; run"):
        CliRunner().invoke(cli, ["rejects", "mill", "flour"], catch_exceptions=False)
