"""What readers find after a publication, and what a publication leaves alone, in a folder and in a bucket."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.publication import FOLDER, MANIFEST, POINTER, BucketPublisher, FolderPublisher, Publication
from millrace.stores import BucketStore

Publish = Callable[[str], Publication]


def publish_at(spot: Any, name: str) -> Publication:
    with spot.publisher().session() as session:
        if not session.has(name):
            with session.writing(name) as folder:
                (folder / "objects").mkdir()
                (folder / "objects" / "%2E1.json").write_text("{}")
                (folder / "rows.txt").write_text(name)
                (folder / MANIFEST).write_text(json.dumps({"name": name}))
        return session.switch(name, {"rows": len(name)})


@pytest.fixture
def publish(spot: Any) -> Publish:
    """Publish a set whose files hold its name."""
    return lambda name: publish_at(spot, name)


def test_before_the_first_publication_readers_find_nothing(spot: Any) -> None:
    assert spot.publisher().current() is None


def test_the_first_publication_is_what_readers_find(spot: Any, publish: Publish) -> None:
    published = publish("first")

    current = spot.publisher().current()
    assert current == published
    assert current is not None
    assert current.read("rows.txt") == b"first"
    assert json.loads(spot.store.read(POINTER)) == {
        "publication": "first",
        "manifest": "publications/first/manifest.json",
        "rows": 5,
    }


def test_a_bucket_holds_the_same_bytes_under_the_same_names_as_a_folder(
    spot: Any, publish: Publish, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        publish(name)

    assert spot.contents() == {
        POINTER: b'{\n  "publication": "second",\n  "manifest": "publications/second/manifest.json",\n  "rows": 6\n}\n',
        **{f"{FOLDER}/{name}/objects/%2E1.json": b"{}" for name in ("first", "second")},
        **{f"{FOLDER}/{name}/rows.txt": name.encode() for name in ("first", "second")},
        **{f"{FOLDER}/{name}/{MANIFEST}": json.dumps({"name": name}).encode() for name in ("first", "second")},
    }


def test_a_second_publication_takes_the_first_ones_place(spot: Any, publish: Publish) -> None:
    publish("first")
    publish("second")

    current = spot.publisher().current()
    assert current is not None
    assert current.name == "second"
    assert spot.store.read(f"{FOLDER}/first/rows.txt") == b"first"  # for readers with the old pointer


def test_the_same_content_again_writes_nothing(spot: Any, publish: Publish) -> None:
    publish("first")
    before = spot.stamps()

    publish("first")

    assert spot.stamps() == before
    publish("second")  # the comparison would notice: new content is written
    assert spot.stamps() != before


def test_other_facts_about_the_same_content_replace_the_pointer_alone(spot: Any, publish: Publish) -> None:
    publish("first")
    before = spot.stamps()[f"{FOLDER}/first/rows.txt"]

    with spot.publisher().session() as session:
        session.switch("first", {"rows": 99})

    current = spot.publisher().current()
    assert current is not None
    assert current.pointer["rows"] == 99
    assert spot.stamps()[f"{FOLDER}/first/rows.txt"] == before


def test_a_session_knows_what_was_published_before_it(spot: Any, publish: Publish) -> None:
    first = publish("first")

    with spot.publisher().session() as session:
        assert session.current == first
        assert session.has("first")
        assert not session.has("second")


def test_a_small_file_can_be_placed_beside_the_pointer(spot: Any, publish: Publish) -> None:
    publish("first")

    with spot.publisher().session() as session:
        session.place("report.json", b"one")
        session.place("report.json", b"two")

    assert spot.store.read("report.json") == b"two"
    assert {name for name in spot.contents() if "/" not in name} == {POINTER, "report.json"}


def test_a_publication_without_a_manifest_is_refused(spot: Any) -> None:
    with (
        pytest.raises(ValueError, match=r"publication first has no manifest\.json"),
        spot.publisher().session() as session,
        session.writing("first") as folder,
    ):
        (folder / "rows.txt").write_text("x")

    assert spot.publisher().current() is None


def test_nothing_can_be_shown_that_is_not_there_whole(spot: Any) -> None:
    with spot.publisher().session() as session:
        spot.store.put(f"{FOLDER}/half/rows.txt", b"half")
        for name in ("none", "half"):
            with pytest.raises(ValueError, match=f"publication {name} is not there or not whole"):
                session.switch(name, {})

    assert not spot.store.has(POINTER)


def test_a_folder_that_is_there_without_a_manifest_is_written_anew(spot: Any, publish: Publish) -> None:
    spot.store.put(f"{FOLDER}/first/stray.txt", b"half")
    spot.store.put(f"{FOLDER}/first/rows.txt", b"half")

    publish("first")

    names = {name for name in spot.contents() if name.startswith(f"{FOLDER}/first/")}
    assert names == {f"{FOLDER}/first/{name}" for name in ("objects/%2E1.json", MANIFEST, "rows.txt")}
    assert spot.store.read(f"{FOLDER}/first/rows.txt") == b"first"


@pytest.mark.parametrize("keep", [0, -1])
def test_a_publisher_that_would_keep_nothing_is_refused(tmp_path: Path, keep: int) -> None:
    store = BucketStore("http://127.0.0.1:1", "b", "p", tmp_path)
    with pytest.raises(ValueError, match=f"keep is {keep}; at least the current publication stays"):
        FolderPublisher(tmp_path, keep)
    with pytest.raises(ValueError, match=f"keep is {keep}; at least the current publication stays"):
        BucketPublisher(store, keep)
