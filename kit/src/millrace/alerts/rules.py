"""Prometheus' rules of an area: one per alert and severity, and more where a domain's settings differ.

What belongs here: labels, annotations, and which rule holds for what. What does not: what an expression may name
(`exposed`), and tests (`rule_tests`).

Links are made absolute here, from Prometheus' own external address, and not in Alertmanager's templates: a webhook gets
annotations as they are, and so do Prometheus' and Grafana's pages.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from millrace.alerts.catalogue import Alert, Area, Level
from millrace.alerts.expressions import restricted
from millrace.alerts.overrides import Overrides, Scope, Settings, Severity, scope_of
from millrace.errors import ConfigurationError

# Prometheus is served below the gateway's address; what is in front of that is where people come from.
_GATEWAY = '{{ reReplaceAll "/prometheus/?$" "" $externalURL }}'
_VALUES = {
    "seconds": "{{ $value | humanizeDuration }}",
    "bytes": "{{ $value | humanize1024 }}B",
    "ratio": "{{ $value | humanizePercentage }}",
    "count": "{{ $value | humanize }}",
    "per_second": "{{ $value | humanize }}/s",
}


@dataclass(frozen=True)
class Rule:
    """An alerting rule of Prometheus: an alert at one severity, for what its scope says."""

    alert: Alert
    severity: Severity
    threshold: float | None
    duration: str
    scope: Scope
    source: str

    @property
    def expression(self) -> str:
        """PromQL, with the threshold in its place and narrowed to the scope."""
        text = self.alert.expr.strip()
        if self.threshold is not None:
            text = text.replace("$threshold", number(self.threshold))
        return restricted(text, self.scope.labels, but=[one.labels for one in self.scope.within])

    @property
    def labels(self) -> dict[str, str]:
        """Those that the rule adds to what the expression has."""
        return {
            "severity": self.severity,
            "owner": self.alert.owner,
            "area": self.alert.area,
            "source": self.source,
        }

    @property
    def annotations(self) -> dict[str, str]:
        """Texts and links, as templates of Prometheus."""
        texts = {
            "summary": self.text(self.alert.summary),
            "description": self.text(self.alert.description),
            "value": _VALUES.get(self.alert.unit, ""),
        }
        return {
            **{name: text for name, text in texts.items() if text},
            **{name: _GATEWAY + path for name, path in self.paths.items()},
        }

    @property
    def paths(self) -> dict[str, str]:
        """Where its links lead below the gateway's address."""
        paths = {
            "runbook_url": f"/runbooks/{self.alert.alert}",
            "dashboard_url": self.alert.dashboard and f"/grafana/d/{self.alert.dashboard}",
            "dagster_url": self.alert.link,
        }
        return {name: path for name, path in paths.items() if path}

    def text(self, template: str) -> str:
        """One of the entry's texts on one line, with this rule's threshold in people's units."""
        shown = "" if self.threshold is None else in_words(self.threshold, self.alert.unit)
        return " ".join(template.replace("$threshold", shown).split())

    def as_yaml(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        rule: dict[str, Any] = {"alert": self.alert.alert, "expr": self.expression}
        if self.duration not in ("0", "0s"):
            rule["for"] = self.duration
        if self.alert.keep_firing_for:
            rule["keep_firing_for"] = self.alert.keep_firing_for
        return {**rule, "labels": self.labels, "annotations": self.annotations}


def rules_of(alert: Alert, domains: Mapping[str, Overrides], source: str) -> Iterator[Rule]:
    """The rules of an entry, those that hold everywhere first.

    Raises:
        ConfigurationError: a domain overrides what the entry does not have.
    """
    for scope in scope_of(alert.alert, domains).all():
        _require(alert, scope)
        said = scope.settings
        if said.enabled if said.enabled is not None else not alert.opt_in:
            for severity in alert.severities:
                yield _rule(alert, severity, alert.levels[severity], scope, source)


def as_catalogued(alert: Alert, source: str) -> list[Rule]:
    """The rules of an entry as if no domain said anything, and it were on."""
    nothing = Scope({}, Settings())
    return [_rule(alert, severity, alert.levels[severity], nothing, source) for severity in alert.severities]


def group(area: Area, rules: Iterable[Rule]) -> dict[str, Any]:
    """The file of an area, as Prometheus reads it."""
    records = [{"record": one.record, "expr": one.expr.strip(), **_labels(one.labels)} for one in area.records]
    interval = {"interval": area.interval} if area.interval else {}
    return {"groups": [{"name": area.name, **interval, "rules": [*records, *(rule.as_yaml() for rule in rules)]}]}


def unknown_overrides(alerts: Iterable[Alert], domains: Mapping[str, Overrides]) -> list[str]:
    """Overrides of what is no alert."""
    known = {alert.alert for alert in alerts}
    return [
        f"{name}: alerts.{one}: no such alert" for name, said in domains.items() for one in said if one not in known
    ]


def number(value: float) -> str:
    """As PromQL writes it."""
    return str(int(value)) if value == int(value) else repr(value)


def in_words(value: float, unit: str) -> str:
    """A threshold as people say it."""
    match unit:
        case "seconds":
            for name, seconds in (("d", 86400), ("h", 3600), ("min", 60)):
                if value >= 2 * seconds or value == seconds:
                    return f"{number(round(value / seconds, 1))} {name}"
            return f"{number(value)} s"
        case "bytes":
            for name, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
                if value >= size:
                    return f"{number(round(value / size, 1))} {name}"
            return f"{number(value)} B"
        case "ratio":
            return f"{number(round(value * 100, 2))} %"
        case "per_second":
            return f"{number(value)}/s"
        case _:
            return number(value)


def _labels(labels: Mapping[str, str]) -> dict[str, Any]:
    return {"labels": dict(labels)} if labels else {}


def _rule(alert: Alert, severity: Severity, level: Level, scope: Scope, source: str) -> Rule:
    said = scope.settings
    threshold = said.threshold.get(severity) if isinstance(said.threshold, dict) else said.threshold
    return Rule(
        alert=alert,
        severity=said.severity or severity,
        threshold=level.threshold if threshold is None else threshold,
        duration=said.duration or level.duration,
        scope=scope,
        source=source,
    )


def _require(alert: Alert, scope: Scope) -> None:
    """An override that would change nothing, or something else than it says, is an error."""
    said, problems = scope.settings, []
    several = len(alert.levels) > 1
    problems += [f"its alerts have no label {name}" for name in scope.labels if name not in alert.identity]
    if said.threshold is not None and any(level.threshold is None for level in alert.levels.values()):
        problems.append("it has no threshold")
    if several and isinstance(said.threshold, float):
        problems.append(f"threshold is one number (expected one for each of {', '.join(alert.severities)})")
    if isinstance(said.threshold, dict) and (other := set(said.threshold) - set(alert.levels)):
        problems.append(f"it has no severity {', '.join(sorted(other))}")
    if several and said.severity is not None:
        problems.append("it has several severities; only those of an alert with one can change")
    if problems:
        place = "/".join(scope.labels.values())
        raise ConfigurationError(f"{place}: alerts.{alert.alert}", problems, next_step="see docs/alerts.md")
