"""A folder's files reach a bucket under their names, with their types, in few requests, and leave it so."""

import gzip
from pathlib import Path
from typing import Any

import pytest
import urllib3

from millrace.stores import BucketStore

LAST = "manifest.json"
AWKWARD = [
    "objects/%2E1.json",
    "objects/%-0a.json",
    "objects/a b+c&d=e.json",
    "objects/Käthe 浮世絵.json",
    f"objects/{'x' * 250}.json",
    "deep/er/and/deeper.txt",
    ".hidden",
]


@pytest.fixture
def store(object_store: Any) -> BucketStore:
    return object_store.place().store()


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Methods of all requests from now on."""
    made: list[str] = []
    urlopen = urllib3.PoolManager.urlopen

    def counted(self: urllib3.PoolManager, method: str, *rest: Any, **more: Any) -> Any:
        made.append(method)
        return urlopen(self, method, *rest, **more)

    monkeypatch.setattr(urllib3.PoolManager, "urlopen", counted)
    return made


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in {**files, LAST: b"{}"}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def names(store: BucketStore) -> set[str]:
    return set(store._sizes_below("tree"))


def test_any_name_and_any_size_arrives_as_it_is(store: BucketStore, tmp_path: Path) -> None:
    large = bytes(range(256)) * 4096 * 7  # 7 MiB: in parts
    files = {**{name: name.encode() for name in AWKWARD}, "empty.txt": b"", "large.bin": large}

    store.put_tree("tree", fill(tmp_path, files), LAST)

    assert names(store) == {*files, LAST}
    assert {name: store.read(f"tree/{name}") for name in files} == files


def test_a_browser_is_told_what_a_file_is(store: BucketStore, tmp_path: Path) -> None:
    expected = {
        "a.json": "application/json",
        "a.html": "text/html",
        "a.xml": "application/xml",
        "a.ndjson": "application/x-ndjson",
        "a.ndjson.gz": "application/gzip",
        "a.parquet": "application/vnd.apache.parquet",
        "a.unheard": "application/octet-stream",
        LAST: "application/json",
    }

    store.put_tree("tree", fill(tmp_path, {name: gzip.compress(b"") for name in expected}), LAST)
    store.put("current.json", b"{}")

    def told(name: str) -> str | None:
        return store.client.stat_object(store.bucket, f"{store.prefix}/{name}").content_type

    assert {name: told(f"tree/{name}") for name in expected} == expected
    assert told("current.json") == "application/json"


def test_what_was_there_before_and_is_not_meant_to_be_goes(store: BucketStore, tmp_path: Path) -> None:
    for name in ("tree/stray.txt", "tree/deep/stray.txt", "tree/a.txt", "trees/other.txt", "other.txt"):
        store.put(name, b"before")

    store.put_tree("tree", fill(tmp_path, {"a.txt": b"after"}), LAST)

    assert names(store) == {"a.txt", LAST}
    assert store.read("tree/a.txt") == b"after"
    assert store.has("trees/other.txt")
    assert store.has("other.txt")


def test_thousands_of_files_come_and_go_in_a_few_requests(
    store: BucketStore, tmp_path: Path, requests: list[str]
) -> None:
    files = {f"objects/{number}.json": b"x" * 1500 for number in range(2_100)}
    fill(tmp_path, files)
    assert store.folders("tree") == []  # the client looks around first
    requests.clear()

    store.put_tree("tree", tmp_path, LAST)

    assert names(store) == {*files, LAST}
    assert requests.count("PUT") == 3  # 2,100 times 3.5 KiB in archives of 4 MiB, and the last
    requests.clear()
    store.remove_tree("tree")
    assert names(store) == set()
    assert requests.count("POST") == 3  # a thousand with each
    assert "DELETE" not in requests
