"""promtool's tests of an area's rules: each entry fires, nearly fires, resolves.

What belongs here: how a case of the catalogue is put for promtool. What does not: the cases.

promtool compares every label and annotation of an alert, so that a case that fires also proves what people read. That
it fired before it resolved is asked of the series ALERTS instead, in which there are no texts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from millrace.alerts.catalogue import LABEL, Alert, Case, Fires, Resolves
from millrace.alerts.rules import Rule

# Where the platform is in these tests.
GATEWAY = "https://millrace.example.org"


def tests_of(
    alerts: Iterable[Alert], rules: Mapping[str, Sequence[Rule]], groups: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The test files of some alerts, by the time between two evaluations, which promtool knows per file.

    Args:
        alerts: The entries.
        rules: Their rules by name, as they are where no domain says otherwise.
        groups: Paths of the rules by group, as seen from the test files; those that record come first, since promtool
            otherwise evaluates them in any order.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for alert in alerts:
        for case, test in _tests(alert, rules[alert.alert]):
            found.setdefault(case.evaluation_interval, []).append(test)
    return {
        step: {
            "rule_files": list(groups.values()),
            "group_eval_order": list(groups),
            "evaluation_interval": step,
            "tests": tests,
        }
        for step, tests in found.items()
    }


def _tests(alert: Alert, rules: Sequence[Rule]) -> Iterator[tuple[Case, dict[str, Any]]]:
    for case in alert.tests.fires:
        yield case, _fires(alert, case, rules)
    for case in alert.tests.nearly:
        quiet = _expected(alert, case.at, [])
        yield case, {**_situation(alert, case, "nearly fires"), "alert_rule_test": [quiet]}
    for case in alert.tests.resolves:
        yield case, _resolves(alert, case)


def _situation(alert: Alert, case: Case, what: str) -> dict[str, Any]:
    series = {**alert.tests.series, **case.series}
    return {
        "name": f"{alert.alert} {what}{': ' if case.name else ''}{case.name}",
        "interval": case.interval,
        "external_url": f"{GATEWAY}/prometheus",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
    }


def _expected(alert: Alert, at: str, alerts: list[dict[str, Any]]) -> dict[str, Any]:
    return {"eval_time": at, "alertname": alert.alert, "exp_alerts": alerts}


def _fires(alert: Alert, case: Fires, rules: Sequence[Rule]) -> dict[str, Any]:
    severities = case.severities or alert.severities
    alerts = [
        {"exp_labels": {**_filled(rule.labels, case), **case.labels}, "exp_annotations": _annotations(case, rule)}
        for rule in rules
        if rule.severity in severities
    ]
    return {**_situation(alert, case, "fires"), "alert_rule_test": [_expected(alert, case.at, alerts)]}


def _annotations(case: Fires, rule: Rule) -> dict[str, str]:
    """The texts are the case's own words; of the links only the labels differ."""
    texts = {"summary": rule.text(case.summary), "description": rule.text(case.description), "value": case.value}
    links = {name: GATEWAY + path for name, path in _filled(rule.paths, case).items()}
    return {**{name: text for name, text in texts.items() if text}, **links}


def _filled(texts: Mapping[str, str], case: Fires) -> dict[str, str]:
    """The alert's labels in their places."""
    return {name: LABEL.sub(lambda found: case.labels.get(found[1], ""), text) for name, text in texts.items()}


def _resolves(alert: Alert, case: Resolves) -> dict[str, Any]:
    fired = {
        "eval_time": case.fires_at,
        "expr": f'count(ALERTS{{alertname="{alert.alert}", alertstate="firing"}}) > bool 0',
        "exp_samples": [{"labels": "{}", "value": 1}],
    }
    return {
        **_situation(alert, case, "resolves"),
        "promql_expr_test": [fired],
        "alert_rule_test": [_expected(alert, case.at, [])],
    }
