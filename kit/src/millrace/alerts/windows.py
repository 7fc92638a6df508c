"""Maintenance windows: when which alerts are not sent, as Alertmanager's time intervals.

What belongs here: windows and their translation. What does not: where in the routes they stand (`routes`), and silences
for once (`silences`).

Alertmanager's intervals know days of a month and times of a day, not an instant, and none passes midnight. So a window
becomes one interval per piece of a day, and a cron expression is one whose minute and hour are fixed.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError

_DAY_MINUTES = 24 * 60
_MATCHER = re.compile(r"^([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*\"?(.*?)\"?$")
_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_CRON_DAYS = {name[:3]: number for number, name in enumerate(_WEEKDAYS)}
_MINUTES = re.compile(r"^(?:(\d+)h)?(?:(\d+)m)?$")


class Window(BaseModel):
    """Alerts with these labels are not sent meanwhile; they are seen, and sent afterwards if they still hold.

    Attributes:
        matchers: `label="value"`, `label=~"expression"`, `!=`, `!~`; all of them. None: every alert.
        cron: Minute and hour are numbers; days of the month, months and days of the week may be lists and ranges.
        start: Of a window that comes once, with `end`; in `timezone`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    reason: str
    matchers: list[Annotated[str, Field(pattern=_MATCHER.pattern)]] = []
    timezone: str = Field(default="UTC", description="IANA name")
    cron: str | None = None
    duration: str | None = Field(default=None, description="1h30m; at most 24h")
    start: datetime | None = Field(default=None, alias="from")
    end: datetime | None = Field(default=None, alias="to")

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone {name!r} (expected an IANA name such as Europe/Berlin)") from error
        return name

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.cron is None) == (self.start is None):
            raise ValueError("expected either cron and duration, or from and to")
        if (self.cron is None) != (self.duration is None) or (self.start is None) != (self.end is None):
            raise ValueError("expected both of cron and duration, or both of from and to")
        if self.start is not None and self.end is not None:
            if self.start.tzinfo or self.end.tzinfo:
                raise ValueError("from and to are times in timezone; leave their own offset out")
            if self.start >= self.end:
                raise ValueError("from must be before to")
        self.intervals()  # says what is wrong with cron and duration
        return self

    def intervals(self) -> list[dict[str, Any]]:
        """As Alertmanager's `time_intervals`."""
        pieces = self._repeated() if self.cron is not None else self._once()
        return [{**piece, "location": self.timezone} for piece in pieces]

    def covers(self, moment: datetime) -> bool:
        """Whether alerts are held back at this moment."""
        local = moment.astimezone(ZoneInfo(self.timezone))
        return any(_contains(interval, local) for interval in self.intervals())

    def next_start(self, moment: datetime) -> datetime | None:
        """When it begins next, within a year; None if it does not."""
        zone = ZoneInfo(self.timezone)
        first = moment.astimezone(zone).date()
        for days in range(367):
            day = first + timedelta(days=days)
            for interval in sorted(self.intervals(), key=lambda one: one["times"][0]["start_time"]):
                begin = time.fromisoformat(interval["times"][0]["start_time"])
                found = datetime.combine(day, begin, tzinfo=zone)
                # A piece that goes on from the day before is no beginning.
                if found > moment and _contains(interval, found) and not self.covers(found - timedelta(minutes=1)):
                    return found.astimezone(UTC)
        return None

    def _once(self) -> Iterator[dict[str, Any]]:
        assert self.start is not None  # noqa: S101  # the validator has seen it
        assert self.end is not None  # noqa: S101
        day = self.start.date()
        while day <= self.end.date():
            begin = self.start.hour * 60 + self.start.minute if day == self.start.date() else 0
            finish = self.end.hour * 60 + self.end.minute if day == self.end.date() else _DAY_MINUTES
            if begin < finish:
                yield {"times": [_times(begin, finish)], **_on(day)}
            day += timedelta(days=1)

    def _repeated(self) -> Iterator[dict[str, Any]]:
        fields = (self.cron or "").split()
        if len(fields) != 5:
            raise ValueError(f"cron {self.cron!r} has {len(fields)} fields (expected 5)")
        minute, hour, days, months, weekdays = fields
        if not (minute.isdigit() and hour.isdigit() and int(minute) < 60 and int(hour) < 24):
            raise ValueError(
                f"cron {self.cron!r}: minute and hour have to be numbers; give each hour a window of its own"
            )
        found = _MINUTES.match(self.duration or "")
        length = int(found[1] or 0) * 60 + int(found[2] or 0) if found else 0
        if not 0 < length <= _DAY_MINUTES:
            raise ValueError(f"duration is {self.duration!r} (expected up to 24h, as 1h30m)")
        if days != "*" and weekdays != "*":
            raise ValueError(
                f"cron {self.cron!r}: days of the month or days of the week, not both: cron takes either for enough"
            )
        begin = int(hour) * 60 + int(minute)
        when: dict[str, Any] = {}
        if days != "*":
            when["days_of_month"] = [_span(one, 1, 31) for one in days.split(",")]
        if months != "*":
            when["months"] = [_span(one, 1, 12) for one in months.split(",")]
        weekly = _weekdays(weekdays)
        yield {"times": [_times(begin, min(begin + length, _DAY_MINUTES))], **when, **_named(weekly)}
        if (rest := begin + length - _DAY_MINUTES) > 0:
            if days != "*" or months != "*":
                raise ValueError("a window on days of a month may not pass midnight; split it in two")
            yield {"times": [_times(0, rest)], **_named(sorted((one + 1) % 7 for one in weekly))}


class Windows(BaseModel):
    """The file of the windows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: list[Window]


def load_windows(path: Path) -> list[Window]:
    """Read `infra/alerts/policy/windows.yaml`.

    Raises:
        ConfigurationError: it holds something else, or two windows of one name.
    """
    try:
        windows = Windows.model_validate(read_yaml(path, str(path))).windows
    except ValidationError as error:
        raise ConfigurationError(str(path), problems_of(error), next_step="see docs/alerts.md") from error
    names = [window.name for window in windows]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(str(path), [f"window {name} is there twice" for name in twice])
    return windows


def matcher_parts(matcher: str) -> tuple[str, str, str]:
    """Label, operator and value."""
    found = _MATCHER.match(matcher.strip())
    if found is None:
        raise ConfigurationError(matcher, ["no matcher (expected label=value, label=~expression, != or !~)"])
    return found[1], found[2], found[3]


def quoted(matcher: str) -> str:
    """As Alertmanager's configuration has it."""
    label, operator, value = matcher_parts(matcher)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{label}{operator}"{escaped}"'


def _times(begin: int, finish: int) -> dict[str, str]:
    return {"start_time": f"{begin // 60:02}:{begin % 60:02}", "end_time": f"{finish // 60:02}:{finish % 60:02}"}


def _on(day: date) -> dict[str, list[str]]:
    return {"years": [str(day.year)], "months": [str(day.month)], "days_of_month": [str(day.day)]}


def _span(text: str, low: int, high: int) -> str:
    ends = text.split("-")
    if len(ends) > 2 or not all(one.isdigit() and low <= int(one) <= high for one in ends):
        raise ValueError(
            f"{text!r} is no day or month (expected numbers from {low} to {high}, lists and ranges of them)"
        )
    return ":".join(str(int(one)) for one in ends)


def _weekdays(field: str) -> list[int]:
    if field == "*":
        return list(range(7))
    found: set[int] = set()
    for part in field.lower().split(","):
        ends = [_CRON_DAYS.get(one[:3], -1) if not one.isdigit() else int(one) for one in part.split("-")]
        if len(ends) > 2 or not all(0 <= one <= 7 for one in ends):
            raise ValueError(f"{part!r} is no day of the week (expected 0 to 7, or mon, tue, …)")
        found |= {one % 7 for one in range(ends[0], ends[-1] + 1)}
    return sorted(found)


def _named(days: list[int]) -> dict[str, list[str]]:
    return {} if len(days) == 7 else {"weekdays": [_WEEKDAYS[one] for one in days]}


def _contains(interval: dict[str, Any], local: datetime) -> bool:
    def within(spans: list[str] | None, value: int) -> bool:
        ends = [[int(one) for one in span.split(":")] for span in spans or []]
        return spans is None or any(one[0] <= value <= one[-1] for one in ends)

    weekdays = interval.get("weekdays")
    clock = f"{local.hour:02}:{local.minute:02}"
    return (
        within(interval.get("years"), local.year)
        and within(interval.get("months"), local.month)
        and within(interval.get("days_of_month"), local.day)
        and (weekdays is None or _WEEKDAYS[(local.weekday() + 1) % 7] in weekdays)
        and any(one["start_time"] <= clock < one["end_time"] for one in interval["times"])
    )
