"""Maintenance windows: which moments they cover, and what is told to who writes a wrong one."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from millrace.alerts.windows import Window


def window(**said: Any) -> Window:
    return Window.model_validate({"name": "w", "reason": "r", **said})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-11-02T02:59", False),  # a Monday
        ("2026-11-02T03:00", True),
        ("2026-11-02T04:29", True),
        ("2026-11-02T04:30", False),
        ("2026-11-03T03:30", False),
    ],
)
def test_a_weekly_window_covers_its_hours(moment: str, open_: bool) -> None:
    assert window(cron="0 3 * * mon", duration="1h30m").covers(at(moment)) is open_


@pytest.mark.parametrize(
    ("moment", "open_"),
    [("2026-11-07T22:59", False), ("2026-11-07T23:30", True), ("2026-11-08T00:59", True), ("2026-11-08T01:00", False)],
)
def test_a_window_goes_on_past_midnight(moment: str, open_: bool) -> None:
    saturday = window(cron="0 23 * * 6", duration="2h")

    assert saturday.covers(at(moment)) is open_
    assert not saturday.covers(at("2026-11-07T00:30"))


def test_its_hours_are_those_of_its_time_zone_in_summer_and_winter() -> None:
    berlin = window(cron="0 3 * * *", duration="1h", timezone="Europe/Berlin")

    assert berlin.covers(at("2026-07-01T01:30"))
    assert berlin.covers(at("2026-12-01T02:30"))
    assert not berlin.covers(at("2026-12-01T01:30"))
    assert {one["location"] for one in berlin.intervals()} == {"Europe/Berlin"}


def test_a_window_for_once_covers_every_moment_between() -> None:
    move = window(**{"from": "2026-12-30T20:00", "to": "2027-01-01T08:00"})

    for moment, open_ in [
        ("2026-12-30T19:59", False),
        ("2026-12-30T20:00", True),
        ("2026-12-31T12:00", True),
        ("2027-01-01T07:59", True),
        ("2027-01-01T08:00", False),
        ("2027-12-31T12:00", False),
    ]:
        assert move.covers(at(moment)) is open_, moment


def test_its_next_beginning_is_told_and_a_past_one_has_none() -> None:
    nightly = window(cron="30 23 * * *", duration="2h")

    assert nightly.next_start(at("2026-11-21T17:00")) == at("2026-11-21T23:30")
    assert nightly.next_start(at("2026-11-21T23:30")) == at("2026-11-22T23:30")
    once = window(**{"from": "2026-01-01T00:00", "to": "2026-01-01T01:00"})
    assert once.next_start(at("2026-11-21T17:00")) is None


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({}, "expected either cron and duration, or from and to"),
        ({"cron": "0 3 * * *"}, "expected both of cron and duration"),
        ({"cron": "*/5 * * * *", "duration": "1h"}, "minute and hour have to be numbers"),
        ({"cron": "0 3 * *", "duration": "1h"}, "has 4 fields"),
        ({"cron": "0 3 1 * mon", "duration": "1h"}, "not both"),
        ({"cron": "0 23 1 * *", "duration": "2h"}, "may not pass midnight"),
        ({"cron": "0 3 32 * *", "duration": "1h"}, "no day or month"),
        ({"cron": "0 3 * * noday", "duration": "1h"}, "no day of the week"),
        ({"cron": "0 3 * * *", "duration": "25h"}, "expected up to 24h"),
        ({"from": "2026-01-02T00:00", "to": "2026-01-01T00:00"}, "from must be before to"),
        ({"from": "2026-01-01T00:00+02:00", "to": "2026-01-02T00:00+02:00"}, "leave their own offset out"),
        ({"cron": "0 3 * * *", "duration": "1h", "timezone": "Berlin"}, "no time zone 'Berlin'"),
        ({"cron": "0 3 * * *", "duration": "1h", "matchers": ["museum"]}, "String should match pattern"),
    ],
)
def test_a_wrong_window_is_refused(said: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        window(**said)
