"""Two folders are the same or it is said how they differ."""

from pathlib import Path

import pytest

from millrace.testing import tree_differences


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal folders."""
    for side in ("left", "right"):
        (tmp_path / side / "deep").mkdir(parents=True)
        (tmp_path / side / "a.txt").write_text("a")
        (tmp_path / side / "deep" / "b.txt").write_text("b")
    return tmp_path / "left", tmp_path / "right"


def test_equal_folders_do_not_differ(trees: tuple[Path, Path]) -> None:
    assert tree_differences(*trees) == []


def test_every_difference_is_named(trees: tuple[Path, Path]) -> None:
    left, right = trees
    (left / "deep" / "b.txt").write_text("B")
    (left / "ours.txt").write_text("")
    (right / "deep" / "theirs.txt").write_text("")

    assert tree_differences(left, right) == [
        f"only in {left}: ours.txt",
        f"only in {right}: deep/theirs.txt",
        "differs: deep/b.txt",
    ]


def test_a_file_that_moved_is_missing_on_both_sides(trees: tuple[Path, Path]) -> None:
    left, right = trees
    (right / "a.txt").rename(right / "deep" / "a.txt")

    assert tree_differences(left, right) == [f"only in {left}: a.txt", f"only in {right}: deep/a.txt"]


def test_an_ignored_name_does_not_count_wherever_it_stands(trees: tuple[Path, Path]) -> None:
    left, right = trees
    (left / "deep" / "b.txt").write_text("B")
    (right / "b.txt").write_text("new")

    assert tree_differences(left, right, ignore=("b.txt",)) == []
    assert tree_differences(left, right) != []
