"""A page for each alert, and their index: what somebody who is woken by it needs, from the same entry as the rule.

What belongs here: the pages' shape. What does not: words, which are the catalogue's.
"""

from collections.abc import Mapping, Sequence

from millrace.alerts.catalogue import Alert, Area
from millrace.alerts.rules import Rule

NOTE = "<!-- Made by `scripts/millrace alerts build` from infra/alerts; change that and run it again. -->"


def page(alert: Alert, rules: Sequence[Rule]) -> str:
    """The runbook of an alert, in Markdown.

    Args:
        alert: The entry.
        rules: Its rules as they are where no domain says otherwise.
    """
    case = alert.tests.fires[0]
    said = next(rule for rule in rules if not case.severities or rule.severity in case.severities)
    muted = [f"[{name}]({name}.md)" for name in alert.muted_by]
    parts = [
        f"# {alert.alert}",
        NOTE,
        f"> {said.text(case.summary)}\n>\n> {said.text(case.description)}",
        f"## What it means\n\n{alert.runbook.means.strip()}",
        f"## Look first\n\n{alert.runbook.look.strip()}",
        f"## What to do\n\n{alert.runbook.act.strip()}",
        f"## When it fires\n\n{_levels(rules)}",
        f"```promql\n{alert.expr.strip()}\n```",
        _facts(alert, rules[0], muted),
    ]
    return "\n\n".join(parts) + "\n"


def index(areas: Sequence[Area]) -> str:
    """Every alert by area."""
    lines = [
        "# Runbooks",
        "",
        NOTE,
        "",
        "One page for each alert, linked from its notification. `docs/alerts.md` says how to add and change them.",
    ]
    for area in areas:
        lines += ["", f"## {area.about}", "", "| alert | severity | when |", "| --- | --- | --- |"]
        for alert in area.alerts:
            case = alert.tests.fires[0]
            severities = ", ".join(alert.severities) + (" (off unless asked for)" if alert.opt_in else "")
            summary = _plain(case.summary, alert)
            lines.append(f"| [{alert.alert}]({alert.alert}.md) | {severities} | {summary} |")
    return "\n".join(lines) + "\n"


def _plain(text: str, alert: Alert) -> str:
    from millrace.alerts.rules import in_words

    level = alert.levels[(alert.tests.fires[0].severities or alert.severities)[0]]
    threshold = "" if level.threshold is None else in_words(level.threshold, alert.unit)
    return " ".join(text.replace("$threshold", threshold).replace("|", "\\|").split())


def _levels(rules: Sequence[Rule]) -> str:
    lines = ["| severity | threshold | for |", "| --- | --- | --- |"]
    for rule in rules:
        threshold = rule.text("$threshold") or "–"
        lines.append(f"| {rule.severity} | {threshold} | {rule.duration} |")
    return "\n".join(lines)


def _facts(alert: Alert, rule: Rule, muted: Sequence[str]) -> str:
    facts: Mapping[str, str] = {
        "Owner": alert.owner,
        "Measured by": rule.source,
        "Told apart by": ", ".join(sorted(alert.identity)),
        "Not sent while one of these holds": ", ".join(muted),
        "Route": "" if alert.route == "notify" else alert.route,
        "Off": "unless a domain turns it on, see `docs/alerts.md`" if alert.opt_in else "",
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items() if value)
