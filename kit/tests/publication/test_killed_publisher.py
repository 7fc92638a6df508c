"""A publisher that ends anywhere leaves the old set visible, and the next one cleans up after it."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from millrace.publication import FOLDER, MANIFEST, FolderPublisher, Session


class Killed(BaseException):
    """Stands in for the end of the process: nothing of ours catches it."""


@contextmanager
def killed() -> Generator[None]:
    with pytest.raises(Killed):
        yield


def write(session: Session, name: str) -> None:
    with session.writing(name) as folder:
        (folder / "rows.txt").write_text(name)
        (folder / MANIFEST).write_text("{}")


def publish(root: Path, name: str, keep: int = 3) -> None:
    with FolderPublisher(root, keep).session() as session:
        if not session.has(name):
            write(session, name)
        session.switch(name, {})


def visible(root: Path) -> str:
    current = FolderPublisher(root).current()
    assert current is not None
    return current.name


def folders(root: Path) -> set[str]:
    return {path.name for path in (root / FOLDER).iterdir() if path.is_dir()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root on which `old` is published."""
    publish(tmp_path, "old")
    return tmp_path


def test_killed_while_it_writes_the_old_set_stays_visible_and_the_leftover_goes_next_time(root: Path) -> None:
    with killed(), FolderPublisher(root).session() as session, session.writing("new") as folder:
        (folder / "rows.txt").write_text("ha")
        raise Killed

    assert visible(root) == "old"
    assert folders(root) == {"old", ".writing-new"}
    publish(root, "new")
    assert visible(root) == "new"
    assert folders(root) == {"old", "new"}


def test_killed_between_writing_and_switch_the_old_set_stays_visible_and_the_new_one_is_used_next_time(
    root: Path,
) -> None:
    with killed(), FolderPublisher(root).session() as session:
        write(session, "new")
        raise Killed
    written = (root / FOLDER / "new" / "rows.txt").stat().st_mtime_ns

    assert visible(root) == "old"
    publish(root, "new")
    assert visible(root) == "new"
    assert (root / FOLDER / "new" / "rows.txt").stat().st_mtime_ns == written


def test_killed_while_it_removes_a_superseded_set_no_half_of_it_is_ever_shown_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(root, "new")

    def half(folder: Path) -> None:
        (Path(folder) / "rows.txt").unlink()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half)
        with killed(), FolderPublisher(root, keep=1).session():
            pass

    publish(root, "old")  # the old content comes back
    assert visible(root) == "old"
    assert (root / FOLDER / "old" / "rows.txt").read_text() == "old"
    assert folders(root) == {"old", "new"}


def test_an_error_lets_the_next_publisher_in(root: Path) -> None:
    with killed(), FolderPublisher(root).session():
        raise Killed

    publish(root, "new")

    assert visible(root) == "new"
