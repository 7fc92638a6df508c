"""A real object store for tests: the MinIO that the platform runs, started beside them on a port of its own.

Where its program comes from, `programs.py` says.
"""

import os
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from millrace.stores import ACCESS_KEY_FILE, SECRET_KEY_FILE, Place
from millrace.testing.programs import program

_IN_ITS_IMAGE = "object-store:/usr/local/bin/minio"
_ANSWERS_WITHIN_SECONDS = 60.0
_ENDS_WITHIN_SECONDS = 20.0


class ObjectStore:
    """A server with a folder of its own, on 127.0.0.1.

    Attributes:
        address: Host and port.
        endpoint: The same as a URL.
        secrets: Folder with the files of the root key, as a domain's secrets lie there.
    """

    access_key = "millrace-root"
    secret_key = "root's secret of some length"  # noqa: S105  # of a server that lives as long as the tests
    bucket = "tests"

    def __init__(self, binary: Path, folder: Path) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.endpoint = f"http://{self.address}"
        self.secrets = folder / "secrets"
        self.secrets.mkdir()
        (self.secrets / ACCESS_KEY_FILE).write_text(self.access_key)
        (self.secrets / SECRET_KEY_FILE).write_text(self.secret_key)
        self._command = [str(binary), "server", "--address", self.address, str(folder / "data")]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server; it may take a moment until it answers."""
        environment = {
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_UPDATE": "off",
            "MINIO_BROWSER": "off",
            "HOME": str(self._folder),
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)

    def wait(self) -> None:
        """Wait until the server can be used.

        Raises:
            TimeoutError: it cannot within a minute; the text has its last lines.
        """
        import urllib3
        from minio import Minio
        from minio.error import S3Error

        client = Minio(
            endpoint=self.address,
            access_key=self.access_key,
            secret_key=self.secret_key,
            secure=False,
            http_client=urllib3.PoolManager(retries=False),
        )
        deadline = time.monotonic() + _ANSWERS_WITHIN_SECONDS
        while True:
            try:
                client.list_buckets()
            except (urllib3.exceptions.HTTPError, S3Error) as error:
                if time.monotonic() > deadline:
                    said = (self._folder / "log").read_text(errors="replace")[-2000:]
                    raise TimeoutError(f"the object store does not answer: {said}") from error
                time.sleep(0.05)
            else:
                break
        if not client.bucket_exists(bucket_name=self.bucket):
            client.make_bucket(bucket_name=self.bucket)

    def stop(self) -> None:
        """End the server; what it holds stays for its next start."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_ENDS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def place(self) -> Place:
        """A new place in its bucket, with nothing in it."""
        address = f"s3://{self.bucket}/outputs/{uuid4().hex}"
        return Place(address=address, endpoint=self.endpoint, secrets=str(self.secrets))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def object_store_server(folder: Path) -> Generator[ObjectStore]:
    """A server that answers, with its data and its key below `folder`.

    Raises:
        NoProgramError: this machine has no MinIO.
    """
    server = ObjectStore(program("minio", _IN_ITS_IMAGE, folder, os.environ), folder)
    server.start()
    try:
        server.wait()
        yield server
    finally:
        server.stop()
