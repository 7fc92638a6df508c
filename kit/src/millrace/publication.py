"""Atomic publication of a set of files: readers see the old set or the new one, never a mixture.

    root/
      current.json                   the only name that readers start from; replaced last, by a rename
      publications/<name>/           one folder per publication, named by its content, never changed afterwards
      publications/.writing-<name>/  one that is being written; a killed run leaves it, the next one removes it
      publications/.removing-<name>/ one that is being removed; likewise

What belongs here: folders, names, the order of steps. What does not: what is published, and how it is named.

A name derived from the content makes publishing idempotent: what is there already is not written again. Runs
that publish at the same time wait for each other (an advisory lock, which the kernel frees when its holder
dies). Superseded publications are kept for readers that still hold the old pointer, and removed at the
*beginning* of a later publication, so that nothing but the switch stands at its end.
"""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from millrace.errors import SourceUnreadableError
from millrace.files import flush, replace_file

POINTER = "current.json"
FOLDER = "publications"
MANIFEST = "manifest.json"
_WRITING = ".writing-"
_REMOVING = ".removing-"


@dataclass(frozen=True)
class Publication:
    """A publication that readers can see or could: its name, its folder, and what its pointer said."""

    name: str
    folder: Path
    pointer: dict[str, Any]


class Publisher:
    """Publishes below one root.

        publisher = Publisher(Path("outputs/museum/tate"), keep=3)
        with publisher.session() as session:
            if not session.has(name):
                with session.writing(name) as folder:
                    (folder / "objects.ndjson").write_bytes(...)
            session.switch(name, {"objects": 69202})

    Args:
        root: Folder that holds `current.json`.
        keep: Publications that a session leaves standing when it begins, the current one among them; what it
            publishes is one more until the next session.
    """

    def __init__(self, root: Path, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}; at least the current publication stays")
        self.root = root
        self.keep = keep

    def current(self) -> Publication | None:
        """What readers see now; None before the first publication.

        Raises:
            SourceUnreadableError: `current.json` is no pointer, or its publication is gone.
        """
        path = self.root / POINTER
        if not path.is_file():
            return None
        try:
            pointer = orjson.loads(path.read_bytes())
            name = pointer["publication"]
            folder = self.root / FOLDER / name
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise SourceUnreadableError(
                str(path),
                "is no pointer to a publication",
                next_step="restore it, or remove it to begin anew",
            ) from error
        if not (folder / MANIFEST).is_file():
            raise SourceUnreadableError(
                str(path),
                f"points to {name}, which is gone or incomplete",
                next_step="restore the folder, or remove the pointer to begin anew",
            )
        return Publication(name, folder, pointer)

    @contextmanager
    def session(self) -> Generator["Session"]:
        """Hold the root for one publication; waits while another run holds it."""
        folder = self.root / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            session = Session(self.root, self.current())
            session.remove_abandoned()
            session.remove_superseded(self.keep)
            yield session


class Session:
    """One publication in progress; made by `Publisher.session`, which holds the lock around it."""

    def __init__(self, root: Path, current: Publication | None) -> None:
        self.root = root
        self.current = current

    def has(self, name: str) -> bool:
        """Whether a publication of that name lies there whole."""
        return (self.root / FOLDER / name / MANIFEST).is_file()

    @contextmanager
    def writing(self, name: str) -> Generator[Path]:
        """Give a folder to write into; it gets its name when the block ends without an error.

        The block must write `manifest.json`.
        """
        target = self.root / FOLDER / name
        folder = self.root / FOLDER / f"{_WRITING}{name}"
        folder.mkdir()
        yield folder
        if not (folder / MANIFEST).is_file():
            raise ValueError(f"publication {name} has no {MANIFEST}")
        os.sync()  # once for all of its files: one by one takes longer than writing them
        if target.exists():  # incomplete, or `has` would have said so
            shutil.rmtree(target)
        folder.rename(target)
        flush(target.parent)

    def place(self, name: str, content: bytes) -> None:
        """Put a small file beside the pointer, whole or not at all."""
        replace_file(self.root / name, content)

    def switch(self, name: str, facts: dict[str, Any]) -> Publication:
        """Show a publication to readers; nothing is written if they see it already.

        Args:
            name: A publication that `has` knows.
            facts: What the pointer says beside the name.
        """
        if not self.has(name):
            raise ValueError(f"publication {name} is not there or not whole")
        pointer = {"publication": name, "manifest": f"{FOLDER}/{name}/{MANIFEST}", **facts}
        publication = Publication(name, self.root / FOLDER / name, pointer)
        if self.current is None or self.current.pointer != pointer:
            os.utime(publication.folder)  # superseded publications go in the order in which they were shown
            self.place(POINTER, orjson.dumps(pointer, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return publication

    def remove_abandoned(self) -> None:
        """Remove what killed runs left half written; the lock says that nobody writes there now."""
        for prefix in (_WRITING, _REMOVING):
            for leftover in (self.root / FOLDER).glob(f"{prefix}*"):
                shutil.rmtree(leftover)

    def remove_superseded(self, keep: int) -> None:
        """Remove the publications that were shown longest ago; `keep` stay, the current one among them."""
        if self.current is None:
            return
        others = [
            folder for folder in (self.root / FOLDER).iterdir() if folder.is_dir() and folder.name != self.current.name
        ]
        others.sort(key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in others[keep - 1 :]:
            # Renamed first: one that is killed half removed would still have its manifest, and `has` would believe it.
            doomed = folder.with_name(f"{_REMOVING}{folder.name}")
            folder.rename(doomed)
            shutil.rmtree(doomed)
