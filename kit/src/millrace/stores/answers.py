"""What an object store's failures mean: a file that is not there, a store that may answer later, one that refuses.

What belongs here: words for people. What does not: which failures are transient (`millrace.errors`).
"""

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import TRANSIENT_S3_CODES, MillraceError, SourceUnavailableError, StoreRefusedError, is_transient
from millrace.stores.store import ACCESS_KEY_FILE, SECRET_KEY_FILE

_KEY_CODES = frozenset({"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch"})


@dataclass(frozen=True)
class Asked:
    """An object store, as failures name it.

    Attributes:
        endpoint: Its address.
        bucket: The bucket in it.
        secrets: Folder with the key that it is asked with.
    """

    endpoint: str
    bucket: str
    secrets: Path

    @contextmanager
    def about(self, address: str) -> Generator[None]:
        """Translate what the client raises when it asks about a file or a folder.

        Raises:
            FileNotFoundError: no such file.
            SourceUnavailableError: the store does not answer, or says that it is busy.
            StoreRefusedError: it refuses the key, or has no such bucket.
        """
        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError, MaxRetryError

        try:
            yield
        except S3Error as error:
            if error.code == "NoSuchKey":
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), address) from error
            raise self.failure(address, error.code or "an error without a code", error.message or "") from error
        except (MinioException, HTTPError) as error:
            # Around the reason urllib3 puts the whole address that it asked for, with the signature if it was signed.
            reason = error.reason if isinstance(error, MaxRetryError) and error.reason is not None else error
            if is_transient(error):
                raise SourceUnavailableError(address, f"{self.endpoint} does not answer: {reason}") from reason
            raise StoreRefusedError(
                address,
                f"{self.endpoint} cannot be used: {reason}",
                expected="an object store",
                next_step="check MILLRACE_OBJECT_STORE",
            ) from reason

    def failure(self, address: str, code: str, message: str) -> MillraceError:
        """The error for a code that the store answers."""
        if code in TRANSIENT_S3_CODES:
            return SourceUnavailableError(address, f"{self.endpoint} answers {code}")
        if code == "NoSuchBucket":
            return StoreRefusedError(
                address,
                f"{self.endpoint} has no bucket {self.bucket}",
                expected="the bucket that setup makes at every start",
                next_step="start the service setup again, or check MILLRACE_BUCKET",
            )
        if code in _KEY_CODES:
            return StoreRefusedError(
                address,
                f"{self.endpoint} answers {code}",
                expected="a key that may read and write here",
                next_step=f"check {ACCESS_KEY_FILE} and {SECRET_KEY_FILE} in {self.secrets}, and start setup again",
            )
        return StoreRefusedError(
            address, f"{self.endpoint} answers {code}: {message}", next_step="look at the object store's log"
        )
