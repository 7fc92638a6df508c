"""Metadata files of Iceberg tables, for pyiceberg: read from the object store with the client that probes it.

What belongs here: reading whole small files. What does not: data files, which the exporter's key cannot read either.

pyiceberg's own readers need pyarrow or s3fs, for some kilobytes of JSON and Avro: `benchmarks/imports.py` has the size.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from minio import Minio
from pyiceberg.io import FileIO, InputFile, OutputFile
from pyiceberg.typedef import EMPTY_DICT, Properties


class MetadataFiles(FileIO):
    """Reads `s3://bucket/key`, `file:///path` and plain paths.

    Args:
        properties: Of pyiceberg; not used.
        client: Of the object store; asked for where a file lies there.
    """

    def __init__(self, properties: Properties = EMPTY_DICT, client: Callable[[], Minio] | None = None) -> None:
        super().__init__(properties)
        self._client = client

    def new_input(self, location: str) -> InputFile:
        """A file to read."""
        return _MetadataFile(location, self._client)

    def new_output(self, location: str) -> OutputFile:
        """Nothing is written."""
        raise NotImplementedError(f"{location}: the exporter writes no table")

    def delete(self, location: str | InputFile | OutputFile) -> None:
        """Nothing is deleted."""
        raise NotImplementedError(f"{location}: the exporter deletes no file")


class _MetadataFile(InputFile):
    def __init__(self, location: str, client: Callable[[], Minio] | None) -> None:
        super().__init__(location)
        self._client = client
        self._content: bytes | None = None

    def __len__(self) -> int:
        return len(self._read())

    def exists(self) -> bool:
        """Whether it can be read."""
        try:
            self._read()
        except FileNotFoundError:
            return False
        return True

    def open(self, seekable: bool = True) -> Any:  # noqa: ARG002  # pyiceberg's signature; a BytesIO always is
        """Its content."""
        return io.BytesIO(self._read())

    def _read(self) -> bytes:
        if self._content is None:
            url = urlsplit(self.location)
            if url.scheme in ("", "file"):
                self._content = Path(unquote(url.path)).read_bytes()
            elif self._client is None:
                raise FileNotFoundError(f"{self.location}: lies in an object store; set EXPORTER_OBJECT_STORE")
            else:
                answer = self._client().get_object(bucket_name=url.netloc, object_name=url.path.lstrip("/"))
                try:
                    self._content = answer.read()
                finally:
                    answer.close()
                    answer.release_conn()
        return self._content
