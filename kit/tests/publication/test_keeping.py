"""Superseded publications stay for readers with an old pointer, then go, in a folder and in a bucket."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from millrace.publication import FOLDER, MANIFEST, POINTER, FolderPublisher


def publish(spot: Any, name: str, keep: int) -> None:
    with spot.publisher(keep).session() as session:
        if not session.has(name):
            with session.writing(name) as folder:
                (folder / MANIFEST).write_text("{}")
        session.switch(name, {})
    time.sleep(0.01)  # file systems tell times apart by milliseconds


@pytest.mark.parametrize(
    ("keep", "expected"), [(1, ["e", "f"]), (2, ["d", "e", "f"]), (3, ["c", "d", "e", "f"]), (9, list("abcdef"))]
)
def test_a_publication_leaves_as_many_as_are_kept_and_its_own(spot: Any, keep: int, expected: list[str]) -> None:
    for name in "abcdef":
        publish(spot, name, keep)

    assert spot.standing() == expected


@pytest.mark.parametrize(("keep", "expected"), [(1, ["f"]), (2, ["e", "f"]), (3, ["d", "e", "f"])])
def test_a_session_that_publishes_nothing_new_leaves_as_many_as_are_kept(
    spot: Any, keep: int, expected: list[str]
) -> None:
    for name in "abcdeff":
        publish(spot, name, keep)

    assert spot.standing() == expected


def test_what_was_shown_last_stays_longest_also_where_it_was_written_first(spot: Any) -> None:
    for name in ["a", "b", "a", "c"]:
        publish(spot, name, 3)

    publish(spot, "c", 2)

    assert spot.standing() == ["a", "c"]


def test_what_lies_beside_the_publications_stays(spot: Any) -> None:
    publish(spot, "a", 1)
    with spot.publisher(1).session() as session:
        session.place("report.json", b"one")
    publish(spot, "b", 1)
    publish(spot, "b", 1)

    assert set(spot.contents()) == {"report.json", POINTER, f"{FOLDER}/b/{MANIFEST}"}


def test_the_current_publication_stays_however_old_it_is(tmp_path: Path) -> None:
    def publish_in_folder(name: str) -> None:
        with FolderPublisher(tmp_path, 1).session() as session:
            if not session.has(name):
                with session.writing(name) as folder:
                    (folder / MANIFEST).write_text("{}")
            session.switch(name, {})

    publish_in_folder("a")
    publish_in_folder("b")
    os.utime(tmp_path / FOLDER / "b", (0, 0))

    publish_in_folder("b")

    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir() if path.is_dir()) == ["b"]


def test_without_a_pointer_nothing_is_removed(spot: Any) -> None:
    for name in "abc":
        publish(spot, name, 3)
    spot.remove(POINTER)

    with spot.publisher(1).session():
        pass

    assert spot.standing() == ["a", "b", "c"]
