"""Processing: large frames in chunks that a container can hold, and only what has changed."""

from millrace.processing.deltas import Delta, delta
from millrace.processing.hashing import CONTENT_HASH, content_hash, content_key

__all__ = ["CONTENT_HASH", "Delta", "content_hash", "content_key", "delta"]
