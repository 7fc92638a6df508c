"""What libraries cost that a process does without: memory of importing them, and their size on the disk.

Each is imported by a Python of its own, and what that one holds afterwards is kept beside what a Python holds that
imports nothing; the median of three counts. These are the prices that decisions name, and nothing is claimed of them.
"""

import statistics
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, version

from figures import Figure

ROUNDS = 3
HELD = "import pathlib; print(pathlib.Path('/proc/self/status').read_text().split('VmRSS:')[1].split()[0])"
IMPORTED = {
    "dagster": "dagster",
    "dagster_storage": "dagster_postgres",
    "dagster_grpc_client": "dagster._grpc.client",
    "health_page": "millrace_reports.page",
}


def figures() -> Iterator[Figure]:
    """Memory after imports, bytes of an installed library."""
    nothing = _held_mib("sys")
    for name, module in IMPORTED.items():
        data = f"after `import {module}`, Dagster {version('dagster')}, against `import sys`; median of {ROUNDS}"
        yield Figure(f"import_{name}_memory", _held_mib(module), "MiB", nothing, "reported", None, data)
    data = f"PyArrow {version('pyarrow')} against PyIceberg {version('pyiceberg')}, which reads metadata without it"
    yield Figure(
        "installed_pyarrow", _installed_mib("pyarrow"), "MiB", _installed_mib("pyiceberg"), "reported", None, data
    )


def _held_mib(module: str) -> float:
    command = [sys.executable, "-c", f"import {module}; {HELD}"]
    held = [int(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(ROUNDS)]
    return statistics.median(held) / 1024


def _installed_mib(name: str) -> float:
    files = distribution(name).files or ()
    return sum(file.size or 0 for file in files) / 2**20
