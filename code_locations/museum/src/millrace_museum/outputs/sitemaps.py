"""Sitemaps by the protocol of sitemaps.org 0.9: an index and parts of at most 50,000 addresses, gzipped.

`lastmod` is the date of the content's last change and is left out if none is known; search engines ignore a
site whose `lastmod` is the time of the export.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from io import BytesIO
from itertools import islice
from xml.sax.saxutils import escape

from millrace_museum.outputs.packing import packing

MAX_ADDRESSES = 50_000  # sitemaps.org 0.9, "Using Sitemap index files"
_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def sitemap_files(addresses: Iterable[tuple[str, date | None]], base: str) -> Iterator[tuple[str, bytes]]:
    """Make the files of a sitemap, the parts first and the index last.

    Args:
        addresses: Each address with the date of its last change or None.
        base: Address of the folder in which the files will stand, without a slash at its end.

    Yields:
        Name and content: `sitemap-00001.xml.gz`, …, `sitemap.xml`. The same addresses give the same bytes.
    """
    remaining = iter(addresses)
    parts: list[tuple[str, date | None]] = []
    while part := list(islice(remaining, MAX_ADDRESSES)):
        name = f"sitemap-{len(parts) + 1:05}.xml.gz"
        latest = max((changed for _, changed in part if changed is not None), default=None)
        parts.append((f"{base}/{name}", latest))
        packed = BytesIO()
        with packing(packed) as stream:
            stream.write(_document("urlset", "url", part))
        yield name, packed.getvalue()
    yield "sitemap.xml", _document("sitemapindex", "sitemap", parts)


def _document(root: str, element: str, entries: Iterable[tuple[str, date | None]]) -> bytes:
    lines = [f'{_HEAD}<{root} xmlns="{_NAMESPACE}">']
    for address, changed in entries:
        lastmod = f"<lastmod>{changed.isoformat()}</lastmod>" if changed is not None else ""
        lines.append(f"<{element}><loc>{escape(address)}</loc>{lastmod}</{element}>")
    lines.append(f"</{root}>\n")
    return "\n".join(lines).encode()
