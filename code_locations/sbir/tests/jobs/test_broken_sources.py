"""A broken award file: one clear line, a failed run, and what was served before."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def without_a_column(good: bytes, folder: Path) -> Path:
    path = folder / "awards.csv"
    path.write_bytes(good.replace(b"Award Amount", b"Amount of Coffee", 1))
    return path


def empty(_good: bytes, folder: Path) -> Path:
    path = folder / "awards.csv"
    path.write_bytes(b"")
    return path


def truncated_zip(good: bytes, folder: Path) -> Path:
    path = folder / "awards.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("awards.csv", good)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    return path


def truncated_gzip(good: bytes, folder: Path) -> Path:
    import gzip

    path = folder / "awards.csv.gz"
    packed = gzip.compress(good)
    path.write_bytes(packed[: len(packed) * 2 // 3])
    return path


def torn_rows(good: bytes, folder: Path) -> Path:
    path = folder / "awards.csv"
    head, *lines = good.splitlines(keepends=True)
    torn = [line[: len(line) // 2] + b"\n" if number % 3 == 0 else line for number, line in enumerate(lines)]
    path.write_bytes(b"".join([head, *torn]))
    return path


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (without_a_column, r"Award Amount"),
        (empty, r"empty"),
        (truncated_zip, r"is no readable zip"),
        (truncated_gzip, r"breaks off"),
        (torn_rows, r"rows rejected \(\d+\.\d%, at most 5\.0%\)"),
    ],
)
def test_a_broken_award_file_is_said_in_one_line_and_changes_nothing(
    settled: Any, sample: Path, tmp_path: Path, spoil: Callable[[bytes, Path], Path], says: str
) -> None:
    site, kept = settled.site, settled.site.environment
    site.environment = kept | {"SBIR_AWARDS": str(spoil((sample / "awards.csv").read_bytes(), tmp_path))}
    try:
        ended = site.run()
    finally:
        site.environment = kept

    assert not ended.success
    closed = [one.description for one in ended.checks.values() if not one.passed and one.severity.value == "ERROR"]
    lines = [*ended.failures.values(), *closed]
    said = [line for line in lines if line and re.search(says, line)]
    assert said, lines
    assert "\n" not in said[0]
    assert "validated_sbir_awards" not in ended.metadata
    assert settled.changed() == []


def test_a_given_source_that_is_not_there_is_said_with_the_next_step(settled: Any, tmp_path: Path) -> None:
    site, kept = settled.site, settled.site.environment
    site.environment = kept | {"SBIR_AWARDS": str(tmp_path / "nowhere.csv")}
    try:
        ended = site.run("raw_sbir_awards")
    finally:
        site.environment = kept

    assert not ended.success
    assert ended.retries == 0  # it would not be there in a minute either
    assert "nowhere.csv; give one" in ended.failures["raw_sbir_awards"]
