"""Documents: every identifier has one safe path, the name says the content, the manifest says the files."""

import gzip
import hashlib
import os
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace_museum.contracts import MAX_ID_CHARACTERS
from millrace_museum.outputs import documents, packing
from millrace_museum.outputs.changes import Published, compare
from millrace_museum.outputs.documents import (
    digests,
    document_path,
    publication_name,
    read_published,
    write_publication,
)

SITE = "https://example.org/files"
IDS = ["../x", "/etc/passwd", "a/b", ".hidden", "..", "a b", "無題", "T00001", "x%2Fy", "~", "é" * MAX_ID_CHARACTERS]


def frame_of(ids: list[str]) -> pl.LazyFrame:
    return pl.LazyFrame({"object_id": ids, "document": [orjson.dumps({"id": one}).decode() for one in ids]})


@pytest.fixture
def publication(tmp_path: Path) -> Path:
    folder = tmp_path / "publication"
    folder.mkdir()
    frame = frame_of(IDS)
    published, _ = compare(digests(frame), {"T00001": Published("before", None)}, date(2026, 1, 5))
    write_publication(folder, frame, published, {"museum": "small"}, SITE)
    return folder


@pytest.mark.parametrize(
    ("object_id", "path"),
    [
        ("T00001", "objects/T00001.json"),
        ("../x", "objects/%2E.%2Fx.json"),
        ("..", "objects/%2E..json"),
        ("a/b", "objects/a%2Fb.json"),
        (".hidden", "objects/%2Ehidden.json"),
        ("é", "objects/%C3%A9.json"),
        ("a%2Fb", "objects/a%252Fb.json"),
    ],
)
def test_an_identifier_becomes_one_safe_file_name(object_id: str, path: str) -> None:
    assert document_path(object_id) == path


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_ID_CHARACTERS), unique=True))
def test_no_identifier_leaves_the_folder_hides_or_meets_another(ids: list[str]) -> None:
    paths = [PurePosixPath(document_path(object_id)) for object_id in ids]

    assert {path.parent for path in paths} <= {PurePosixPath("objects")}
    assert not any(path.name.startswith(".") for path in paths)
    assert all(len(os.fsencode(path.name)) <= 255 for path in paths)
    assert len(set(paths)) == len(ids)


def test_every_document_stands_where_the_listing_says_with_its_bytes_and_digest(publication: Path) -> None:
    entries = [orjson.loads(line) for line in (publication / "documents.ndjson").read_bytes().splitlines()]

    assert [entry["id"] for entry in entries] == IDS
    for entry in entries:
        content = (publication / entry["path"]).read_bytes()
        assert orjson.loads(content) == {"id": entry["id"]}
        assert (len(content), hashlib.sha256(content).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert len(list((publication / "objects").iterdir())) == len(IDS)


def test_the_manifest_says_each_files_bytes_and_digest(publication: Path) -> None:
    manifest = orjson.loads((publication / "manifest.json").read_bytes())

    beside = {path.name for path in publication.iterdir() if path.is_file()} - {"manifest.json"}
    assert {file["path"] for file in manifest["files"]} == beside
    for file in manifest["files"]:
        content = (publication / file["path"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert (manifest["format"], manifest["museum"], manifest["objects"]) == ("millrace-museum/1", "small", len(IDS))


def test_the_bulk_file_holds_the_documents_in_order_and_no_time(publication: Path) -> None:
    packed = (publication / "objects.ndjson.gz").read_bytes()

    assert packed[4:8] == b"\0\0\0\0"
    assert [orjson.loads(line)["id"] for line in gzip.decompress(packed).splitlines()] == IDS


def test_the_sitemap_names_every_document_by_an_address_that_leads_to_it(publication: Path) -> None:
    part = gzip.decompress((publication / "sitemap-00001.xml.gz").read_bytes())
    tree = ET.fromstring(part)  # noqa: S314  # our own output
    addresses = [element.text or "" for element in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]

    # A server decodes the address once and then has the file's name.
    assert [unquote(address.removeprefix(f"{SITE}/")) for address in addresses] == [document_path(one) for one in IDS]


def test_what_was_published_is_read_back(publication: Path) -> None:
    published = read_published((publication / "documents.ndjson").read_bytes())

    assert list(published) == IDS
    assert {one.changed_on for one in published.values()} == {date(2026, 1, 5)}
    assert {key: one.sha256 for key, one in published.items()} == digests(frame_of(IDS))


def test_a_publication_is_the_same_bytes_again(publication: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    published = read_published((publication / "documents.ndjson").read_bytes())
    write_publication(again, frame_of(IDS), published, {"museum": "small"}, SITE)

    def contents(folder: Path) -> dict[Path, bytes]:
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert contents(again) == contents(publication)


def test_the_name_does_not_depend_on_compression(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    frame = frame_of(["a", "b"])
    published, _ = compare(digests(frame), None, date(2026, 1, 5))
    bulk = []
    names = []
    for level in (1, 9):
        monkeypatch.setattr(packing, "_LEVEL", level)
        folder = tmp_path / str(level)
        folder.mkdir()
        write_publication(folder, frame, published, {}, SITE)
        bulk.append((folder / "objects.ndjson.gz").read_bytes())
        names.append(publication_name(read_published((folder / "documents.ndjson").read_bytes()), SITE))

    assert bulk[0] != bulk[1]
    assert names[0] == names[1] == publication_name(published, SITE)


@pytest.mark.parametrize(
    ("published", "site"),
    [
        ({"a": Published("2", None)}, SITE),
        ({"b": Published("1", None)}, SITE),
        ({"a": Published("1", date(2026, 1, 5))}, SITE),
        ({"a": Published("1", None), "b": Published("1", None)}, SITE),
        ({"a": Published("1", None)}, "https://example.com"),
    ],
)
def test_other_content_has_another_name(published: dict[str, Published], site: str) -> None:
    assert publication_name(published, site) != publication_name({"a": Published("1", None)}, SITE)


def test_a_short_write_is_continued(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write = os.write

    def short(descriptor: int, content: Any) -> int:
        return write(descriptor, bytes(content)[:7])

    frame = frame_of(["a", "b"])
    published, _ = compare(digests(frame), None, date(2026, 1, 5))
    monkeypatch.setattr(os, "write", short)

    write_publication(tmp_path, frame, published, {}, SITE)

    monkeypatch.undo()
    assert orjson.loads((tmp_path / "objects" / "a.json").read_bytes()) == {"id": "a"}
    assert list(read_published((tmp_path / "documents.ndjson").read_bytes())) == ["a", "b"]


def test_documents_do_not_depend_on_where_batches_end(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frame_of([str(number) for number in range(25)])
    whole = digests(frame)

    monkeypatch.setattr(documents, "_BATCH_ROWS", 4)

    assert list(digests(frame).items()) == list(whole.items())
