"""Comparing folders byte for byte."""

import hashlib
from collections.abc import Collection
from pathlib import Path


def tree_differences(left: Path, right: Path, *, ignore: Collection[str] = ()) -> list[str]:
    """Say how two folders differ; an empty list means the same names with the same bytes.

    Args:
        left: A folder.
        right: Another.
        ignore: Names of files that do not count, wherever they stand.
    """
    ours, theirs = _digests(left, ignore), _digests(right, ignore)
    problems = [f"only in {left}: {name}" for name in sorted(ours.keys() - theirs.keys())]
    problems += [f"only in {right}: {name}" for name in sorted(theirs.keys() - ours.keys())]
    problems += [f"differs: {name}" for name in sorted(ours.keys() & theirs.keys()) if ours[name] != theirs[name]]
    return problems


def _digests(folder: Path, ignore: Collection[str]) -> dict[str, str]:
    digests = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ignore:
            with path.open("rb") as file:
                digests[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests
