"""A store that is a prefix of a bucket: whole files by PUT, whole trees by archives, and a conditional PUT.

What belongs here: the calls. What does not: what their failures mean (`millrace.stores.answers`).
"""

import io
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from typing_extensions import override

from millrace.errors import ConfigurationError, SourceUnavailableError
from millrace.stores.answers import Asked
from millrace.stores.archives import LARGE_BYTES, archive, content_type, groups, unpacked_below
from millrace.stores.store import ACCESS_KEY_FILE, SECRET_KEY_FILE, Store

if TYPE_CHECKING:
    import urllib3
    from minio import Minio

_ARCHIVES_AT_ONCE = 3
_FILES_AT_ONCE = 16  # a put waits for the server most of its time
_RETRIES = 2
_REGION = "us-east-1"
_CONNECT_SECONDS = 5.0
_READ_SECONDS = 60.0


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
        self._asked = Asked(endpoint, bucket, secrets)

    @cached_property
    def _keys(self) -> tuple[str, str]:
        access, secret = (self._secret(name) for name in (ACCESS_KEY_FILE, SECRET_KEY_FILE))
        return access, secret

    def _secret(self, name: str) -> str:
        try:
            return (self._asked.secrets / name).read_text().strip()
        except OSError as error:  # not on: a missing key is no missing object
            problem = f"{self._asked.secrets / name} cannot be read: {error.strerror}"
            raise ConfigurationError(self.address, [problem], next_step="check MILLRACE_SECRETS") from error

    @cached_property
    def client(self) -> "Minio":
        """The client, made when it is first needed."""
        import urllib3
        from minio import Minio

        scheme, _, host = self.endpoint.partition("://")
        access_key, secret_key = self._keys
        # The client's own retries hide an outage for minutes; the job's retry policy is the one place for that.
        retries = urllib3.Retry(total=_RETRIES, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])
        return Minio(
            host,
            access_key=access_key,
            secret_key=secret_key,
            secure=scheme == "https",
            region=_REGION,
            http_client=_pool(retries),
        )

    @override
    @property
    def polars_options(self) -> dict[str, Any] | None:
        access_key, secret_key = self._keys
        return {
            "aws_endpoint_url": self.endpoint,
            "aws_access_key_id": access_key,
            "aws_secret_access_key": secret_key,
            "aws_region": _REGION,
            "aws_allow_http": "true",
            "max_retries": _RETRIES,
        }

    @override
    def has(self, name: str) -> bool:
        return self.version(name) is not None

    @override
    def read(self, name: str) -> bytes:
        with self._asking(name):
            response = self.client.get_object(self.bucket, self._key(name))
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

    @override
    def put(self, name: str, content: bytes) -> None:
        with self._asking(name):
            self.client.put_object(
                self.bucket, self._key(name), io.BytesIO(content), len(content), content_type=content_type(name)
            )

    @override
    def in_the_making(self, name: str) -> Path:
        return Path(tempfile.gettempdir()) / f"millrace-{uuid4().hex}-{Path(name).name}"

    @override
    def keep(self, name: str, made: Path) -> None:
        self._put_file(name, made)
        made.unlink()

    def put_tree(self, name: str, folder: Path, last: str) -> None:
        """Make what lies below `<name>/` the files of a folder, no more and no fewer.

        Args:
            name: Where they go.
            folder: The files; at their end they lie there still.
            last: The one that is written when all others are there.

        Raises:
            SourceUnavailableError: files that were written are gone: another run removes them.
        """
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)}
        del sizes[last]
        missing = sizes
        # A store that does not unpack archives keeps them as they come: then every file is missing, and goes by itself.
        for send in (self._send_packed, self._send_singly):
            send(name, folder, missing)
            there = self._sizes_below(name)
            missing = {one: size for one, size in sizes.items() if there.get(one) != size}
            if not missing:
                break
        if missing:
            lost = f"{len(missing)} of {len(sizes)} files are gone after they were written: another run removes them"
            raise SourceUnavailableError(self.address_of(name), lost)
        self._remove(f"{name}/{one}" for one in there if one not in sizes and one != last)
        self._put_file(f"{name}/{last}", folder / last)

    def _send_packed(self, name: str, folder: Path, sizes: dict[str, int]) -> None:
        large = {one: size for one, size in sizes.items() if size > LARGE_BYTES}

        def one(names: list[str]) -> None:
            packed = archive(folder, names)
            with self._asking(name):
                self.client.put_object(
                    self.bucket,
                    self._key(f"{name}/.{uuid4().hex}.tar"),
                    io.BytesIO(packed),
                    len(packed),
                    metadata=unpacked_below(self._key(name)),
                    part_size=max(len(packed), 5 << 20),  # in one request: parts would not be unpacked
                )

        self._send_singly(name, folder, large)
        _each(one, groups({one: size for one, size in sizes.items() if one not in large}), _ARCHIVES_AT_ONCE)

    def _send_singly(self, name: str, folder: Path, sizes: dict[str, int]) -> None:
        _each(lambda one: self._put_file(f"{name}/{one}", folder / one), sizes, _FILES_AT_ONCE)

    def _put_file(self, name: str, path: Path) -> None:
        with self._asking(name):
            self.client.fput_object(self.bucket, self._key(name), str(path), content_type=content_type(name))

    def folders(self, name: str) -> list[str]:
        """Names of the folders in one, without their slashes."""
        start = self._key(f"{name}/")
        with self._asking(name):
            found = [one.object_name for one in self.client.list_objects(self.bucket, start) if one.is_dir]
        return [one.removeprefix(start).rstrip("/") for one in found]

    def age_seconds(self, name: str) -> float:
        """Seconds since the last write below `<name>/`."""
        with self._asking(name):
            found = self.client.list_objects(self.bucket, self._key(f"{name}/"), recursive=True)
            written = max((one.last_modified.timestamp() for one in found), default=0.0)
        return time.time() - written

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it is not there."""
        with self._asking(name):
            self.client.remove_object(self.bucket, self._key(name))

    @override
    def files(self, name: str) -> list[str]:
        return sorted(self._sizes_below(name))

    @override
    def remove_tree(self, name: str) -> None:
        self._remove(f"{name}/{one}" for one in self._sizes_below(name))

    def _remove(self, names: Iterable[str]) -> None:
        """Remove files, a thousand with a request."""
        from minio.deleteobjects import DeleteObject

        with self._asking(""):
            for error in self.client.remove_objects(self.bucket, (DeleteObject(self._key(name)) for name in names)):
                raise self._asked.failure(f"s3://{self.bucket}/{error.name}", error.code or "", error.message or "")

    def _sizes_below(self, name: str) -> dict[str, int]:
        start = self._key(f"{name}/")
        with self._asking(name):
            found = self.client.list_objects(self.bucket, start, recursive=True)
            return {one.object_name.removeprefix(start): one.size for one in found}

    def version(self, name: str) -> str | None:
        """What distinguishes this content of a file from any other, for `replace_version`; None where there is none."""
        try:
            with self._asking(name):
                return self.client.stat_object(self.bucket, self._key(name)).etag
        except FileNotFoundError:
            with suppress(FileNotFoundError):
                self.read(name)  # the answer to a HEAD has no body, which would say that the bucket itself is missing
            return None

    def replace_version(self, name: str, content: bytes, version: str | None) -> bool:
        """Write a file unless somebody changed it since `version`; say whether it was written."""
        condition = {"If-None-Match": "*"} if version is None else {"If-Match": f'"{version}"'}
        headers = {**condition, "Content-Type": content_type(name)}
        with self._asking(name):
            url = self.client.presigned_put_object(self.bucket, self._key(name), expires=timedelta(minutes=15))
            # Once: a second try after a lost answer would meet its own first one. And urllib3 logs the URL of a retry.
            response = _pool(False).request("PUT", url, body=content, headers=headers)
        if response.status == 200:
            return True
        is_bucket_missing = b"NoSuchBucket" in response.data
        if response.status in (404, 409, 412) and not is_bucket_missing:  # gone, being written, another one
            return False
        known = {403: "AccessDenied", 404: "NoSuchBucket", 429: "SlowDown"}
        code = known.get(response.status, f"HTTP {response.status}")
        raise self._asked.failure(self.address_of(name), "ServiceUnavailable" if response.status >= 500 else code, "")

    def _asking(self, name: str) -> AbstractContextManager[None]:
        return self._asked.about(self.address_of(name) if name else self.address)

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}"


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _each(action: Callable[[Any], None], items: Iterable[Any], at_once: int) -> None:
    """Call `action` with each item, some at once; the first error ends it."""
    with ThreadPoolExecutor(at_once) as threads:
        for _ in threads.map(action, items):
            pass


def _pool(retries: "urllib3.Retry | bool") -> "urllib3.PoolManager":
    import urllib3

    timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
    return urllib3.PoolManager(maxsize=_FILES_AT_ONCE, timeout=timeout, retries=retries)
