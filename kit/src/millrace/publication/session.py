"""What publishing into a folder and into a bucket have in common: names, the pointer, the order of steps."""

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from millrace.errors import SourceUnreadableError
from millrace.stores import Store

POINTER = "current.json"
FOLDER = "publications"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Publication:
    """A publication that readers can see or could: its name, what its pointer said, and its store."""

    name: str
    pointer: dict[str, Any]
    store: Store = field(compare=False)

    def read(self, name: str) -> bytes:
        """Content of one of its files."""
        return self.store.read(f"{FOLDER}/{self.name}/{name}")


class Publisher(ABC):
    """Publishes below one root.

        with publisher.session() as session:
            if not session.has(name):
                with session.writing(name) as folder:
                    (folder / "objects.ndjson").write_bytes(...)
            session.switch(name, {"objects": 69202})

    Args:
        keep: Publications that a session leaves standing when it begins, the current one among them; what it
            publishes is one more until the next session.
    """

    def __init__(self, keep: int) -> None:
        if keep < 1:
            raise ValueError(f"keep is {keep}; at least the current publication stays")
        self.keep = keep

    @abstractmethod
    def current(self) -> Publication | None:
        """What readers see now; None before the first publication.

        Raises:
            SourceUnreadableError: `current.json` is no pointer, or its publication is gone.
        """

    @abstractmethod
    def session(self) -> AbstractContextManager["Session"]:
        """Prepare one publication; what is abandoned or superseded is removed first."""


class Session(ABC):
    """One publication in progress.

    Attributes:
        store: Where it goes.
        current: What readers see while it goes on.
    """

    def __init__(self, store: Store, current: Publication | None) -> None:
        self.store = store
        self.current = current

    def has(self, name: str) -> bool:
        """Whether a publication of that name lies there whole."""
        return self.store.has(f"{FOLDER}/{name}/{MANIFEST}")

    @abstractmethod
    def writing(self, name: str) -> AbstractContextManager[Path]:
        """Give a folder to write into; it becomes the publication when the block ends without an error.

        The block must write `manifest.json`.
        """

    def place(self, name: str, content: bytes) -> None:
        """Put a small file beside the pointer, whole or not at all."""
        self.store.put(name, content)

    def switch(self, name: str, facts: dict[str, Any]) -> Publication:
        """Show a publication to readers; nothing is written if they see it already.

        Args:
            name: A publication that `has` knows.
            facts: What the pointer says beside the name.
        """
        if not self.has(name):
            raise ValueError(f"publication {name} is not there or not whole")
        pointer = {"publication": name, "manifest": f"{FOLDER}/{name}/{MANIFEST}", **facts}
        if self.current is None or self.current.pointer != pointer:
            self._show(name, orjson.dumps(pointer, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        return Publication(name, pointer, self.store)

    @abstractmethod
    def _show(self, name: str, pointer: bytes) -> None:
        """Replace the pointer."""


def require_manifest(folder: Path, name: str) -> None:
    """Refuse a publication that says nothing of itself."""
    if not (folder / MANIFEST).is_file():
        raise ValueError(f"publication {name} has no {MANIFEST}")


def read_pointer(store: Store) -> Publication | None:
    """The publication that `current.json` points to; see `Publisher.current`."""
    path = store.address_of(POINTER)
    try:
        content = store.read(POINTER)
    except FileNotFoundError:
        return None
    try:
        pointer = orjson.loads(content)
        name: str = pointer["publication"]
        manifest = "/".join((FOLDER, name, MANIFEST))
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise SourceUnreadableError(
            path,
            "is no pointer to a publication",
            next_step="restore it, or remove it to begin anew",
        ) from error
    if not store.has(manifest):
        raise SourceUnreadableError(
            path,
            f"points to {name}, which is gone or incomplete",
            next_step="restore the folder, or remove the pointer to begin anew",
        )
    return Publication(name, pointer, store)
