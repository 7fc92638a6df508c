"""Sitemaps: the protocol of sitemaps.org 0.9, and the same bytes for the same addresses."""

import gzip
from collections.abc import Iterable
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from millrace_museum.outputs import sitemaps
from millrace_museum.outputs.sitemaps import sitemap_files

NAMESPACE = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
BASE = "https://example.org/files"
MAX_BYTES = 50 * 1024 * 1024  # sitemaps.org 0.9: 50 MB uncompressed


def files(addresses: Iterable[tuple[str, date | None]]) -> dict[str, bytes]:
    return dict(sitemap_files(addresses, BASE))


def entries(content: bytes, root: str, element: str) -> list[tuple[str, str | None]]:
    """Address and lastmod of each entry, after the document's form was asserted."""
    tree = ET.fromstring(content)  # noqa: S314  # our own output
    assert tree.tag == f"{NAMESPACE}{root}"
    assert {child.tag for child in tree} <= {f"{NAMESPACE}{element}"}
    for child in tree:
        assert [part.tag for part in child] in ([f"{NAMESPACE}loc"], [f"{NAMESPACE}loc", f"{NAMESPACE}lastmod"])
    return [(child.findtext(f"{NAMESPACE}loc") or "", child.findtext(f"{NAMESPACE}lastmod")) for child in tree]


def test_a_part_is_well_formed_and_in_the_namespace() -> None:
    made = files([("https://example.org/a", None), ("https://example.org/b", date(2026, 1, 5))])

    part = gzip.decompress(made["sitemap-00001.xml.gz"])
    assert part.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    assert entries(part, "urlset", "url") == [("https://example.org/a", None), ("https://example.org/b", "2026-01-05")]


def test_the_index_comes_last_and_names_every_part_with_its_latest_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_ADDRESSES", 2)
    dates = [date(2026, 1, 5), date(2026, 1, 4), None, None, date(2026, 2, 1)]

    made = files((f"https://example.org/{number}", changed) for number, changed in enumerate(dates))

    assert list(made) == ["sitemap-00001.xml.gz", "sitemap-00002.xml.gz", "sitemap-00003.xml.gz", "sitemap.xml"]
    assert entries(made["sitemap.xml"], "sitemapindex", "sitemap") == [
        (f"{BASE}/sitemap-00001.xml.gz", "2026-01-05"),
        (f"{BASE}/sitemap-00002.xml.gz", None),
        (f"{BASE}/sitemap-00003.xml.gz", "2026-02-01"),
    ]
    sizes = [len(entries(gzip.decompress(made[name]), "urlset", "url")) for name in list(made)[:-1]]
    assert sizes == [2, 2, 1]


def test_fifty_thousand_and_one_addresses_make_two_parts() -> None:
    made = files((f"https://example.org/files/objects/T{number:07}.json", None) for number in range(50_001))

    parts = [gzip.decompress(content) for name, content in made.items() if name.endswith(".gz")]
    assert [len(entries(part, "urlset", "url")) for part in parts] == [50_000, 1]
    assert max(map(len, parts)) < MAX_BYTES
    assert len(entries(made["sitemap.xml"], "sitemapindex", "sitemap")) == 2


def test_what_is_packed_says_neither_when_nor_by_which_python() -> None:
    header = files([("https://example.org/", None)])["sitemap-00001.xml.gz"][:10]

    assert header == b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff", "RFC 1952: no name, no time, system unknown"


def test_fifty_thousand_addresses_make_one_part() -> None:
    assert len(files(("https://example.org/", None) for _ in range(50_000))) == 2


@pytest.mark.parametrize("address", ["https://example.org/?a=1&b=<2>", "https://example.org/é%20無", "x'\"]]>"])
def test_addresses_are_escaped(address: str) -> None:
    part = gzip.decompress(files([(address, None)])["sitemap-00001.xml.gz"])

    assert entries(part, "urlset", "url") == [(address, None)]


def test_the_same_addresses_give_the_same_bytes_without_a_time() -> None:
    addresses = [("https://example.org/a", date(2026, 1, 5))]

    part = files(addresses)["sitemap-00001.xml.gz"]

    assert part[4:8] == b"\0\0\0\0"
    assert files(addresses) == files(addresses)


def test_without_addresses_there_is_an_index_without_parts() -> None:
    assert list(files([])) == ["sitemap.xml"]
