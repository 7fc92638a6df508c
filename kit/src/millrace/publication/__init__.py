"""Atomic publication of a set of files: readers see the old set or the new one, never a mixture.

    root/
      current.json           the only name that readers start from; replaced last
      publications/<name>/   one set of files, named by its content, never changed afterwards

What belongs here: names, and the order of steps. What does not: what is published, and how it is named.

A name derived from the content makes publishing idempotent: what is there already is not written again. Superseded
publications are kept for readers that still hold the old pointer.
"""

from pathlib import Path

from millrace.publication.bucket import BucketPublisher
from millrace.publication.folder import FolderPublisher
from millrace.publication.session import FOLDER, MANIFEST, POINTER, Publication, Publisher, Session
from millrace.stores import BucketStore, Store

__all__ = [
    "FOLDER",
    "MANIFEST",
    "POINTER",
    "BucketPublisher",
    "FolderPublisher",
    "Publication",
    "Publisher",
    "Session",
    "publisher",
]


def publisher(store: Store, keep: int = 3) -> Publisher:
    """The publisher for a store; see `Publisher` for `keep`."""
    if isinstance(store, BucketStore):
        return BucketPublisher(store, keep)
    return FolderPublisher(Path(store.address), keep)
