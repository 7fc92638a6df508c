"""The pure part: cut-offs, groups of events, and what descends from what."""

from datetime import UTC, date, datetime

import dagster as dg
from dagster._core.events import ASSET_EVENTS
from hypothesis import given
from hypothesis import strategies as st

from millrace_platform.retention import (
    KEPT_EVENTS,
    NARRATIVE_EVENTS,
    PLAN_EVENT,
    REMOVABLE_TICKS,
    cut_off,
    purge_before,
    without_descendants,
)

NAMES = st.sampled_from("abcdefgh")


def test_the_cut_off_is_midnight_utc_that_many_days_before_the_logical_date() -> None:
    assert cut_off(date(2026, 3, 1), 30) == datetime(2026, 1, 30, tzinfo=UTC)


def test_every_event_type_that_dagster_knows_stands_in_exactly_one_group() -> None:
    """Fails when a new Dagster brings a type: somebody then decides whether it is history."""
    groups = [*KEPT_EVENTS, *NARRATIVE_EVENTS, PLAN_EVENT]
    assert len(groups) == len(set(groups))
    assert set(groups) == set(dg.DagsterEventType)


def test_no_asset_event_but_a_plan_is_narrative() -> None:
    assert NARRATIVE_EVENTS.isdisjoint(ASSET_EVENTS)
    assert [kind for kind in ASSET_EVENTS if kind not in KEPT_EVENTS] == [PLAN_EVENT]


def test_a_started_tick_is_not_removable() -> None:
    assert {status.value for status in REMOVABLE_TICKS} == {"SKIPPED", "SUCCESS", "FAILURE"}


def test_ticks_are_purged_up_to_the_cut_off_or_the_newest_tick_whichever_comes_first() -> None:
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert purge_before(late, newest_tick=early) == early
    assert purge_before(early, newest_tick=late) == early


def test_a_run_that_a_staying_run_descends_from_stays_and_so_do_its_own_ancestors() -> None:
    links = [("kept", "middle"), ("middle", "root"), ("other", "first")]
    assert without_descendants(["other", "middle", "root", "first"], links) == ["other", "first"]


def test_a_group_of_which_nothing_stays_goes_together() -> None:
    assert without_descendants(["retry", "root"], [("retry", "root")]) == ["retry", "root"]


@given(st.lists(NAMES, unique=True), st.lists(st.tuples(NAMES, NAMES)))
def test_nothing_that_stays_descends_from_what_goes(runs: list[str], links: list[tuple[str, str]]) -> None:
    going = without_descendants(runs, links)
    assert not [link for link in links if link[0] not in going and link[1] in going]
    # And nothing stays without a reason: each has a descendant that stays.
    assert all(any(run not in going for run, of in links if of == stays) for stays in set(runs) - set(going))
