"""A pointer that cannot be followed is an error that says what to do, and nothing is removed on its word."""

from pathlib import Path

import pytest

from millrace.errors import SourceUnreadableError
from millrace.publication import FOLDER, MANIFEST, POINTER, FolderPublisher


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root on which one set is published."""
    with FolderPublisher(tmp_path).session() as session:
        with session.writing("a") as folder:
            (folder / MANIFEST).write_text("{}")
        session.switch("a", {})
    return tmp_path


@pytest.mark.parametrize(
    "content",
    [b"", b'{"publication": ', b"[]", b"{}", b'"a"', b"7", b"null", b'{"publication": 5}', b"\xff"],
    ids=["empty", "cut_off", "list", "no_name", "text", "number", "null", "a_number_for_a_name", "no_utf8"],
)
def test_a_pointer_that_is_none_is_named_with_what_to_do(root: Path, content: bytes) -> None:
    (root / POINTER).write_bytes(content)

    with pytest.raises(SourceUnreadableError) as caught:
        FolderPublisher(root).current()

    assert str(caught.value) == (
        f"{root / POINTER}: is no pointer to a publication; restore it, or remove it to begin anew"
    )


def test_a_pointer_to_what_is_gone_is_named_with_what_it_points_to(root: Path) -> None:
    (root / FOLDER / "a" / MANIFEST).unlink()

    with pytest.raises(SourceUnreadableError, match="points to a, which is gone or incomplete; restore the folder"):
        FolderPublisher(root).current()


def test_nothing_is_published_or_removed_on_a_corrupt_pointer(root: Path) -> None:
    (root / POINTER).write_bytes(b"{")

    with pytest.raises(SourceUnreadableError), FolderPublisher(root, keep=1).session():
        raise AssertionError("the session began")

    assert (root / FOLDER / "a" / MANIFEST).exists()


def test_without_its_pointer_a_root_begins_anew(root: Path) -> None:
    (root / POINTER).write_bytes(b"{")
    (root / POINTER).unlink()

    with FolderPublisher(root).session() as session:
        assert session.current is None
        session.switch("a", {})

    current = FolderPublisher(root).current()
    assert current is not None
    assert current.name == "a"
