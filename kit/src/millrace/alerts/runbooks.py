"""A page for each alert, and their index: what somebody who is woken by it needs, from the same entry as the rule.

What belongs here: the pages' shape. What does not: words, which are the catalogue's.
"""

from collections.abc import Mapping, Sequence

from millrace.alerts.catalogue import Alert, Area
from millrace.alerts.latency import PROMISED, Latency
from millrace.alerts.rules import Rule, in_words

NOTE = "<!-- Made by `scripts/millrace alerts build` from infra/alerts; change that and run it again. -->"

Told = tuple[Rule, Latency | None]  # how soon people are told; None: they are not


def page(alert: Alert, told: Sequence[Told]) -> str:
    """The runbook of an alert, in Markdown.

    Args:
        alert: The entry.
        told: Its rules as they are where no domain says otherwise.
    """
    rules = [rule for rule, _ in told]
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
        f"## When it fires\n\n{_levels(told)}",
        f"```promql\n{alert.expr.strip()}\n```",
        _facts(alert, rules[0], muted),
    ]
    return "\n\n".join(parts) + "\n"


def index(areas: Sequence[Area], told: Sequence[Told]) -> str:
    """Every alert by area, and which are told within a minute."""
    by_alert: dict[str, list[Told]] = {}
    for rule, latency in told:
        by_alert.setdefault(rule.alert.alert, []).append((rule, latency))
    lines = [
        "# Runbooks",
        "",
        NOTE,
        "",
        "One page for each alert, linked from its notification. `docs/alerts.md` says how to add and change them.",
        "",
        "*Told after* is from the fact to the first notification, by design: its age by the threshold, `for` and the",
        "wait for others of the group, and at most the exporter's poll, a scrape and an evaluation more. It is that of",
        "a group's first alert; what joins a group that was told of comes with its next notification",
        "(`docs/alerts.md`). Where an alert counts in intervals of what it watches (CollectorStale, SensorStalled), it",
        "is that of short ones; SeriesDropped counts from the poll that dropped them, PartitionsFailed as far as",
        "twenty assets fail at once.",
        "",
        f"Within {in_words(PROMISED, 'seconds')} of the fact: {_within(told)}. The others take longer, by their",
        "threshold, their `for`, a slower poll or a slower evaluation.",
    ]
    for area in areas:
        lines += ["", f"## {area.about}", "", "| alert | severity | told after | when |", "| --- | --- | --- | --- |"]
        for alert in area.alerts:
            case = alert.tests.fires[0]
            severities = ", ".join(alert.severities) + (" (off unless asked for)" if alert.opt_in else "")
            summary = _plain(case.summary, alert)
            soon = "; ".join(_words(latency) for _, latency in by_alert[alert.alert])
            lines.append(f"| [{alert.alert}]({alert.alert}.md) | {severities} | {soon} | {summary} |")
    return "\n".join(lines) + "\n"


def _plain(text: str, alert: Alert) -> str:
    level = alert.levels[(alert.tests.fires[0].severities or alert.severities)[0]]
    threshold = "" if level.threshold is None else in_words(level.threshold, alert.unit)
    return " ".join(text.replace("$threshold", threshold).replace("|", "\\|").split())


def _levels(told: Sequence[Told]) -> str:
    lines = ["| severity | threshold | for | group wait | told after |", "| --- | --- | --- | --- | --- |"]
    for rule, latency in told:
        threshold, wait = rule.text("$threshold") or "–", latency.group_wait if latency else "–"
        lines.append(f"| {rule.severity} | {threshold} | {rule.duration} | {wait} | {_words(latency)} |")
    return "\n".join(lines)


def _words(latency: Latency | None) -> str:
    return latency.words if latency else "–"


def _within(told: Sequence[Told]) -> str:
    """Alerts that are told within the promised time at each of their severities, or at which."""
    found: dict[str, list[str]] = {}
    slower: set[str] = set()
    for rule, latency in told:
        name = rule.alert.alert
        if latency is not None and latency.most <= PROMISED:
            found.setdefault(name, []).append(rule.severity)
        else:
            slower.add(name)
    links = [
        f"[{name}]({name}.md)" + (f" ({', '.join(severities)})" if name in slower else "")
        for name, severities in sorted(found.items())
    ]
    return ", ".join(links) or "none"


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
