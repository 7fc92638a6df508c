"""Opening a source, wherever it lies: a local path, an http(s) URL, a key in an object store; one setting each.

What belongs here: from a setting to a file on this machine, with the identity of its content. What does not: how it is
brought here (`download.py`) and unpacked (`unpacking.py`).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from millrace.errors import ConfigurationError, SourceMissingError, SourceUnreadableError
from millrace_sbir.sources.download import Patience, download, sha256_of
from millrace_sbir.sources.remote import HttpFile, Remote, StoredFile
from millrace_sbir.sources.unpacking import MAX_UNPACKED_BYTES, unpacked

AWARDS_VARIABLE, COMPANIES_VARIABLE = "SBIR_AWARDS", "SBIR_COMPANIES"
SAM_VARIABLE, PATENTS_VARIABLE = "SBIR_SAM", "SBIR_PATENTS"
_CHECKSUM = "#sha256="


@dataclass(frozen=True)
class OpenedSource:
    """A source's file, on this machine.

    Attributes:
        name: Its name where it came from, for `source_file` and for rejects.
        path: Where it lies.
        known_sha256: Checksum of its content, where it was made on the way.
        max_unpacked_bytes: What an archive may unpack to.
    """

    name: str
    path: Path
    known_sha256: str = ""
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES

    @cached_property
    def identity(self) -> str:
        """What tells its content from any other: `sha256:…`; the key of what a resumed run need not read again."""
        return f"sha256:{self.known_sha256 or sha256_of(self.path)}"

    def files(self) -> AbstractContextManager[Iterator[tuple[str, BinaryIO]]]:
        """Its files, unpacked: see `unpacked`."""
        return unpacked(self.path, self.name, self.max_unpacked_bytes)


@dataclass(frozen=True)
class Opening:
    """How sources are opened on this machine.

    Attributes:
        cache: Folder for what is downloaded.
        endpoint: Address of the object store, for `s3://` keys.
        secrets: Folder of the files with the domain's keys.
        max_unpacked_bytes: What an archive may unpack to.
        patience: With a server that does not answer.
    """

    cache: Path
    endpoint: str = ""
    secrets: Path = Path("/run/secrets")
    max_unpacked_bytes: int = MAX_UNPACKED_BYTES
    patience: Patience = field(default_factory=Patience)

    def open(self, place: str) -> OpenedSource:
        """Open what lies at a place: a path, `https://…`, `s3://bucket/key`.

        Args:
            place: As the setting has it; `#sha256=…` behind it is the checksum that the content must have.

        Raises:
            SourceMissingError: there is nothing.
            SourceUnreadableError: the content has another checksum.
            SourceUnavailableError, DiskFullError, ConfigurationError: see `download`.
        """
        place, _, sha256 = place.partition(_CHECKSUM)
        remote = self._remote(place)
        if remote is not None:
            file = download(remote, self.cache, sha256=sha256, patience=self.patience)
            return OpenedSource(remote.name, file.path, file.sha256, self.max_unpacked_bytes)
        path = Path(place)
        if not path.is_file():
            raise SourceMissingError("sbir source", f"no file {place}", next_step="give one, or make a sample")
        source = OpenedSource(path.name, path, max_unpacked_bytes=self.max_unpacked_bytes)
        if sha256 and source.identity != f"sha256:{sha256}":
            raise SourceUnreadableError(
                place,
                f"has the checksum {source.identity.removeprefix('sha256:')}",
                expected=sha256,
                next_step="fetch it again, or correct the checksum behind its address",
            )
        return source

    def _remote(self, place: str) -> Remote | None:
        scheme, separator, _ = place.partition("://")
        if not separator:
            return None
        if scheme in ("http", "https"):
            return HttpFile(place)
        if scheme == "s3":
            return StoredFile(place, self.endpoint, self.secrets)
        raise ConfigurationError(
            "sbir source", [f"{scheme}:// is not known"], next_step="give a path, https://… or s3://bucket/key"
        )
