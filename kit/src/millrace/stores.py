"""Stores: where a domain's files lie, a folder on this machine or a prefix of a bucket, behind one interface.

What belongs here: bringing files in and out, whole or not at all, and saying whether a failure may pass. What does
not: what is in them.

A folder gets a file by a rename, a bucket by a PUT or the end of a multipart upload: a reader meets the old file or the
new one. Work in progress lies in the scratch folder, never under a name that readers know.
"""

import io
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from typing_extensions import override

from millrace.errors import SourceUnavailableError
from millrace.files import put_in_place, replace_file, temporary_beside

if TYPE_CHECKING:
    from minio import Minio

ACCESS_KEY_FILE = "object_store_access_key"
SECRET_KEY_FILE = "object_store_secret_key"  # noqa: S105  # the name of a file
_UPLOADS_AT_ONCE = 16  # a put waits for the server most of its time
_REGION = "us-east-1"


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
    def polars_options(self) -> dict[str, str] | None:
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
        """A local path for a file that `keep` will bring in."""

    @abstractmethod
    def keep(self, name: str, made: Path) -> None:
        """Bring in a file from `in_the_making`; it is gone there afterwards."""


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


class BucketStore(Store):
    """A prefix of a bucket of any S3, by the `minio` client.

    Args:
        endpoint: Address of the store, `http://object-store:9000`.
        bucket: Name of the bucket.
        prefix: Prefix of every name, without a slash at its end.
        secrets: Folder with the files of the access key and the secret key.
    """

    def __init__(self, endpoint: str, bucket: str, prefix: str, secrets: Path) -> None:
        self.endpoint = endpoint
        self.bucket = bucket
        self.prefix = prefix
        self.address = f"s3://{bucket}/{prefix}"
        self._secrets = secrets

    @cached_property
    def _keys(self) -> tuple[str, str]:
        access, secret = ((self._secrets / name).read_text().strip() for name in (ACCESS_KEY_FILE, SECRET_KEY_FILE))
        return access, secret

    @cached_property
    def client(self) -> "Minio":
        """The client, made when it is first needed."""
        import urllib3
        from minio import Minio

        scheme, _, host = self.endpoint.partition("://")
        access_key, secret_key = self._keys
        # The client's own retries hide an outage for minutes; the job's retry policy is the one place for that.
        pool = urllib3.PoolManager(
            maxsize=_UPLOADS_AT_ONCE,
            timeout=urllib3.Timeout(connect=5, read=60),
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        )
        return Minio(
            host,
            access_key=access_key,
            secret_key=secret_key,
            secure=scheme == "https",
            region=_REGION,
            http_client=pool,
        )

    @override
    @property
    def polars_options(self) -> dict[str, str] | None:
        access_key, secret_key = self._keys
        return {
            "aws_endpoint_url": self.endpoint,
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
            "aws_region": _REGION,
            "aws_allow_http": "true",
        }

    @override
    def has(self, name: str) -> bool:
        try:
            with answering(self.endpoint):
                self.client.stat_object(self.bucket, self._key(name))
        except FileNotFoundError:
            return False
        return True

    @override
    def read(self, name: str) -> bytes:
        with answering(self.endpoint):
            response = self.client.get_object(self.bucket, self._key(name))
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    @override
    def put(self, name: str, content: bytes) -> None:
        with answering(self.endpoint):
            self.client.put_object(self.bucket, self._key(name), io.BytesIO(content), len(content))

    @override
    def in_the_making(self, name: str) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="millrace-"))
        return folder / Path(name).name

    @override
    def keep(self, name: str, made: Path) -> None:
        with answering(self.endpoint):
            self.client.fput_object(self.bucket, self._key(name), str(made))
        made.unlink()
        made.parent.rmdir()

    def put_tree(self, name: str, folder: Path) -> None:
        """Write every file below a folder as `<name>/<path>`, many at once."""

        def one(path: Path) -> None:
            content = path.read_bytes()
            key = self._key(f"{name}/{path.relative_to(folder).as_posix()}")
            self.client.put_object(self.bucket, key, io.BytesIO(content), len(content))

        with answering(self.endpoint), ThreadPoolExecutor(_UPLOADS_AT_ONCE) as uploads:
            for _ in uploads.map(one, (path for path in folder.rglob("*") if path.is_file())):
                pass

    def folders(self, name: str) -> Iterator[str]:
        """Names of the folders in one, without their slashes."""
        with answering(self.endpoint):
            start = self._key(f"{name}/")
            for found in self.client.list_objects(self.bucket, start):
                if found.is_dir:
                    yield found.object_name.removeprefix(start).rstrip("/")

    def age_seconds(self, name: str) -> float:
        """Seconds since the last write below `<name>/`."""
        with answering(self.endpoint):
            found = self.client.list_objects(self.bucket, self._key(f"{name}/"), recursive=True)
            written = max((one.last_modified.timestamp() for one in found), default=0.0)
        return time.time() - written

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it is not there."""
        with answering(self.endpoint):
            self.client.remove_object(self.bucket, self._key(name))

    def remove_tree(self, name: str) -> None:
        """Remove every file below `<name>/`."""
        from minio.deleteobjects import DeleteObject

        with answering(self.endpoint):
            found = self.client.list_objects(self.bucket, self._key(f"{name}/"), recursive=True)
            for error in self.client.remove_objects(self.bucket, (DeleteObject(one.object_name) for one in found)):
                raise SourceUnavailableError(self.address_of(name), f"could not be removed: {error.message}")

    def version(self, name: str) -> str | None:
        """What distinguishes this content of a file from any other, for `replace_version`; None where there is none."""
        try:
            with answering(self.endpoint):
                return self.client.stat_object(self.bucket, self._key(name)).etag
        except FileNotFoundError:
            return None

    def replace_version(self, name: str, content: bytes, version: str | None) -> bool:
        """Write a file unless somebody changed it since `version`; say whether it was written."""
        condition = {"If-None-Match": "*"} if version is None else {"If-Match": f'"{version}"'}
        with answering(self.endpoint):
            url = self.client.presigned_put_object(self.bucket, self._key(name))
            response = self._pool.request("PUT", url, body=content, headers=condition)
        if response.status in (409, 412):
            return False
        if response.status != 200:
            raise SourceUnavailableError(self.address_of(name), f"the object store answered {response.status}")
        return True

    @cached_property
    def _pool(self) -> Any:
        import urllib3

        return urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=60), retries=2)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}"


class Place(dg.Config):
    """A store as resources are configured with it; its secrets stay in their files.

    Attributes:
        address: A folder's path, or `s3://bucket/prefix`.
        endpoint: Address of the object store, for a bucket.
        secrets: Folder of the files with its keys, for a bucket.
    """

    address: str
    endpoint: str = ""
    secrets: str = ""

    def below(self, name: str) -> Self:
        """A folder in it."""
        return self.model_copy(update={"address": f"{self.address}/{name}"})

    def store(self) -> Store:
        """Open it; nothing is read or asked yet."""
        if not self.address.startswith("s3://"):
            return FolderStore(Path(self.address))
        bucket, _, prefix = self.address.removeprefix("s3://").partition("/")
        return BucketStore(self.endpoint, bucket, prefix, Path(self.secrets))


@contextmanager
def answering(endpoint: str) -> Generator[None]:
    """Translate what the object store's client raises.

    Raises:
        FileNotFoundError: no such object.
        SourceUnavailableError: the store does not answer, or says that it is busy.
    """
    from minio.error import S3Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchBucket"):
            raise FileNotFoundError(error.object_name or error.bucket_name) from error
        if error.code in ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "SlowDownWrite"):
            raise SourceUnavailableError("object store", f"{endpoint} answers {error.code}") from error
        raise
    except HTTPError as error:
        raise SourceUnavailableError("object store", f"{endpoint} does not answer: {error}") from error
