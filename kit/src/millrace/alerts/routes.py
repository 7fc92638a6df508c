"""Alertmanager's configuration: routes by severity, what mutes what, maintenance windows, and how each channel is told.

What belongs here: the tree. What does not: words (`infra/alertmanager/templates/`), and which channels are there at
all: `infra/alertmanager/start.sh` leaves out, between `# <channel>` and `# end <channel>`, what is not set up.

An alert ends in one route, and a window mutes by route. So where an alert can lie in two windows there is a route for
both at once. Windows on different values of one label never meet, and take no such route.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from millrace.alerts.catalogue import SEVERITIES, Alert, Duration, Strict
from millrace.alerts.exposed import EXPORTER
from millrace.alerts.overrides import Severity
from millrace.alerts.windows import Window, matcher_parts, quoted
from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError

Channel = Literal["slack", "email", "webhook"]
# Alerts of these routes are not told by severity.
PAGE, DEAD_MAN, NOTIFY = "page", "dead-man", "notify"
_MOST_ROUTES_OF_WINDOWS = 64


class Pace(Strict):
    """How fast, and how often again."""

    group_wait: Duration
    group_interval: Duration
    repeat_interval: Duration


class Notifications(Strict):
    """`infra/alerts/policy/notifications.yaml`."""

    group_by: list[str] = Field(min_length=1)
    severities: dict[Severity, Pace]
    dead_man: Pace
    channels: dict[Channel, list[Severity]] = Field(description="which severities each is told of, where it is set up")


def load_notifications(path: Path) -> Notifications:
    """Read the file.

    Raises:
        ConfigurationError: it holds something else, or leaves a severity out.
    """
    try:
        found = Notifications.model_validate(read_yaml(path, str(path)))
    except ValidationError as error:
        raise ConfigurationError(str(path), problems_of(error), next_step="see docs/alerts.md") from error
    if missing := [severity for severity in SEVERITIES if severity not in found.severities]:
        raise ConfigurationError(str(path), [f"severities: no {severity}" for severity in missing])
    return found


def configuration(alerts: Sequence[Alert], policy: Notifications, windows: Sequence[Window]) -> str:
    """`alertmanager.yml` as text, with every channel."""
    told = {_receiver_of(policy, severity): _told(policy, severity) for severity in SEVERITIES}
    receivers = "\n".join(
        [
            f"  - name: {PAGE} # nobody is told; Alertmanager's and Prometheus' pages show it",
            _receiver(DEAD_MAN, [_DEAD_MAN]),
            *(_receiver(name, [_CHANNELS[one] for one in channels]) for name, channels in told.items() if channels),
        ]
    )
    whole = {
        "templates": ["/etc/alertmanager/templates/*.tmpl"],
        "route": _route(alerts, policy, windows),
        "inhibit_rules": inhibitions(alerts),
    }
    if windows:
        whole["time_intervals"] = [{"name": one.name, "time_intervals": one.intervals()} for one in windows]
    return f"{_GLOBAL}{yaml.safe_dump(whole, sort_keys=False, width=110)}receivers:\n{receivers}\n"


def inhibitions(alerts: Sequence[Alert]) -> list[dict[str, Any]]:
    """What mutes what: a worse severity of the same alert, a target that is down, and what entries name themselves.

    Alertmanager takes a label that is missing on both sides for equal. In the ladder that is meant: it compares all the
    labels by which any alert is told apart. Everywhere else only labels that every alert has are compared.
    """
    identity = sorted({name for alert in alerts for name in alert.identity} - {"severity"})
    ladder = [
        {
            "source_matchers": [f'severity="{severity}"'],
            "target_matchers": [f'severity=~"{"|".join(SEVERITIES[place + 1 :])}"'],
            "equal": ["alertname", *identity],
        }
        for place, severity in enumerate(SEVERITIES[:-1])
    ]
    blind = [
        {
            "source_matchers": ['alertname="TargetDown"'],
            "target_matchers": ['alertname!~"TargetDown|ExporterDown|Watchdog"'],
            "equal": ["source"],
        },
        {
            "source_matchers": ['alertname="ExporterDown"'],
            "target_matchers": [f'source="{EXPORTER}"', 'alertname!="ExporterDown"'],
        },
    ]
    by_cause: dict[str, list[str]] = {}
    for alert in alerts:
        for cause in alert.muted_by:
            by_cause.setdefault(cause, []).append(alert.alert)
    named = [
        {
            "source_matchers": [f'alertname="{cause}"'],
            "target_matchers": [f'alertname=~"{"|".join(sorted(muted))}"'],
        }
        for cause, muted in sorted(by_cause.items())
    ]
    return [*ladder, *blind, *named]


def _told(policy: Notifications, severity: Severity) -> list[Channel]:
    return [name for name, severities in policy.channels.items() if severity in severities]


def _receiver_of(policy: Notifications, severity: Severity) -> str:
    """Severities that are told through the same channels have one receiver."""
    return "-".join(_told(policy, severity)) or PAGE


def _route(alerts: Sequence[Alert], policy: Notifications, windows: Sequence[Window]) -> dict[str, Any]:
    untold = [_by_name(PAGE, alerts), _by_name(DEAD_MAN, alerts, policy.dead_man)]
    return {
        "receiver": _receiver_of(policy, "warning"),  # of alerts that are not from the catalogue
        "group_by": policy.group_by,
        **policy.severities["warning"].model_dump(),
        "routes": [
            *(route for route in untold if route is not None),
            *_window_routes(policy, list(windows)),
            *_by_severity(policy, []),
        ],
    }


def _by_name(route: str, alerts: Iterable[Alert], pace: Pace | None = None) -> dict[str, Any] | None:
    names = sorted(alert.alert for alert in alerts if alert.route == route)
    if not names:
        return None
    return {"matchers": [f'alertname=~"{"|".join(names)}"'], "receiver": route, **(pace.model_dump() if pace else {})}


def _by_severity(policy: Notifications, muted: Sequence[str]) -> list[dict[str, Any]]:
    """One route for each severity. It names the windows itself: a route takes no windows over from the one above."""
    return [
        {
            "matchers": [f'severity="{severity}"'],
            "receiver": _receiver_of(policy, severity),
            **policy.severities[severity].model_dump(),
            **({"mute_time_intervals": list(muted)} if muted else {}),
        }
        for severity in SEVERITIES
    ]


def _window_routes(policy: Notifications, windows: list[Window]) -> list[dict[str, Any]]:
    """Routes of the alerts that some window concerns: first those of several windows, the most first."""
    by_matchers: dict[tuple[str, ...], list[str]] = {}
    for window in windows:
        by_matchers.setdefault(tuple(sorted(quoted(one) for one in window.matchers)), []).append(window.name)
    sets: list[tuple[tuple[str, ...], ...]] = [()]
    for matchers in by_matchers:
        sets += [(*chosen, matchers) for chosen in sets if _can_meet(chosen, matchers)]
        if len(sets) > _MOST_ROUTES_OF_WINDOWS:
            problem = f"{len(windows)} windows can meet in more than {_MOST_ROUTES_OF_WINDOWS} ways"
            raise ConfigurationError(
                "windows", [problem], next_step="give windows the same matchers, or drop past ones"
            )
    chosen_sets = sorted((one for one in sets if one), key=len, reverse=True)
    return [
        {
            "matchers": sorted({matcher for matchers in chosen for matcher in matchers}),
            "routes": _by_severity(policy, [name for matchers in chosen for name in by_matchers[matchers]]),
        }
        for chosen in chosen_sets
    ]


def _can_meet(chosen: Sequence[tuple[str, ...]], other: tuple[str, ...]) -> bool:
    """Whether an alert can have all these labels: not if two ask for different values of one."""
    asked = [matcher_parts(matcher) for matchers in (*chosen, other) for matcher in matchers]
    values: dict[str, set[str]] = {}
    for label, operator, value in asked:
        if operator == "=":
            values.setdefault(label, set()).add(value)
    return all(len(found) == 1 for found in values.values())


def _receiver(name: str, blocks: Sequence[str]) -> str:
    return f"  - name: {name}\n{''.join(blocks)}".rstrip("\n")


_GLOBAL = """\
global:
  resolve_timeout: 5m
  # email
  smtp_smarthost: '@MILLRACE_ALERT_SMTP@'
  smtp_from: '@MILLRACE_ALERT_EMAIL_FROM@'
  smtp_require_tls: @MILLRACE_ALERT_SMTP_TLS@
  # end email
  # smtp-user
  smtp_auth_username: '@MILLRACE_ALERT_SMTP_USER@'
  smtp_auth_password_file: /run/secrets/alert_smtp_password
  # end smtp-user
"""
_DEAD_MAN = """\
    # dead-man
    webhook_configs:
      - url_file: /run/secrets/alert_dead_man_url
        send_resolved: false
    # end dead-man
"""
_CHANNELS: dict[Channel, str] = {
    "slack": """\
    # slack
    slack_configs:
      - api_url_file: /run/secrets/alert_slack_url
        channel: '@MILLRACE_ALERT_SLACK_CHANNEL@'
        send_resolved: true
        color: '{{ template "millrace.colour" . }}'
        title: '{{ template "millrace.title" . }}'
        title_link: '{{ template "millrace.link" . }}'
        fallback: '{{ template "millrace.title" . }}'
        text: '{{ template "millrace.slack" . }}'
        footer: '{{ .ExternalURL }}'
        mrkdwn_in: [text]
    # end slack
""",
    "email": """\
    # email
    email_configs:
      - to: '@MILLRACE_ALERT_EMAIL_TO@'
        send_resolved: true
        headers: {Subject: '{{ template "millrace.title" . }}'}
        html: '{{ template "millrace.html" . }}'
        text: '{{ template "millrace.text" . }}'
    # end email
""",
    "webhook": """\
    # webhook
    webhook_configs:
      - url_file: /run/secrets/alert_webhook_url
        send_resolved: true
        max_alerts: 0
    # end webhook
""",
}
