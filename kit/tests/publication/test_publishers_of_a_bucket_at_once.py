"""Publishers of a bucket have no lock: one of them finds the pointer changed, and what is shown is whole."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.errors import SourceUnavailableError, TransientError, is_transient
from millrace.publication import FOLDER, MANIFEST, POINTER, BucketPublisher
from millrace.stores import BucketStore

FILES = 40


@pytest.fixture
def store(object_store: Any) -> BucketStore:
    return object_store.place().store()


def write(folder: Path, name: str) -> None:
    for number in range(FILES):
        (folder / f"{number}.txt").write_text(name)
    (folder / MANIFEST).write_text("{}")


def publish(store: BucketStore, name: str, before_switch: Callable[[], object] = lambda: None) -> None:
    with BucketPublisher(store).session() as session:
        if not session.has(name):
            with session.writing(name) as folder:
                write(folder, name)
        before_switch()
        session.switch(name, {})


def shown(store: BucketStore) -> str:
    """Name of what readers see; every file of it is read."""
    current = BucketPublisher(store).current()
    assert current is not None
    assert {current.read(f"{number}.txt") for number in range(FILES)} == {current.name.encode()}
    return current.name


def test_the_pointer_is_replaced_only_as_it_was_read(store: BucketStore) -> None:
    assert store.version(POINTER) is None
    assert not store.replace_version(POINTER, b"late", "0" * 32)  # gone since it was read
    assert store.replace_version(POINTER, b"first", None)
    first = store.version(POINTER)

    assert not store.replace_version(POINTER, b"late", None)  # there since it was looked for
    assert store.replace_version(POINTER, b"second", first)
    assert not store.replace_version(POINTER, b"late", first)  # changed since it was read
    assert store.read(POINTER) == b"second"


def test_of_many_who_replace_the_pointer_at_once_one_does(store: BucketStore) -> None:
    store.put(POINTER, b"old")
    version = store.version(POINTER)
    start = threading.Barrier(8)
    wrote: list[int] = []

    def replace(number: int) -> None:
        start.wait()
        if store.replace_version(POINTER, str(number).encode(), version):
            wrote.append(number)

    threads = [threading.Thread(target=replace, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(wrote) == 1
    assert store.read(POINTER) == str(wrote[0]).encode()


@pytest.mark.parametrize("before", [None, "old"], ids=["first", "later"])
def test_who_comes_late_fails_transiently_and_succeeds_the_next_time(store: BucketStore, before: str | None) -> None:
    if before is not None:
        publish(store, before)

    with pytest.raises(TransientError, match="another run has published since this one began; it is tried") as caught:
        publish(store, "slow", before_switch=lambda: publish(store, "quick"))

    assert is_transient(caught.value)
    assert shown(store) == "quick"
    publish(store, "slow")
    assert shown(store) == "slow"


def test_two_that_publish_the_same_leave_it_whole(store: BucketStore) -> None:
    publish(store, "old")

    with BucketPublisher(store).session() as slow, slow.writing("same") as folder:
        write(folder, "same")
        publish(store, "same")

    assert shown(store) == "same"


def test_what_another_run_removed_meanwhile_is_sent_again(store: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    send = BucketStore._send_packed

    def send_and_lose(self: BucketStore, name: str, folder: Path, sizes: dict[str, int]) -> None:
        send(self, name, folder, sizes)
        self.remove(f"{name}/7.txt")

    monkeypatch.setattr(BucketStore, "_send_packed", send_and_lose)

    publish(store, "new")

    assert shown(store) == "new"


def test_what_another_run_removes_again_and_again_is_not_shown(
    store: BucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, "old")
    monkeypatch.setattr(BucketStore, "_send_packed", lambda *_: None)
    monkeypatch.setattr(BucketStore, "_send_singly", lambda *_: None)

    with pytest.raises(SourceUnavailableError, match=r"publications/new: 40 of 40 files are gone after they were"):
        publish(store, "new")

    assert shown(store) == "old"
    assert not store.has(f"{FOLDER}/new/{MANIFEST}")


def test_a_set_that_is_shown_again_while_another_run_lists_it_is_not_forgotten(store: BucketStore) -> None:
    for name in ("a", "b", "c"):
        publish(store, name)
    store.put(f"{FOLDER}/.shown.json", b'["a"]')  # what a run at the same time may have left of it

    publish(store, "d")
    publish(store, "d")

    assert {"c", "d"} <= set(store.folders(FOLDER))


def test_a_store_that_unpacks_no_archives_gets_each_file(store: BucketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.stores.bucket.unpacked_below", lambda prefix: {"X-Amz-Meta-Ignored": prefix})

    publish(store, "new")

    assert shown(store) == "new"
    found = store.client.list_objects(store.bucket, f"{store.prefix}/{FOLDER}/new/", recursive=True)
    assert not [one.object_name for one in found if one.object_name.endswith(".tar")]
