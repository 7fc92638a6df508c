"""How soon an alert is told by design: every wait on the way is in the sum."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from millrace.alerts.build import load
from millrace.alerts.catalogue import Area, alerts_of
from millrace.alerts.latency import PROMISED, Latency, Steps, load_steps, seconds
from millrace.alerts.routes import Notifications
from millrace.alerts.rules import as_catalogued
from millrace.errors import ConfigurationError

ROOT = Path(__file__).parents[3]
PACE = {"group_wait": "10s", "group_interval": "1m", "repeat_interval": "4h"}
POLICY = Notifications.model_validate(
    {
        "group_by": ["alertname"],
        "severities": dict.fromkeys(("critical", "error", "warning", "info"), PACE),
        "dead_man": PACE,
        "channels": {},
    }
)
STEPS = Steps(polls={"trees_down": 15, "slow": 60}, scrapes={"": 10, "forest": 20}, evaluation=5, policy=POLICY)


def latency(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any], source: str = "node", interval: str | None = None
) -> Latency | None:
    (alert,) = alerts_of(catalogue(entry))
    (rule,) = as_catalogued(alert, source)
    return STEPS.latency(rule, {"trees_down"}, interval)


def test_it_is_the_wait_of_every_step(catalogue: Callable[..., list[Area]], entry: dict[str, Any]) -> None:
    assert latency(catalogue, entry) == Latency("10s", 60 + 10, 60 + 10 + 15 + 10 + 5)


@pytest.mark.parametrize(
    ("changes", "age"),
    [({"unit": "seconds"}, 3), ({"waits": "5m"}, 300), ({"unit": "seconds", "waits": "0s"}, 0), ({}, 0)],
)
def test_the_age_that_the_expression_asks_for_is_part_of_it(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any], changes: dict[str, str], age: float
) -> None:
    found = latency(catalogue, entry | changes)

    assert found is not None
    assert found.least == age + 70


def test_a_job_and_a_file_with_intervals_of_their_own_count_with_them(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any]
) -> None:
    assert latency(catalogue, entry, "forest", "1m") == Latency("10s", 70, 70 + 15 + 20 + 60)


def test_what_nobody_is_told_of_has_none(catalogue: Callable[..., list[Area]], entry: dict[str, Any]) -> None:
    assert latency(catalogue, entry | {"route": "page"}) is None


def test_a_span_of_one_word_is_said_once() -> None:
    assert Latency("5s", 108005, 108030).words == "30 h"
    assert Latency("5s", 10, 35).words == "10 s to 35 s"


def test_prometheus_own_file_says_how_often_it_asks(tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text(
        "global: {scrape_interval: 10s, evaluation_interval: 1m30s}\n"
        "scrape_configs: [{job_name: node}, {job_name: forest, scrape_interval: 500ms}]\n"
    )

    found = load_steps(tmp_path / "prometheus.yml", {}, POLICY)

    assert (found.scrapes, found.evaluation) == ({"": 10, "forest": 0.5}, 90)
    assert seconds("0") == 0


@pytest.mark.parametrize("duration", ["", "abc", "1.5s", "5", "5 m"])
def test_a_duration_that_is_none_is_refused(duration: str) -> None:
    with pytest.raises(ConfigurationError, match="expected Prometheus' form"):
        seconds(duration)


def test_a_failed_job_is_told_within_a_minute_by_design() -> None:
    sources = load(ROOT)
    (area,) = (one for one in sources.areas if one.name == "runs")
    (alert,) = (one for one in area.alerts if one.alert == "JobFailed")

    told = [found for _, found in sources.told(area, as_catalogued(alert, sources.source(alert)))]

    assert len(told) == 2
    assert all(found is not None and found.most <= PROMISED for found in told)
