"""What every store can do, and the names of the files with an object store's keys."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

ACCESS_KEY_FILE = "object_store_access_key"
SECRET_KEY_FILE = "object_store_secret_key"  # noqa: S105  # the name of a file


class Store(ABC):
    """A place for files, by names with slashes.

    Attributes:
        address: Where it is, for people and for Polars: a path, or `s3://bucket/prefix`.
    """

    address: str

    def address_of(self, name: str) -> str:
        """Where one file is."""
        return f"{self.address}/{name}"

    @property
    def polars_options(self) -> dict[str, Any] | None:
        """What Polars needs to read and write here."""
        return None

    @abstractmethod
    def has(self, name: str) -> bool:
        """Whether the file is there."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Content of a file.

        Raises:
            FileNotFoundError: it is not there.
        """

    @abstractmethod
    def put(self, name: str, content: bytes) -> None:
        """Write a small file."""

    @abstractmethod
    def in_the_making(self, name: str) -> Path:
        """A local path for a file that `keep` will bring in; who gives up removes what is there."""

    @abstractmethod
    def keep(self, name: str, made: Path) -> None:
        """Bring in a file from `in_the_making`; it is gone there afterwards."""

    @abstractmethod
    def files(self, name: str) -> list[str]:
        """Names of the files below `<name>/`, without it, sorted; nothing where there is no such folder."""

    @abstractmethod
    def remove_tree(self, name: str) -> None:
        """Remove every file below `<name>/`; nothing happens if there is none."""
