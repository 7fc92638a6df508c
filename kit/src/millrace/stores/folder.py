"""A store that is a folder on this machine."""

import shutil
from contextlib import suppress
from pathlib import Path

from typing_extensions import override

from millrace.files import put_in_place, replace_file, temporary_beside
from millrace.stores.store import Store


class FolderStore(Store):
    """A folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.address = str(root)

    @override
    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    @override
    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    @override
    def put(self, name: str, content: bytes) -> None:
        replace_file(self.root / name, content)

    @override
    def in_the_making(self, name: str) -> Path:
        return temporary_beside(self.root / name)

    @override
    def keep(self, name: str, made: Path) -> None:
        put_in_place(made, self.root / name)

    @override
    def files(self, name: str) -> list[str]:
        folder = self.root / name
        found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".tmp"))
        return sorted(path.relative_to(folder).as_posix() for path in found)

    @override
    def remove_tree(self, name: str) -> None:
        with suppress(FileNotFoundError):
            shutil.rmtree(self.root / name)
