"""What a collector knows, on a volume: one file each, old or new and never half.

What belongs here: writing and reading. What does not: what is in it, which each collector says.

Cursors and counters lie in the same file: two files could be of two different polls after a crash, and then events
would be counted twice or not at all.
"""

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

_log = logging.getLogger("exporter")
_FORMAT = 1


class Checkpoints:
    """The files below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, collector: str) -> dict[str, Any] | None:
        """What was saved last; None if nothing was, or nothing that this version can read, which is logged."""
        path = self._folder / f"{collector}.json"
        try:
            content = json.loads(path.read_bytes())
            if content["format"] == _FORMAT:
                return content["state"]
            reason = f"format {content['format']!r}, expected {_FORMAT}"
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            reason = str(error)
        _log.warning("%s: cannot be read (%s); %s starts cold", path, reason, collector)
        return None

    def save(self, collector: str, state: str) -> None:
        """Replace the file; when this returns, it survives a power cut.

        Args:
            collector: Whose.
            state: JSON.

        Raises:
            OSError: The volume cannot be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=f".{collector}-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f'{{"format": {_FORMAT}, "state": {state}}}')
                file.flush()
                os.fsync(handle)
            Path(name).replace(self._folder / f"{collector}.json")
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def sweep(self) -> None:
        """Remove what a killed process left half written."""
        for path in self._folder.glob(".*-*"):
            path.unlink(missing_ok=True)
