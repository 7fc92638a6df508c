"""A store as Dagster's resources are configured with it."""

from pathlib import Path
from typing import Self

import dagster as dg

from millrace.stores.bucket import BucketStore
from millrace.stores.folder import FolderStore
from millrace.stores.store import Store


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
