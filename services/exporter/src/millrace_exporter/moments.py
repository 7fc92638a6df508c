"""Moments of crons and of partitions by time.

What belongs here: when something is due. What does not: whether it happened.

Dagster itself is not imported. Its crons are croniter's; a partition's window is read off its key's format and the
distance of the newest keys, since the webserver tells neither the cron nor the zone in a field of its own.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter

from millrace_exporter.definitions import Partitions

# Keys that sort as text as they do in time begin with the year and go on to the smaller units.
_SORTED_UNITS = ("%Y", "%m", "%d", "%H", "%M", "%S")


def next_tick(crons: Sequence[str], timezone: str, after: float) -> float | None:
    """The first tick of any of the crons after a moment, seconds since 1970; None if there is none."""
    begin = datetime.fromtimestamp(after, _zone(timezone))
    ticks = [croniter(cron, begin).get_next(datetime) for cron in crons if croniter.is_valid(cron)]
    return min((tick.timestamp() for tick in ticks), default=None)


def partition_start(key: str, partitions: Partitions) -> datetime | None:
    """When a partition's window begins, on its own zone's wall clock; None if the key is not of the format."""
    try:
        return datetime.strptime(key, partitions.format).replace(tzinfo=None)  # noqa: DTZ007  # the zone is apart
    except ValueError:
        return None


def next_due(key: str, partitions: Partitions) -> float | None:
    """When the partition after this one has ended, and so is due; None if nobody knows."""
    start, width = partition_start(key, partitions), _width(partitions)
    if start is None or width is None:
        return None
    return (start + 2 * width).replace(tzinfo=_zone(partitions.timezone)).timestamp()


def sorts_as_text(partitions: Partitions) -> bool:
    """Whether the keys sort as text as they do in time."""
    found = [partitions.format.find(unit) for unit in _SORTED_UNITS]
    present = [place for place in found if place >= 0]
    return bool(present) and present == sorted(present) and found[: len(present)] == present


def _width(partitions: Partitions) -> timedelta | None:
    """The longest distance of the newest keys: a month is not a day late because February was short."""
    starts = [start for key in partitions.newest if (start := partition_start(key, partitions)) is not None]
    return max((abs(one - two) for one, two in pairwise(starts)), default=None)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
