"""Publication into a folder: a rename shows the new set.

    publications/.writing-<name>/  one that is being written; a killed run leaves it, the next one removes it
    publications/.removing-<name>/ one that is being removed; likewise

Runs that publish at the same time wait for each other (an advisory lock, which the kernel frees when its holder
dies). Superseded publications are removed at the *beginning* of a later publication, so that nothing but the switch
stands at its end.
"""

import fcntl
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from millrace.files import flush, replace_file
from millrace.publication.session import (
    FOLDER,
    POINTER,
    Publication,
    Publisher,
    Session,
    read_pointer,
    require_manifest,
)
from millrace.stores import FolderStore

_WRITING = ".writing-"
_REMOVING = ".removing-"


class FolderPublisher(Publisher):
    """Publishes into a folder."""

    def __init__(self, root: Path, keep: int = 3) -> None:
        super().__init__(keep)
        self.root = root

    @override
    def current(self) -> Publication | None:
        return read_pointer(FolderStore(self.root))

    @override
    @contextmanager
    def session(self) -> Generator["FolderSession"]:
        """Hold the root for one publication; waits while another run holds it."""
        folder = self.root / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            session = FolderSession(self.root, self.current())
            session.remove_abandoned()
            session.remove_superseded(self.keep)
            yield session


class FolderSession(Session):
    """One publication in progress, in a folder whose lock is held."""

    def __init__(self, root: Path, current: Publication | None) -> None:
        super().__init__(FolderStore(root), current)
        self.root = root

    @override
    @contextmanager
    def writing(self, name: str) -> Generator[Path]:
        target = self.root / FOLDER / name
        folder = self.root / FOLDER / f"{_WRITING}{name}"
        folder.mkdir()
        yield folder
        require_manifest(folder, name)
        os.sync()  # once for all of its files: one by one takes longer than writing them
        if target.exists():  # incomplete, or `has` would have said so
            shutil.rmtree(target)
        folder.rename(target)
        flush(target.parent)

    @override
    def _show(self, name: str, pointer: bytes) -> None:
        os.utime(self.root / FOLDER / name)  # superseded publications go in the order in which they were shown
        replace_file(self.root / POINTER, pointer)

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
