"""Files that appear whole or not at all, and stay.

What belongs here: temporary names, durability, the rename. What does not: what is in the files.

A file is written under a temporary name beside its own, made durable, then renamed: a reader, a killed run or a
second run at the same time never meet half of one.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

_ABANDONED_AFTER_SECONDS = 24 * 3600


def temporary_beside(path: Path) -> Path:
    """A name for `path` in the making; what killed runs left of it a day ago or more is removed.

    A younger one may be in use.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(FileNotFoundError):  # a run beside this one has just given it its name
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                leftover.unlink()
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")


def put_in_place(temporary: Path, path: Path) -> None:
    """Make a file durable and give it its name; of two at the same time the later one stays."""
    flush(temporary)
    temporary.replace(path)
    flush(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Write a small file."""
    temporary = temporary_beside(path)
    try:
        temporary.write_bytes(content)
        put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Wait until a file's content, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
