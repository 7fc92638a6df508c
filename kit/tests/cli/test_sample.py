"""`millrace sample` writes a domain's made-up source."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from millrace.cli.main import cli
from millrace.errors import ConfigurationError
from millrace.testing import tree_differences


def sample(folder: Path, seed: int) -> Any:
    arguments = ["sample", "museum", "--rows", "20", "--seed", str(seed), "--out", str(folder)]
    return CliRunner().invoke(cli, arguments, catch_exceptions=False)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert sample(tmp_path / name, seed).exit_code == 0

    assert tree_differences(tmp_path / "a", tmp_path / "b") == []
    assert tree_differences(tmp_path / "a", tmp_path / "c") != []


def test_what_points_the_domain_at_the_sample_is_printed(tmp_path: Path) -> None:
    result = sample(tmp_path / "a", 1)

    lines = dict(line.split("=", 1) for line in result.output.splitlines())
    assert lines["MUSEUM_SOURCE"].startswith(str(tmp_path / "a"))


def test_a_domain_that_reads_no_source_has_no_sample(workshop: Any, tmp_path: Path) -> None:
    workshop.write("", name="dry")

    with pytest.raises(ConfigurationError, match="domain dry: 1 problem: reads no source, so it has no sample"):
        CliRunner().invoke(cli, ["sample", "dry", "--out", str(tmp_path / "a")], catch_exceptions=False)
