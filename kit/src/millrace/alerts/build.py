"""The compiler: catalogue, policy and the domains' overrides in, every generated file out.

What belongs here: which file comes from what, and how they are compared with what lies there. What does not: the
content of any of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from millrace.alerts import routes, rule_tests, rules, runbooks, slo
from millrace.alerts.catalogue import Alert, Area, alerts_of, load_catalogue
from millrace.alerts.exposed import Exposed, load_exposed
from millrace.alerts.expressions import selectors
from millrace.alerts.latency import Steps, load_steps
from millrace.alerts.overrides import Overrides
from millrace.alerts.windows import Window, load_windows
from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError

_NOTE = "# Made by scripts/millrace alerts build from infra/alerts; change that and run it again.\n"
# Folders that hold generated files and nothing else.
_RULES, _TESTS, _RUNBOOKS = "infra/prometheus/rules", "infra/prometheus/rule_tests", "docs/runbooks"
_ROUTES = "infra/alertmanager/alertmanager.yml"


@dataclass(frozen=True)
class Sources:
    """Everything that the files are made from."""

    areas: list[Area]
    domains: Mapping[str, Overrides]
    notifications: routes.Notifications
    windows: list[Window]
    exposed: Exposed
    steps: Steps

    def source(self, alert: Alert) -> str:
        """The exporter that an alert is blind without."""
        return alert.source or self.exposed.source(self._metrics(alert.expr, alert.alert))

    def told(self, area: Area, whole: Sequence[rules.Rule]) -> list[runbooks.Told]:
        """Rules of the area, each with how soon people are told."""
        metrics = {one.alert.alert: self._metrics(one.alert.expr, one.alert.alert) for one in whole}
        return [(one, self.steps.latency(one, metrics[one.alert.alert], area.interval)) for one in whole]

    def needed(self, area: Area) -> list[str]:
        """Areas whose rules the alerts of this one need: those that record what they ask for, and then itself."""
        owners = {record.record: other.name for other in self.areas for record in other.records}
        asked = [*(alert.expr for alert in area.alerts), *(record.expr for record in area.records)]
        others = {owners[name] for one in asked for name in self._metrics(one, area.name) if name in owners}
        return [*sorted(others - {area.name}), area.name]

    def _metrics(self, expression: str, subject: str) -> set[str]:
        """Names of an expression, and of the records that it builds on."""
        recorded = {one.record: one.expr for area in self.areas for one in area.records}
        waiting, found = [expression], set[str]()
        while waiting:
            names = {one.metric for one in selectors(waiting.pop().replace("$threshold", "1"), subject)} - found
            found |= names
            waiting += [recorded[name] for name in names if name in recorded]
        return found


def load(root: Path) -> Sources:
    """Read the catalogue of a checkout.

    Raises:
        ConfigurationError: something in it is wrong, with every problem of that kind.
    """
    folder = root / "infra" / "alerts"
    areas = [*load_catalogue(folder), *slo.areas(folder / "policy" / "objectives.yaml")]
    notifications = routes.load_notifications(folder / "policy" / "notifications.yaml")
    exposed = load_exposed(root)
    sources = Sources(
        areas=sorted(areas, key=lambda area: area.name),
        domains=_overrides(root / "code_locations"),
        notifications=notifications,
        windows=load_windows(folder / "policy" / "windows.yaml"),
        exposed=exposed,
        steps=load_steps(root / "infra" / "prometheus" / "prometheus.yml", exposed.polls, notifications),
    )
    known = {alert.alert for alert in alerts_of(areas)}
    problems = [
        *(
            f"{alert.alert}: muted_by {name}, which is no alert"
            for alert in alerts_of(areas)
            for name in alert.muted_by
            if name not in known
        ),
        *sources.exposed.problems(sources.areas),
        *rules.unknown_overrides(alerts_of(sources.areas), sources.domains),
    ]
    if problems:
        raise ConfigurationError(str(folder), problems, next_step="see docs/alerts.md")
    return sources


def files(sources: Sources) -> dict[str, str]:
    """The generated files by their path in the checkout."""
    made: dict[str, str] = {}
    opt_in: list[rules.Rule] = []
    told: list[runbooks.Told] = []
    for area in sources.areas:
        whole = {one.alert: rules.as_catalogued(one, sources.source(one)) for one in area.alerts}
        effective = [rule for one in area.alerts for rule in rules.rules_of(one, sources.domains, sources.source(one))]
        made[f"{_RULES}/{area.name}.yaml"] = _yaml(rules.group(area, effective))
        running = [one for one in area.alerts if not one.opt_in]
        needed = {name: f"../rules/{name}.yaml" for name in sources.needed(area)}
        made |= _test_files(area.name, rule_tests.tests_of(running, whole, needed))
        opt_in += [rule for one in area.alerts if one.opt_in for rule in whole[one.alert]]
        for one in area.alerts:
            soon = sources.told(area, whole[one.alert])
            made[f"{_RUNBOOKS}/{one.alert}.md"] = runbooks.page(one, soon)
            told += soon
    made |= _opt_in_files(sources, opt_in)
    made[f"{_RUNBOOKS}/README.md"] = runbooks.index(sources.areas, told)
    alerts = list(alerts_of(sources.areas))
    made[_ROUTES] = _NOTE + routes.configuration(alerts, sources.notifications, sources.windows)
    return made


def write(root: Path, made: Mapping[str, str]) -> list[str]:
    """Bring the checkout to this state; the paths that changed."""
    changed = differing(root, made)
    for name in changed:
        path = root / name
        if name in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def differing(root: Path, made: Mapping[str, str]) -> list[str]:
    """Paths of generated files that are missing, hold something else, or should not be there."""
    wrong = [name for name, text in made.items() if _text(root / name) != text]
    left = [
        f"{folder}/{path.name}"
        for folder in (_RULES, _TESTS, _RUNBOOKS)
        for path in (root / folder).glob("*")
        if f"{folder}/{path.name}" not in made
    ]
    return sorted([*wrong, *left])


def _opt_in_files(sources: Sources, opt_in: Iterable[rules.Rule]) -> dict[str, str]:
    """What is off has tests all the same, of rules that Prometheus does not read."""
    by_alert: dict[str, list[rules.Rule]] = {}
    for rule in opt_in:
        by_alert.setdefault(rule.alert.alert, []).append(rule)
    alerts = [found[0].alert for found in by_alert.values()]
    area = Area(name="opt-in", about="", records=[], alerts=alerts)
    needed = {name: f"../rules/{name}.yaml" for name in sources.needed(area)} | {"opt-in": "opt-in.rules"}
    return {
        f"{_TESTS}/opt-in.rules": _yaml(rules.group(area, (rule for found in by_alert.values() for rule in found))),
        **_test_files("opt-in", rule_tests.tests_of(alerts, by_alert, needed)),
    }


def _test_files(name: str, tests: Mapping[str, Any]) -> dict[str, str]:
    """One file per time between evaluations."""
    return {f"{_TESTS}/{name}-{step}.yaml": _yaml(content) for step, content in tests.items()}


def _overrides(folder: Path) -> dict[str, Overrides]:
    found: dict[str, Overrides] = {}
    for path in sorted(folder.glob("*/config.yaml")):
        raw = read_yaml(path, str(path))
        try:
            said = TypeAdapter(Overrides).validate_python((raw or {}).get("alerts") or {})
        except ValidationError as error:
            raise ConfigurationError(f"{path}: alerts", problems_of(error), next_step="see docs/alerts.md") from error
        if said:
            found[path.parent.name] = said
    return found


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as such; nothing is an alias."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _string)


def _yaml(content: Any) -> str:
    return _NOTE + yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
