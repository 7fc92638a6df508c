"""The folder of an embedded instance: its layout, its lock, and what it writes for Dagster.

    home/
      dagster/     DAGSTER_HOME: dagster.yaml, workspace.yaml, compute logs
      postgres/    the database cluster
      samples/     made-up sources, by domain
      stages/      stage files, by domain
      rejects/     what stages turned away, by domain
      outputs/     what domains publish
      logs/        what the runs said, by domain

One process uses a home at a time. The lock is the kernel's and ends with its holder, however that ends.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import yaml

from millrace.errors import HomeInUseError
from millrace.files import replace_file

_RETRY_SECONDS = 0.5
INTERACTIVE = "ui"


class Home:
    """An embedded instance's folder.

    Args:
        root: The folder; made if it is missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.dagster = self.root / "dagster"
        self.postgres = self.root / "postgres"
        self.logs = self.root / "logs"

    def sample(self, domain: str) -> Path:
        """Folder of a domain's made-up source."""
        return self.root / "samples" / domain

    @contextmanager
    def locked(self, purpose: str, waiting: Callable[[str], None]) -> Generator[int]:
        """Hold the home; wait while another run holds it.

        Args:
            purpose: `INTERACTIVE` for a process that stays until it is stopped, else a word for people.
            waiting: Called once with a line for people before the wait begins.

        Yields:
            The lock's file descriptor; a child that inherits it holds the home too.

        Raises:
            HomeInUseError: its holder is interactive, so that waiting could last for ever.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / ".lock").open("a+") as lock:
            told = False
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    lock.seek(0)
                    held_for, holder = _holder(lock.read())
                    if held_for == INTERACTIVE:
                        raise HomeInUseError(
                            str(self.root),
                            f"is in use by {holder}",
                            next_step="stop it, start the job there, or take another folder with --out",
                        ) from None
                    if not told:
                        waiting(f"waiting for {holder} to finish in {self.root}")
                        told = True
                    time.sleep(_RETRY_SECONDS)
            lock.truncate(0)
            lock.write(json.dumps({"purpose": purpose, "process": os.getpid()}))
            lock.flush()
            yield lock.fileno()

    def write_dagster_files(self, postgres_url: str, modules: Mapping[str, str]) -> None:
        """Write `dagster.yaml` and `workspace.yaml`; both are whole at any time.

        Args:
            postgres_url: Address of the database.
            modules: Module of each domain's definitions, by domain.
        """
        self.dagster.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(exist_ok=True)
        instance = {
            "storage": {"postgres": {"postgres_url": postgres_url}},
            "local_artifact_storage": {
                "module": "dagster._core.storage.root",
                "class": "LocalArtifactStorage",
                "config": {"base_dir": str(self.dagster / "storage")},
            },
            "compute_logs": {
                "module": "dagster._core.storage.local_compute_log_manager",
                "class": "LocalComputeLogManager",
                "config": {"base_dir": str(self.dagster / "compute_logs")},
            },
            "python_logs": {
                "managed_python_loggers": [
                    "millrace",
                    *(module.split(".")[0] for module in modules.values()),
                ],
                "python_log_level": "INFO",
            },
            "run_monitoring": {"enabled": True},
            "telemetry": {"enabled": False},
            "nux": {"enabled": False},
        }
        workspace = {
            "load_from": [
                {
                    "python_module": {
                        "module_name": module,
                        "attribute": "defs",
                        "location_name": name,
                    }
                }
                for name, module in modules.items()
            ]
        }
        for name, content in (("dagster.yaml", instance), ("workspace.yaml", workspace)):
            replace_file(self.dagster / name, yaml.safe_dump(content, sort_keys=False).encode())


def _holder(text: str) -> tuple[str, str]:
    """What a lock is held for, and its holder in words; it may not have said so yet."""
    try:
        held = json.loads(text)
    except json.JSONDecodeError:
        return "", "another process"
    return held["purpose"], f"{held['purpose']} (process {held['process']})"
