"""A pointer that cannot be followed is an error that says what to do, and nothing is removed on its word."""

from typing import Any

import pytest

from millrace.errors import SourceUnreadableError
from millrace.publication import FOLDER, MANIFEST, POINTER


@pytest.fixture
def root(spot: Any) -> Any:
    """A place where one set is published."""
    with spot.publisher().session() as session:
        with session.writing("a") as folder:
            (folder / MANIFEST).write_text("{}")
        session.switch("a", {})
    return spot


@pytest.mark.parametrize(
    "content",
    [b"", b'{"publication": ', b"[]", b"{}", b'"a"', b"7", b"null", b'{"publication": 5}', b"\xff"],
    ids=["empty", "cut_off", "list", "no_name", "text", "number", "null", "a_number_for_a_name", "no_utf8"],
)
def test_a_pointer_that_is_none_is_named_with_what_to_do(root: Any, content: bytes) -> None:
    root.store.put(POINTER, content)

    with pytest.raises(SourceUnreadableError) as caught:
        root.publisher().current()

    assert str(caught.value) == (
        f"{root.address}/{POINTER}: is no pointer to a publication; restore it, or remove it to begin anew"
    )


def test_a_pointer_to_what_is_gone_is_named_with_what_it_points_to(root: Any) -> None:
    root.remove(f"{FOLDER}/a/{MANIFEST}")

    with pytest.raises(SourceUnreadableError, match="points to a, which is gone or incomplete; restore the folder"):
        root.publisher().current()


def test_nothing_is_published_or_removed_on_a_corrupt_pointer(root: Any) -> None:
    root.store.put(POINTER, b"{")

    with pytest.raises(SourceUnreadableError), root.publisher(keep=1).session():
        raise AssertionError("the session began")

    assert root.store.has(f"{FOLDER}/a/{MANIFEST}")


def test_without_its_pointer_a_root_begins_anew(root: Any) -> None:
    root.store.put(POINTER, b"{")
    root.remove(POINTER)

    with root.publisher().session() as session:
        assert session.current is None
        session.switch("a", {})

    current = root.publisher().current()
    assert current is not None
    assert current.name == "a"
