"""Stores: where a domain's files lie, a folder on this machine or a prefix of a bucket, behind one interface.

What belongs here: bringing files in and out, whole or not at all, and saying whether a failure may pass. What does
not: what is in them.

A folder gets a file by a rename, a bucket by a PUT or the end of a multipart upload: a reader meets the old file or the
new one. Work in progress lies in the scratch folder, never under a name that readers know.
"""

from millrace.stores.bucket import BucketStore
from millrace.stores.folder import FolderStore
from millrace.stores.place import Place
from millrace.stores.store import ACCESS_KEY_FILE, SECRET_KEY_FILE, Store

__all__ = ["ACCESS_KEY_FILE", "SECRET_KEY_FILE", "BucketStore", "FolderStore", "Place", "Store"]
