"""Routes, windows and what mutes what, read back from the configuration that is written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from millrace.alerts.catalogue import Area
from millrace.alerts.routes import Notifications, configuration, inhibitions, load_notifications
from millrace.alerts.windows import Window
from millrace.errors import ConfigurationError

PACE = {"group_wait": "5s", "group_interval": "1m", "repeat_interval": "1h"}
POLICY = {
    "group_by": ["alertname"],
    "severities": dict.fromkeys(("critical", "error", "warning", "info"), PACE),
    "dead_man": PACE,
    "channels": {"slack": ["critical", "error"], "webhook": ["critical"]},
}


def routed(*windows: Window) -> dict[str, Any]:
    text = configuration([], Notifications.model_validate(POLICY), windows)
    return yaml.safe_load(text.replace("@MILLRACE_ALERT_SMTP_TLS@", "true"))


def window(name: str, *matchers: str) -> Window:
    return Window(name=name, reason="r", matchers=list(matchers), cron="0 3 * * *", duration="1h")


def muted(route: dict[str, Any]) -> set[str]:
    (names,) = {tuple(one["mute_time_intervals"]) for one in route["routes"]}
    return set(names)


def test_a_severity_reaches_the_channels_that_are_meant_for_it() -> None:
    receivers = {one["matchers"][0]: one["receiver"] for one in routed()["route"]["routes"]}

    assert receivers == {
        'severity="critical"': "slack-webhook",
        'severity="error"': "slack",
        'severity="warning"': "page",
        'severity="info"': "page",
    }


def test_an_alert_in_two_windows_is_muted_by_both_and_one_in_one_by_one() -> None:
    found = routed(window("nightly", 'code_location="museum"'), window("quiet", "severity=~warning|info"))
    first, *others = [one for one in found["route"]["routes"] if "routes" in one]

    assert first["matchers"] == ['code_location="museum"', 'severity=~"warning|info"']
    assert muted(first) == {"nightly", "quiet"}
    assert [muted(one) for one in others] == [{"nightly"}, {"quiet"}]
    assert [one["name"] for one in found["time_intervals"]] == ["nightly", "quiet"]


def test_windows_that_never_meet_take_no_route_together() -> None:
    found = routed(*(window(name, f"code_location={name}") for name in ("museum", "sbir", "telegram")))

    assert [len(one["matchers"]) for one in found["route"]["routes"] if "routes" in one] == [1, 1, 1]


def test_windows_with_the_same_matchers_share_a_route() -> None:
    found = routed(window("one"), window("two"))
    (route,) = [one for one in found["route"]["routes"] if "routes" in one]

    assert route["matchers"] == []
    assert muted(route) == {"one", "two"}


def test_windows_that_could_meet_in_too_many_ways_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="7 windows can meet in more than 64 ways"):
        routed(*(window(f"w{number}", f"label{number}=x") for number in range(7)))


def test_a_severity_without_a_pace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text(yaml.safe_dump({**POLICY, "severities": {"critical": PACE}}))

    with pytest.raises(ConfigurationError, match="severities: no error"):
        load_notifications(path)


def test_the_ladder_compares_every_label_that_tells_alerts_apart(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any]
) -> None:
    other = {**entry, "alert": "FenceDown", "muted_by": ["TreeDown"]}
    rules = inhibitions(catalogue(entry, other)[0].alerts)

    assert rules[0]["equal"] == ["alertname", "code_location"]
    assert rules[-1] == {
        "source_matchers": ['alertname="TreeDown"'],
        "target_matchers": ['alertname=~"FenceDown"'],
    }


def test_beside_the_ladder_only_a_label_of_every_alert_is_compared(
    catalogue: Callable[..., list[Area]], entry: dict[str, Any]
) -> None:
    """Alertmanager takes a label that both lack for equal: such a rule would mute alerts of something else."""
    _, _, _, *others = inhibitions(catalogue(entry)[0].alerts)

    assert {tuple(one.get("equal", ())) for one in others} == {("source",), ()}
