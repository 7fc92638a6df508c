"""How much memory this process may still take: what its control groups leave, not what the host has.

What belongs here: reading the kernel's files, and giving back what is not used. What does not: what is done about too
little (`chunks`).

The kernel kills a process that takes more than the limit of its cgroup, or of any above it, whatever the host has free.
Both layouts are read, version 1 and version 2; a container sees its own group at the mount's root, a process outside of
one somewhere below. File cache that nobody has used lately is free: the kernel gives it up first
(https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files).
"""

import ctypes
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class _Layout:
    """Names of one version's files, and of the figure of idle file cache in `memory.stat`."""

    limit: str
    usage: str
    idle_cache: str


_V1 = _Layout("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Layout("memory.max", "memory.current", "inactive_file")


@dataclass(frozen=True)
class Memory:
    """The memory of this process's surroundings; a reading takes less than a millisecond.

    Attributes:
        host: The host's `meminfo`.
        groups: Folders of the process's cgroup and those above it, innermost first.
        layout: Names of the files in these.
    """

    host: Path
    groups: tuple[Path, ...]
    layout: _Layout

    @classmethod
    def here(cls, root: Path = Path("/")) -> Self:
        """Find the groups of this process.

        Args:
            root: Where `proc` and the mounts of cgroups lie.
        """
        host = root / "proc/meminfo"
        memberships = _memberships(root / "proc/self/cgroup")
        for layout, path, mount in _mounts(root / "proc/self/mountinfo", memberships):
            groups = _upwards(root / mount.lstrip("/"), path)
            if any((group / layout.usage).is_file() for group in groups):
                return cls(host, groups, layout)
        return cls(host, (), _V2)

    def limit_bytes(self) -> int:
        """What the process may take in all: the narrowest of its groups' limits, or what the host has."""
        limits = [limit for group in self.groups if (limit := self._limit(group)) is not None]
        return min([*limits, self._host()["MemTotal"]])

    def free_bytes(self) -> int:
        """What it may take beside what its groups hold now; never below 0."""
        free = [self._host()["MemAvailable"]]
        for group in self.groups:
            limit = self._limit(group)
            if limit is not None:
                held = int((group / self.layout.usage).read_text()) - self._idle_cache(group)
                free.append(limit - max(held, 0))
        return max(min(free), 0)

    def _limit(self, group: Path) -> int | None:
        """A group's limit; None where it has none. Version 1 writes "none" as a number that no host reaches."""
        try:
            text = (group / self.layout.limit).read_text().strip()
        except OSError:  # the root group of version 2 has no such file
            return None
        return None if text == "max" or int(text) >= self._host()["MemTotal"] else int(text)

    def _idle_cache(self, group: Path) -> int:
        for line in (group / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == self.layout.idle_cache:
                return int(value)
        return 0

    def _host(self) -> Mapping[str, int]:
        lines = (line.split() for line in self.host.read_text().splitlines()[:8])  # what is asked for stands at the top
        return {name.rstrip(":"): int(value) * 1024 for name, value, *_ in lines}


def release_memory() -> None:
    """Give the kernel back what this process has freed: allocators keep it, and it counts towards the limit.

    After a stage of research awards that was 250 MB of 650. Without glibc only Arrow's pool is emptied.
    """
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _memberships(file: Path) -> dict[str, str]:
    """The path of this process's group by controller; version 2's under no name (proc(5), cgroups(7))."""
    found: dict[str, str] = {}
    with suppress(OSError):  # no Linux, or no cgroups
        for line in file.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            found |= dict.fromkeys(controllers.split(","), path)
    return found


def _mounts(file: Path, memberships: Mapping[str, str]) -> list[tuple[_Layout, str, str]]:
    """Layout, path of the group below the mount, mount point; version 1 first: if it is mounted, it counts memory."""
    found: list[tuple[_Layout, str, str]] = []
    with suppress(OSError):
        for line in file.read_text().splitlines():
            fields, _, rest = line.partition(" - ")
            root, mount = fields.split()[3:5]
            kind, _, options = rest.split(" ", 2)
            if kind == "cgroup" and "memory" in options.split(",") and "memory" in memberships:
                found.insert(0, (_V1, _below(memberships["memory"], root), mount))
            elif kind == "cgroup2" and "" in memberships:
                found.append((_V2, _below(memberships[""], root), mount))
    return found


def _below(path: str, root: str) -> str:
    """The group's path below what is mounted; a container that sees only its own group names it by the host's path."""
    inside = Path(path).is_relative_to(root) and ".." not in path
    return str(Path(path).relative_to(root)) if inside else ""


def _upwards(mount: Path, path: str) -> tuple[Path, ...]:
    own = mount / path
    return tuple(one for one in (own, *own.parents) if one == mount or mount in one.parents)
