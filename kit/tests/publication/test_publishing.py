"""What readers find after a publication, and what a publication leaves alone."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from millrace.publication import FOLDER, MANIFEST, POINTER, FolderPublisher, Publication

Publish = Callable[[str], Publication]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "mill"


@pytest.fixture
def publish(root: Path) -> Publish:
    """Publish a set whose files hold its name."""

    def run(name: str) -> Publication:
        with FolderPublisher(root).session() as session:
            if not session.has(name):
                with session.writing(name) as folder:
                    (folder / "rows.txt").write_text(name)
                    (folder / MANIFEST).write_text(json.dumps({"name": name}))
            return session.switch(name, {"rows": len(name)})

    return run


def modified(folder: Path) -> dict[str, int]:
    paths = [path for path in folder.rglob("*") if path.name != ".lock"]  # a session opens it; it holds nothing
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in paths}


def test_before_the_first_publication_readers_find_nothing(root: Path) -> None:
    assert FolderPublisher(root).current() is None


def test_the_first_publication_is_what_readers_find(root: Path, publish: Publish) -> None:
    published = publish("first")

    current = FolderPublisher(root).current()
    assert current == published
    assert current is not None
    assert current.read("rows.txt") == b"first"
    assert json.loads((root / POINTER).read_bytes()) == {
        "publication": "first",
        "manifest": "publications/first/manifest.json",
        "rows": 5,
    }


def test_a_second_publication_takes_the_first_ones_place(root: Path, publish: Publish) -> None:
    publish("first")
    publish("second")

    current = FolderPublisher(root).current()
    assert current is not None
    assert current.name == "second"
    assert (root / FOLDER / "first" / "rows.txt").read_text() == "first"  # for readers with the old pointer


def test_the_same_content_again_writes_nothing(root: Path, publish: Publish) -> None:
    publish("first")
    before = modified(root)

    publish("first")

    assert modified(root) == before
    publish("second")  # the comparison would notice: new content is written
    assert modified(root) != before


def test_other_facts_about_the_same_content_replace_the_pointer_alone(root: Path, publish: Publish) -> None:
    publish("first")
    content = root / FOLDER / "first" / "rows.txt"
    before = content.stat().st_mtime_ns

    with FolderPublisher(root).session() as session:
        session.switch("first", {"rows": 99})

    current = FolderPublisher(root).current()
    assert current is not None
    assert current.pointer["rows"] == 99
    assert content.stat().st_mtime_ns == before


def test_a_session_knows_what_was_published_before_it(root: Path, publish: Publish) -> None:
    first = publish("first")

    with FolderPublisher(root).session() as session:
        assert session.current == first
        assert session.has("first")
        assert not session.has("second")


def test_a_small_file_can_be_placed_beside_the_pointer(root: Path, publish: Publish) -> None:
    publish("first")

    with FolderPublisher(root).session() as session:
        session.place("report.json", b"one")
        session.place("report.json", b"two")

    assert (root / "report.json").read_bytes() == b"two"
    assert sorted(path.name for path in root.iterdir()) == [POINTER, FOLDER, "report.json"]


def test_a_publication_without_a_manifest_is_refused(root: Path) -> None:
    with (
        pytest.raises(ValueError, match=r"publication first has no manifest\.json"),
        FolderPublisher(root).session() as session,
        session.writing("first") as folder,
    ):
        (folder / "rows.txt").write_text("x")

    assert FolderPublisher(root).current() is None


def test_nothing_can_be_shown_that_is_not_there_whole(root: Path) -> None:
    with FolderPublisher(root).session() as session:
        (root / FOLDER / "half").mkdir()
        for name in ("none", "half"):
            with pytest.raises(ValueError, match=f"publication {name} is not there or not whole"):
                session.switch(name, {})

    assert not (root / POINTER).exists()


def test_a_folder_that_is_there_without_a_manifest_is_written_anew(root: Path, publish: Publish) -> None:
    (root / FOLDER / "first").mkdir(parents=True)
    (root / FOLDER / "first" / "stray.txt").write_text("half")

    published = publish("first")

    assert sorted(path.name for path in (root / FOLDER / published.name).iterdir()) == [MANIFEST, "rows.txt"]


@pytest.mark.parametrize("keep", [0, -1])
def test_a_publisher_that_would_keep_nothing_is_refused(root: Path, keep: int) -> None:
    with pytest.raises(ValueError, match=f"keep is {keep}; at least the current publication stays"):
        FolderPublisher(root, keep)
