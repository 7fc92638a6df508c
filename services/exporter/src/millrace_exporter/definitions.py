"""What code locations define, as the exporter keeps it: jobs, schedules, sensors, assets and their policies.

What belongs here: the shapes, and the one place where the newest of them lie for every collector. What does not: asking
for them (`collectors/workspace`).

They outlive the webserver: it may be away for an hour, and assets go stale meanwhile.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Policy:
    """A freshness policy.

    Attributes:
        fail_seconds: Of a time window: the age at which it fails; of a cron: how long before the deadline counts.
        warn_seconds: Age at which a time window warns.
        cron: The deadlines; empty for a time window.
        timezone: Of the cron.
    """

    fail_seconds: float
    warn_seconds: float | None = None
    cron: str = ""
    timezone: str = "UTC"


@dataclass(frozen=True)
class Partitions:
    """How an asset is partitioned.

    Attributes:
        kind: TIME_WINDOW, STATIC, DYNAMIC or MULTIPARTITIONED.
        format: Of a time window's keys, for `strptime`.
        timezone: Of a time window.
        newest: A time window's newest keys when they were asked for, the newest first.
        keys: All keys, of a static one with at most `MOST_STATIC` of them.
    """

    kind: str
    format: str = ""
    timezone: str = "UTC"
    newest: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


MOST_STATIC = 500


@dataclass(frozen=True)
class Asset:
    """An asset that a location defines."""

    key: str
    group: str
    location: str
    owners: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    policy: Policy | None = None
    partitions: Partitions | None = None


@dataclass(frozen=True)
class Instigator:
    """A schedule or a sensor.

    Attributes:
        kind: schedule or sensor.
        selector_id: What its ticks are found by.
        default_running: Whether it runs unless somebody switched it.
        crons: Of a schedule.
        timezone: Of a schedule.
        interval_seconds: Of a sensor.
    """

    name: str
    kind: str
    selector_id: str
    default_running: bool
    crons: tuple[str, ...] = ()
    timezone: str = "UTC"
    interval_seconds: float = 0.0


@dataclass(frozen=True)
class Location:
    """A code location as it was when it last loaded.

    Attributes:
        version: Changes with every load.
        loaded: Whether it is loaded now.
        address: Host and port of its gRPC server; empty if it has none.
    """

    name: str
    version: str = ""
    loaded: bool = False
    address: str = ""
    jobs: tuple[str, ...] = ()
    instigators: tuple[Instigator, ...] = ()
    assets: tuple[Asset, ...] = ()

    @classmethod
    def restored(cls, dumped: Mapping[str, Any]) -> Self:
        """From a checkpoint."""
        given = dict(dumped)
        given["jobs"] = tuple(given["jobs"])
        given["instigators"] = tuple(_instigator(one) for one in given["instigators"])
        given["assets"] = tuple(_asset(one) for one in given["assets"])
        return cls(**given)


def _dumped(location: Location) -> dict[str, Any]:
    """As `asdict` would, without its copy of every value."""
    return {
        **vars(location),
        "instigators": [vars(one) for one in location.instigators],
        "assets": [
            {
                **vars(one),
                "policy": one.policy and vars(one.policy),
                "partitions": one.partitions and vars(one.partitions),
            }
            for one in location.assets
        ],
    }


def _instigator(dumped: Mapping[str, Any]) -> Instigator:
    given: dict[str, Any] = dict(dumped)
    given["crons"] = tuple(given["crons"])
    return Instigator(**given)


def _asset(dumped: Mapping[str, Any]) -> Asset:
    given: dict[str, Any] = dict(dumped)
    given["owners"], given["kinds"] = tuple(given["owners"]), tuple(given["kinds"])
    given["policy"] = Policy(**given["policy"]) if given["policy"] else None
    if given["partitions"]:
        partitions: dict[str, Any] = dict(given["partitions"])
        partitions["newest"], partitions["keys"] = tuple(partitions["newest"]), tuple(partitions["keys"])
        given["partitions"] = Partitions(**partitions)
    return Asset(**given)


@dataclass(frozen=True)
class Definitions:
    """Everything that is known; replaced as a whole.

    Attributes:
        locations: By name.
        assets: By key.
        removed: Assets that a location defined once and none does now: their series disappear.
        removed_jobs: The same of jobs, by location and name.
        required: Whether a daemon must run, by its type.
    """

    locations: Mapping[str, Location] = field(default_factory=dict)
    assets: Mapping[str, Asset] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    removed_jobs: frozenset[tuple[str, str]] = frozenset()
    required: Mapping[str, bool] = field(default_factory=dict)

    @property
    def jobs(self) -> list[tuple[str, str]]:
        """Location and name of every job."""
        return [(location.name, job) for location in self.locations.values() for job in location.jobs]

    def shows(self, asset_key: str) -> bool:
        """Whether series of an asset are shown: all but those that were taken out of the code."""
        return asset_key not in self.removed

    def updated(self, locations: Iterable[Location], required: Mapping[str, bool]) -> "Definitions":
        """With these locations and no others."""
        by_name = {one.name: one for one in locations}
        assets = {asset.key: asset for location in by_name.values() for asset in location.assets}
        jobs = {(location.name, job) for location in by_name.values() for job in location.jobs}
        removed = (self.removed | set(self.assets)) - set(assets)
        removed_jobs = (self.removed_jobs | set(self.jobs)) - jobs
        return Definitions(by_name, assets, frozenset(removed), frozenset(removed_jobs), dict(required))

    def dump(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "locations": [_dumped(one) for one in self.locations.values()],
            "removed": sorted(self.removed),
            "removed_jobs": sorted(self.removed_jobs),
            "required": dict(self.required),
        }

    @classmethod
    def restored(cls, dumped: Mapping[str, Any]) -> Self:
        """From a checkpoint."""
        by_name = {one["name"]: Location.restored(one) for one in dumped["locations"]}
        assets = {asset.key: asset for location in by_name.values() for asset in location.assets}
        removed_jobs = frozenset((location, job) for location, job in dumped["removed_jobs"])
        return cls(by_name, assets, frozenset(dumped["removed"]), removed_jobs, dumped["required"])


class Workspace:
    """Where the newest definitions lie; one collector writes, the others read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = Definitions()

    @property
    def now(self) -> Definitions:
        """The newest."""
        with self._lock:
            return self._now

    def replace(self, definitions: Definitions) -> None:
        """Put others in their place."""
        with self._lock:
            self._now = definitions
