"""How many runs go on at once, by the machine's memory and the most that a run may have."""

import os
import subprocess
from pathlib import Path

import pytest

ENTRYPOINT = Path(__file__).parents[1] / "entrypoint"
TOTAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def started(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", ENTRYPOINT, "sh", "-c", "echo $MILLRACE_MAX_CONCURRENT_RUNS"],
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("memory", "size"),
    [("2GiB", 2 << 30), ("512MiB", 512 << 20), ("1.5GiB", 3 << 29), ("9000GiB", 9000 << 30), ("1073741824", 1 << 30)],
)
def test_six_tenths_of_the_memory_are_for_runs_and_one_always_goes(memory: str, size: int) -> None:
    assert int(started(MILLRACE_RUN_MEMORY=memory).stdout) == max(1, int(TOTAL * 0.6 / size))


def test_unset_a_run_has_two_gibibytes() -> None:
    assert started().stdout == started(MILLRACE_RUN_MEMORY="2GiB").stdout


def test_a_number_that_was_set_is_taken() -> None:
    assert started(MILLRACE_MAX_CONCURRENT_RUNS="3", MILLRACE_RUN_MEMORY="2GiB").stdout == "3\n"


@pytest.mark.parametrize("memory", ["2G", "much", "0GiB", "-1GiB"])
def test_a_size_that_is_none_is_said(memory: str) -> None:
    said = started(MILLRACE_RUN_MEMORY=memory)

    assert said.returncode == 1
    assert said.stderr == f"dagster: MILLRACE_RUN_MEMORY is '{memory}' (expected a size such as 2GiB or 1536MiB)\n"
