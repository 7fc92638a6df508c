"""Superseded publications stay for readers with an old pointer, then go."""

import os
import time
from pathlib import Path

import pytest

from millrace.publication import FOLDER, MANIFEST, FolderPublisher


def publish(root: Path, name: str, keep: int) -> None:
    with FolderPublisher(root, keep).session() as session:
        if not session.has(name):
            with session.writing(name) as folder:
                (folder / MANIFEST).write_text("{}")
        session.switch(name, {})
    time.sleep(0.01)  # file systems tell times apart by milliseconds


def standing(root: Path) -> list[str]:
    return sorted(path.name for path in (root / FOLDER).iterdir() if path.is_dir())


@pytest.mark.parametrize(
    ("keep", "expected"), [(1, ["e", "f"]), (2, ["d", "e", "f"]), (3, ["c", "d", "e", "f"]), (9, list("abcdef"))]
)
def test_a_publication_leaves_as_many_as_are_kept_and_its_own(tmp_path: Path, keep: int, expected: list[str]) -> None:
    for name in "abcdef":
        publish(tmp_path, name, keep)

    assert standing(tmp_path) == expected


@pytest.mark.parametrize(("keep", "expected"), [(1, ["f"]), (2, ["e", "f"]), (3, ["d", "e", "f"])])
def test_a_session_that_publishes_nothing_new_leaves_as_many_as_are_kept(
    tmp_path: Path, keep: int, expected: list[str]
) -> None:
    for name in "abcdeff":
        publish(tmp_path, name, keep)

    assert standing(tmp_path) == expected


def test_what_was_shown_last_stays_longest_also_where_it_was_written_first(tmp_path: Path) -> None:
    for name in ["a", "b", "a", "c"]:
        publish(tmp_path, name, 3)

    publish(tmp_path, "c", 2)

    assert standing(tmp_path) == ["a", "c"]


def test_the_current_publication_stays_however_old_it_is(tmp_path: Path) -> None:
    publish(tmp_path, "a", 1)
    publish(tmp_path, "b", 1)
    os.utime(tmp_path / FOLDER / "b", (0, 0))

    publish(tmp_path, "b", 1)

    assert standing(tmp_path) == ["b"]


def test_without_a_pointer_nothing_is_removed(tmp_path: Path) -> None:
    for name in "abc":
        publish(tmp_path, name, 3)
    (tmp_path / "current.json").unlink()

    with FolderPublisher(tmp_path, 1).session():
        pass

    assert standing(tmp_path) == ["a", "b", "c"]
