"""A publisher that ends anywhere leaves the old set visible, and the next one cleans up after it."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import millrace.publication.bucket
from millrace.publication import FOLDER, MANIFEST, FolderPublisher, Session
from millrace.stores import BucketStore

DAY_SECONDS = timedelta(days=1).total_seconds()


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


def publish(spot: Any, name: str, keep: int = 3) -> None:
    with spot.publisher(keep).session() as session:
        if not session.has(name):
            write(session, name)
        session.switch(name, {})


def visible(spot: Any) -> str:
    current = spot.publisher().current()
    assert current is not None
    assert current.read("rows.txt") == current.name.encode()
    return current.name


@pytest.fixture
def old(spot: Any) -> Any:
    """A place where `old` is published."""
    publish(spot, "old")
    return spot


@pytest.fixture
def bucket(bucket_spot: Any) -> Any:
    """The same, a bucket only."""
    publish(bucket_spot, "old")
    return bucket_spot


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same, a folder only."""
    with FolderPublisher(tmp_path).session() as session:
        write(session, "old")
        session.switch("old", {})
    return tmp_path


def folders(root: Path) -> set[str]:
    return {path.name for path in (root / FOLDER).iterdir() if path.is_dir()}


def test_killed_while_it_writes_the_old_set_stays_visible_and_the_leftover_goes_next_time(old: Any) -> None:
    with killed(), old.publisher().session() as session, session.writing("new") as folder:
        (folder / "rows.txt").write_text("ha")
        raise Killed

    assert visible(old) == "old"
    publish(old, "new")
    assert visible(old) == "new"
    assert old.standing() == ["new", "old"]


def test_killed_between_writing_and_switch_the_old_set_stays_visible_and_the_new_one_is_used_next_time(
    old: Any,
) -> None:
    with killed(), old.publisher().session() as session:
        write(session, "new")
        raise Killed
    written = old.stamps()[f"{FOLDER}/new/rows.txt"]

    assert visible(old) == "old"
    publish(old, "new")
    assert visible(old) == "new"
    assert old.stamps()[f"{FOLDER}/new/rows.txt"] == written


def test_an_error_lets_the_next_publisher_in(old: Any) -> None:
    with killed(), old.publisher().session():
        raise Killed

    publish(old, "new")

    assert visible(old) == "new"


def test_in_a_folder_what_a_killed_run_was_writing_goes_next_time(folder: Path) -> None:
    with killed(), FolderPublisher(folder).session() as session, session.writing("new"):
        raise Killed

    assert folders(folder) == {"old", ".writing-new"}
    with FolderPublisher(folder).session():
        pass
    assert folders(folder) == {"old"}


def test_in_a_folder_no_half_removed_set_is_ever_shown_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with FolderPublisher(folder).session() as session:
        write(session, "new")
        session.switch("new", {})

    def half(doomed: Path) -> None:
        (Path(doomed) / "rows.txt").unlink()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", half)
        with killed(), FolderPublisher(folder, keep=1).session():
            pass

    with FolderPublisher(folder).session() as session:
        assert not session.has("old")
        write(session, "old")  # the old content comes back
        session.switch("old", {})
    assert (folder / FOLDER / "old" / "rows.txt").read_text() == "old"
    assert folders(folder) == {"old", "new"}


def test_in_a_bucket_killed_amid_its_uploads_nothing_is_taken_for_whole(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(store: BucketStore, name: str, path: Path) -> None:
        assert name == f"{FOLDER}/new/{MANIFEST}"  # everything else is there
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(BucketStore, "_put_file", half)
        with killed(), bucket.publisher().session() as session:
            write(session, "new")

    assert bucket.store.has(f"{FOLDER}/new/rows.txt")
    assert visible(bucket) == "old"
    with bucket.publisher().session() as session:
        assert not session.has("new")
    publish(bucket, "new")
    assert visible(bucket) == "new"


def test_in_a_bucket_no_half_removed_set_is_ever_shown_again(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(bucket, "new")

    def nothing(store: BucketStore, name: str) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(BucketStore, "remove_tree", nothing)
        with killed(), bucket.publisher(keep=1).session():
            pass

    assert bucket.store.has(f"{FOLDER}/old/rows.txt")
    assert visible(bucket) == "new"
    publish(bucket, "old")  # the old content comes back
    assert visible(bucket) == "old"
    assert bucket.standing() == ["new", "old"]


@pytest.mark.parametrize(("age_seconds", "stays"), [(DAY_SECONDS + 60, False), (DAY_SECONDS - 60, True)])
def test_in_a_bucket_what_a_killed_run_left_goes_a_day_later(
    bucket: Any, monkeypatch: pytest.MonkeyPatch, age_seconds: float, *, stays: bool
) -> None:
    bucket.store.put(f"{FOLDER}/half/rows.txt", b"ha")
    assert 0 <= bucket.store.age_seconds(f"{FOLDER}/half") < 60
    monkeypatch.setattr(BucketStore, "age_seconds", lambda *_: age_seconds)

    with bucket.publisher().session():
        pass

    assert bucket.standing() == (["half", "old"] if stays else ["old"])  # `old` is as old, and shown


def test_what_is_abandoned_is_a_day_old() -> None:
    assert millrace.publication.bucket._ABANDONED_AFTER_SECONDS == DAY_SECONDS
