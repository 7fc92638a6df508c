"""What a process may take: by files of both layouts, and in a real container."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

import millrace.processing.memory
from millrace.processing.memory import Memory
from millrace.testing.fixtures import not_here

MEBIBYTE = 1 << 20
HOST = f"MemTotal: {8 << 20} kB\nMemFree: 100 kB\nMemAvailable: {4 << 20} kB\n"
NO_LIMIT_V1 = 9223372036854771712  # what version 1 says where nothing was set: the largest page-aligned number


def machine(root: Path, cgroup: str, mountinfo: str, files: Mapping[str, object]) -> Memory:
    """The memory of a made-up machine."""
    proc = {"meminfo": HOST, "self/cgroup": cgroup, "self/mountinfo": mountinfo}
    for name, content in {**{f"proc/{name}": text for name, text in proc.items()}, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(content))
    return Memory.here(root)


def v1(folder: str, limit: int, usage: int, idle: int = 0) -> dict[str, object]:
    base = f"sys/fs/cgroup/memory{folder}"
    stat = f"cache 1\ninactive_file 1\ntotal_cache {idle}\ntotal_inactive_file {idle}\n"
    return {
        f"{base}/memory.limit_in_bytes": limit,
        f"{base}/memory.usage_in_bytes": usage,
        f"{base}/memory.stat": stat,
    }


def v2(folder: str, limit: int | str, usage: int, idle: int = 0) -> dict[str, object]:
    base = f"sys/fs/cgroup{folder}"
    stat = f"anon 1\nfile {idle}\ninactive_anon 7\ninactive_file {idle}\n"
    return {f"{base}/memory.max": f"{limit}\n", f"{base}/memory.current": usage, f"{base}/memory.stat": stat}


V1_MOUNT = "35 31 0:32 {root} /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
V1_MOUNTS = "34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n" + V1_MOUNT
V1_GROUPS = "5:cpu:/other\n4:memory:{path}\n0::/\n"
V2_MOUNT = "30 24 0:26 {root} /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_a_container_of_version_1_has_what_its_limit_leaves(tmp_path: Path) -> None:
    memory = machine(
        tmp_path,
        V1_GROUPS.format(path="/docker/abc"),
        V1_MOUNTS.format(root="/docker/abc"),
        v1("", 1024 * MEBIBYTE, 700 * MEBIBYTE, idle=100 * MEBIBYTE),
    )

    assert memory.limit_bytes() == 1024 * MEBIBYTE
    assert memory.free_bytes() == 424 * MEBIBYTE


def test_a_container_of_version_2_has_what_its_limit_leaves(tmp_path: Path) -> None:
    memory = machine(
        tmp_path,
        "0::/\n",
        V2_MOUNT.format(root="/"),
        v2("", 1024 * MEBIBYTE, 700 * MEBIBYTE, idle=100 * MEBIBYTE),
    )

    assert memory.limit_bytes() == 1024 * MEBIBYTE
    assert memory.free_bytes() == 424 * MEBIBYTE


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("inner", "outer", "limit", "free"),
    [((512, 100), (1024, 200), 512, 412), ((1024, 100), (512, 200), 512, 312), ((None, 100), (512, 200), 512, 312)],
    ids=["inner_is_narrower", "outer_is_narrower", "inner_has_none"],
)
def test_the_narrowest_of_nested_groups_counts(
    tmp_path: Path,
    version: int,
    inner: tuple[int | None, int],
    outer: tuple[int, int],
    limit: int,
    free: int,
) -> None:
    make, none = (v1, NO_LIMIT_V1) if version == 1 else (v2, "max")
    files: dict[str, object] = {}
    for folder, (most, used) in (("/a/b", inner), ("/a", outer), ("", (None, 300))):
        files |= make(folder, none if most is None else most * MEBIBYTE, used * MEBIBYTE)  # ty: ignore[invalid-argument-type]
    if version == 2:
        del files["sys/fs/cgroup/memory.max"]  # the root group has none
    cgroup, mounts = (V1_GROUPS.format(path="/a/b"), V1_MOUNTS) if version == 1 else ("0::/a/b\n", V2_MOUNT)

    memory = machine(tmp_path, cgroup, mounts.format(root="/"), files)

    assert (memory.limit_bytes(), memory.free_bytes()) == (limit * MEBIBYTE, free * MEBIBYTE)


def test_without_a_limit_the_hosts_available_memory_counts(tmp_path: Path) -> None:
    one = machine(tmp_path / "v1", V1_GROUPS.format(path="/"), V1_MOUNTS.format(root="/"), v1("", NO_LIMIT_V1, 5))
    two = machine(tmp_path / "v2", "0::/a\n", V2_MOUNT.format(root="/"), v2("/a", "max", 5))
    none = machine(tmp_path / "none", "", "", {})

    for memory in (one, two, none):
        assert (memory.limit_bytes(), memory.free_bytes()) == (8 << 30, 4 << 30)


def test_a_limit_that_the_host_cannot_give_is_bounded_by_what_it_has_available(tmp_path: Path) -> None:
    memory = machine(tmp_path, "0::/\n", V2_MOUNT.format(root="/"), v2("", 7 << 30, 0))

    assert (memory.limit_bytes(), memory.free_bytes()) == (7 << 30, 4 << 30)


def test_where_both_layouts_are_mounted_the_one_with_the_controller_is_read(tmp_path: Path) -> None:
    mounts = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n" + V1_MOUNTS.format(root="/")
    memory = machine(tmp_path, V1_GROUPS.format(path="/a"), mounts, v1("/a", 256 * MEBIBYTE, 56 * MEBIBYTE))

    assert memory.free_bytes() == 200 * MEBIBYTE


def test_more_held_than_allowed_leaves_nothing(tmp_path: Path) -> None:
    memory = machine(tmp_path, "0::/\n", V2_MOUNT.format(root="/"), v2("", 100 * MEBIBYTE, 101 * MEBIBYTE))

    assert memory.free_bytes() == 0


def test_this_machine_can_be_read_and_cheaply() -> None:
    memory = Memory.here()
    assert 0 < memory.free_bytes() <= memory.limit_bytes()

    began = time.process_time()
    for _ in range(200):
        memory.free_bytes()
    assert (time.process_time() - began) / 200 < 0.005


@pytest.fixture
def engine() -> str:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True, check=False).returncode:
        not_here("no Docker Engine answers")
    return docker


READ = """
import sys; sys.path.insert(0, "/src")
from memory import Memory
memory = Memory.here()
before = memory.free_bytes()
ballast = bytearray(100 << 20)
ballast[::4096] = b"x" * len(ballast[::4096])
print(memory.limit_bytes(), before, memory.free_bytes())
"""


@pytest.mark.compose
def test_a_real_container_is_read_by_its_limit_and_not_by_the_hosts(engine: str) -> None:
    image = f"{os.environ.get('MILLRACE_IMAGES', 'millrace')}/museum:{os.environ.get('MILLRACE_VERSION', 'dev')}"
    if subprocess.run([engine, "image", "inspect", image], capture_output=True, check=False).returncode:
        not_here(f"no image {image} here; docker compose build makes it")
    # A copy by standard input: the source may not be mountable where the engine is another machine's.
    module = Path(millrace.processing.memory.__file__).read_text()
    code = (
        f"import sys, types; m = types.ModuleType('memory'); sys.modules['memory'] = m\nexec({module!r}, m.__dict__)\n"
    )
    said = subprocess.run(
        [engine, "run", "--rm", "--interactive", "--memory", "256m", "--entrypoint", "python", image, "-"],
        input=code + READ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    limit, before, after = map(int, said.stdout.split())
    assert limit == 256 * MEBIBYTE
    assert 128 * MEBIBYTE < before < 256 * MEBIBYTE
    assert before - after == pytest.approx(100 * MEBIBYTE, rel=0.1)
    assert limit < Memory.here().limit_bytes(), "control: this machine has more"


FREED = """
from pathlib import Path
from millrace.processing import release_memory

def resident_mib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) >> 10

held = [b"x" * 100_000 for _ in range(2_000)]  # too small for mappings of their own
del held[:-1]  # the last one keeps what is below it
before = resident_mib()
release_memory()
print(before - resident_mib())
"""


def test_what_was_freed_goes_back_to_the_kernel() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)

    assert int(done.stdout) > 150
