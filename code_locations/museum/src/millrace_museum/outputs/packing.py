"""Gzip whose bytes follow from its content alone: no name, no time, and one header under every Python.

`gzip.compress` leaves the header to zlib in some versions of Python and writes its own in others.
"""

import gzip
from typing import IO

_LEVEL = 4  # level 6 takes twice the time for little less (ADR 0004)


def packing(raw: IO[bytes]) -> gzip.GzipFile:
    """A stream to write to, which packs into `raw` and leaves it open."""
    return gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0)
