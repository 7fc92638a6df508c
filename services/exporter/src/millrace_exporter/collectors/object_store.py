"""The object store, by using it: one small object is put, read back and deleted.

What belongs here: whether storing works from here. What does not: its capacity, which it tells Prometheus itself.
"""

import io
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from millrace_exporter.families import PROBES
from millrace_exporter.samples import Samples

OBJECT = "probe/exporter"
_CONTENT = b"millrace-exporter"


class ContentError(Exception):
    """What was read is not what was written."""


class ObjectStoreCollector:
    """Probes one bucket.

    Args:
        address: URL of the store.
        bucket: The bucket.
        secrets: Folder with `object_store_access_key` and `object_store_secret_key`.
    """

    name = "object_store"

    def __init__(self, address: str, bucket: str, secrets: Path) -> None:
        self._address = address
        self._bucket = bucket
        self._secrets = secrets
        self._client: Minio | None = None

    def poll(self) -> Samples:
        """Put, get, delete; what comes after a failure failed too."""
        samples = Samples(self.name)
        failed = False
        for operation in PROBES:
            started = time.monotonic()
            try:
                if not failed:
                    self._operations()[operation]()
                    samples.set("object_store_probe_seconds", [operation], time.monotonic() - started)
            except (MinioException, HTTPError, OSError, ContentError) as error:
                failed = True
                self._client = None  # its key may have been replaced
                samples.problems.append(f"{operation}: {' '.join(str(error).split())[:300]}")
            samples.set("object_store_probe_success", [operation], float(not failed))
        return samples

    def _operations(self) -> dict[str, Callable[[], None]]:
        return {"put": self._put, "get": self._get, "delete": self._delete}

    def _put(self) -> None:
        self._open().put_object(
            bucket_name=self._bucket, object_name=OBJECT, data=io.BytesIO(_CONTENT), length=len(_CONTENT)
        )

    def _get(self) -> None:
        answer = self._open().get_object(bucket_name=self._bucket, object_name=OBJECT)
        try:
            content = answer.read()
        finally:
            answer.close()
            answer.release_conn()
        if content != _CONTENT:
            raise ContentError(f"{OBJECT} holds {len(content)} other bytes")

    def _delete(self) -> None:
        self._open().remove_object(bucket_name=self._bucket, object_name=OBJECT)

    def _open(self) -> Minio:
        if self._client is None:
            self._client = object_store_client(self._address, self._secrets)
        return self._client


def object_store_client(address: str, secrets: Path) -> Minio:
    """A client that gives up after five seconds and does not retry: a probe that hides failures probes nothing.

    Raises:
        OSError: A secret cannot be read.
    """
    url = urlsplit(address)
    return Minio(
        endpoint=url.netloc,
        access_key=(secrets / "object_store_access_key").read_text(encoding="utf-8").strip(),
        secret_key=(secrets / "object_store_secret_key").read_text(encoding="utf-8").strip(),
        secure=url.scheme == "https",
        http_client=urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=5), retries=False),
    )
