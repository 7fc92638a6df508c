"""`millrace sample` writes a domain's made-up source."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from millrace.cli.main import cli
from millrace.errors import ConfigurationError

# Writes one file that says what it was asked for.
HEAD = """
def write_sample(folder, rows, seed):
    folder.mkdir(parents=True)
    (folder / "rows.txt").write_text(f"{rows} {seed}")
    return {"MILL_SOURCE": str(folder)}
"""


@pytest.fixture
def mill(workshop: Any) -> None:
    workshop.write("", head=HEAD, definition="sample=write_sample")


def sample(folder: Path, seed: int) -> Any:
    arguments = ["sample", "mill", "--rows", "20", "--seed", str(seed), "--out", str(folder)]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


@pytest.mark.usefixtures("mill")
def test_the_domain_is_asked_for_that_many_rows_of_that_seed(tmp_path: Path) -> None:
    assert sample(tmp_path / "a", 7).exit_code == 0

    assert (tmp_path / "a" / "rows.txt").read_text() == "20 7"


@pytest.mark.usefixtures("mill")
def test_what_points_the_domain_at_the_sample_is_printed(tmp_path: Path) -> None:
    assert sample(tmp_path / "a", 1).output == f"MILL_SOURCE={tmp_path / 'a'}\n"


def test_a_domain_that_reads_no_source_has_no_sample(workshop: Any, tmp_path: Path) -> None:
    workshop.write("", name="dry")

    with pytest.raises(ConfigurationError, match="domain dry: reads no source, so it has no sample"):
        CliRunner().invoke(cli, ["sample", "dry", "--out", str(tmp_path / "a")], catch_exceptions=False)
