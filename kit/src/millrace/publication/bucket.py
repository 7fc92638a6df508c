"""Publication into a bucket: a conditional PUT of the pointer shows the new set.

    publications/<name>/manifest.json   written last: without it nobody takes the set for whole
    publications/.shown.json            names in the order in which they were shown, for removing the oldest

There is no lock. Two runs that publish the same set write the same bytes; of two that publish different ones, the later
one finds the pointer changed since it looked, and begins again from what is there now.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import orjson
from typing_extensions import override

from millrace.errors import TransientError
from millrace.publication.session import (
    FOLDER,
    MANIFEST,
    POINTER,
    Publication,
    Publisher,
    Session,
    read_pointer,
    require_manifest,
)
from millrace.stores import BucketStore

_SHOWN = f"{FOLDER}/.shown.json"
_ABANDONED_AFTER_SECONDS = 24 * 3600


class BucketPublisher(Publisher):
    """Publishes into a bucket."""

    def __init__(self, store: BucketStore, keep: int = 3) -> None:
        super().__init__(keep)
        self.store = store

    @override
    def current(self) -> Publication | None:
        return read_pointer(self.store)

    @override
    @contextmanager
    def session(self) -> Generator["BucketSession"]:
        version = self.store.version(POINTER)  # before the pointer is read: a switch in between is then noticed
        session = BucketSession(self.store, self.current(), version)
        if session.current is not None:  # without a pointer nobody can say what is shown
            session.remove_abandoned(session.current)
            session.remove_superseded(session.current, self.keep)
        yield session


class BucketSession(Session):
    """One publication in progress, in a bucket."""

    def __init__(self, store: BucketStore, current: Publication | None, version: str | None) -> None:
        super().__init__(store, current)
        self._bucket = store
        self._version = version

    @override
    @contextmanager
    def writing(self, name: str) -> Generator[Path]:
        with tempfile.TemporaryDirectory(prefix="millrace-publication-") as scratch:
            folder = Path(scratch)
            yield folder
            require_manifest(folder, name)
            self._bucket.put_tree(f"{FOLDER}/{name}", folder, last=MANIFEST)

    @override
    def _show(self, name: str, pointer: bytes) -> None:
        # The current one again: two runs at once may have overwritten each other's lists.
        before = [self.current.name] if self.current is not None else []
        shown = [one for one in self._shown() if one not in (name, *before)]
        self._bucket.put(_SHOWN, orjson.dumps(list(dict.fromkeys([*shown, *before, name]))))
        if not self._bucket.replace_version(POINTER, pointer, self._version):
            raise TransientError(
                self._bucket.address_of(POINTER),
                "another run has published since this one began",
                next_step="it is tried again on what is there now",
            )

    def remove_abandoned(self, current: Publication) -> None:
        """Remove what killed runs began a day ago or more and no run has shown; a younger one may be in use."""
        known = {*self._shown(), current.name}
        for name in self._bucket.folders(FOLDER):
            folder = f"{FOLDER}/{name}"
            if name not in known and self._bucket.age_seconds(folder) > _ABANDONED_AFTER_SECONDS:
                self._remove(name)

    def remove_superseded(self, current: Publication, keep: int) -> None:
        """Remove what was shown longest ago; `keep` stay, the current one among them."""
        others = [one for one in self._shown() if one != current.name]
        going = others[: max(0, len(others) - (keep - 1))]
        for name in going:
            self._remove(name)
        if going:
            self._bucket.put(_SHOWN, orjson.dumps([*others[len(going) :], current.name]))

    def _remove(self, name: str) -> None:
        self._bucket.remove(f"{FOLDER}/{name}/{MANIFEST}")  # first: half a set must not be taken for whole
        self._bucket.remove_tree(f"{FOLDER}/{name}")

    def _shown(self) -> list[str]:
        try:
            return orjson.loads(self._bucket.read(_SHOWN))
        except FileNotFoundError:
            return []
