"""A publication's files: one JSON document per object, all of them in one gzipped NDJSON, sitemaps, manifests.

    manifest.json        counts, and each file beside the documents with its bytes and SHA-256
    documents.ndjson     one line per document: id, path, sha256, bytes, changed_on
    objects/<id>.json    the documents; the identifier percent-encoded, so that no identifier leaves the folder
    objects.ndjson.gz    the same documents, one a line
    sitemap.xml, …       see `sitemaps`

The publication's name is the SHA-256 of what these files say, before compression: the same content has the same
name on every machine, whatever its zlib.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from urllib.parse import quote

import orjson
import polars as pl

from millrace.publication import MANIFEST
from millrace_museum.outputs.changes import Published
from millrace_museum.outputs.packing import packing
from millrace_museum.outputs.sitemaps import sitemap_files

FORMAT = "millrace-museum/1"
DOCUMENTS = "documents.ndjson"
BULK = "objects.ndjson.gz"
_BATCH_ROWS = 5_000
_NAME_CHARACTERS = 32
_MAX_NAME_CHARACTERS = 200


def document_path(object_id: str) -> str:
    """Path of a document within its publication; a leading dot is encoded too, so that no file hides.

    120 characters can take 1,440 encoded ones, and a file name holds 255 bytes: a longer name is the identifier's
    SHA-256 behind `%-`, with which no encoded identifier begins.
    """
    name = quote(object_id, safe="")
    if len(name) > _MAX_NAME_CHARACTERS:
        return f"objects/%-{hashlib.sha256(object_id.encode()).hexdigest()}.json"
    return f"objects/{'%2E' + name[1:] if name.startswith('.') else name}.json"


def digests(frame: pl.LazyFrame) -> dict[str, str]:
    """SHA-256 of each document by object identifier, in the order of the frame."""
    return {object_id: hashlib.sha256(document).hexdigest() for object_id, document in _documents(frame)}


def publication_name(published: Mapping[str, Published], site_url: str) -> str:
    """Name of the publication with this content."""
    digest = hashlib.sha256(f"{FORMAT}\n{site_url}\n".encode())
    for object_id, one in published.items():
        digest.update(f"{object_id}\t{one.sha256}\t{one.changed_on or ''}\n".encode())
    return digest.hexdigest()[:_NAME_CHARACTERS]


def write_publication(
    folder: Path, frame: pl.LazyFrame, published: Mapping[str, Published], facts: Mapping[str, object], site_url: str
) -> None:
    """Write every file of a publication.

    Args:
        folder: Empty folder.
        frame: `object_id` and `document`, the objects of `published` in the same order.
        published: What to remember of each object.
        facts: What the manifest says beside counts and files.
        site_url: Address under which `folder` is served, without a slash at its end.
    """
    (folder / "objects").mkdir()
    base = f"{folder}/"  # joining Path objects instead takes a tenth of the whole publication (ADR 0004)
    with (folder / DOCUMENTS).open("wb") as listing:
        for object_id, document in _documents(frame):
            path = document_path(object_id)
            _write(base + path, document)
            # Not kept in a list: each line that orjson makes holds on to the page that it was made in.
            listing.write(_line(object_id, path, len(document), published[object_id]))
    _write_bulk(folder / BULK, frame)
    addresses = (
        (f"{site_url}/{quote(document_path(object_id), safe='/')}", one.changed_on)
        for object_id, one in published.items()
    )
    names = [DOCUMENTS, BULK]
    for name, content in sitemap_files(addresses, site_url):
        _write(folder / name, content)
        names.append(name)
    manifest = {
        "format": FORMAT,
        **facts,
        "objects": len(published),
        "files": [_described(folder, name) for name in sorted(names)],
    }
    _write(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def read_published(listing: bytes) -> dict[str, Published]:
    """What a publication remembers of its objects, from its `DOCUMENTS`."""
    entries = (orjson.loads(line) for line in listing.splitlines())
    return {
        entry["id"]: Published(
            entry["sha256"], date.fromisoformat(entry["changed_on"]) if entry["changed_on"] else None
        )
        for entry in entries
    }


def _documents(frame: pl.LazyFrame) -> Iterator[tuple[str, bytes]]:
    """Each identifier and document with a line break at its end, a batch in memory at a time."""
    for batch in frame.select("object_id", "document").collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True):
        for object_id, document in batch.iter_rows():
            yield object_id, f"{document}\n".encode()


def _write_bulk(path: Path, frame: pl.LazyFrame) -> None:
    with path.open("wb") as raw, packing(raw) as packed:
        for batch in frame.select("document").collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True):
            packed.write("\n".join([*batch["document"], ""]).encode())


def _write(path: str | Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        remaining = memoryview(content)
        while remaining:  # one call writes at most 2 GiB, and less on a disk that is nearly full
            remaining = remaining[os.write(descriptor, remaining) :]
    finally:
        os.close(descriptor)


def _line(object_id: str, path: str, size_bytes: int, one: Published) -> bytes:
    entry = {"id": object_id, "path": path, "sha256": one.sha256, "bytes": size_bytes, "changed_on": one.changed_on}
    return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)


def _described(folder: Path, name: str) -> dict[str, object]:
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": name, "bytes": (folder / name).stat().st_size, "sha256": digest}
