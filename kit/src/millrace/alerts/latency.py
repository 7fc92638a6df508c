"""How soon after the fact an alert is told, by design: the sum of what each step on the way waits for.

What belongs here: the sum. What does not: how long it took (`benchmarks/alerts.py`), and the steps' own waits, which
are read where the steps themselves read them: the exporter's polls, Prometheus' scrapes and evaluations, the entry's
threshold and `for`, the policy's `group_wait`. Written down beside them, such a table was wrong after the first change.

The fact is what the expression is about: a run's failure, a daemon's last heartbeat, a deadline. Where it is about how
often something happens, the fact is that the rate is reached.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from millrace.alerts.overrides import DURATION
from millrace.alerts.routes import NOTIFY, Notifications
from millrace.alerts.rules import Rule, in_words
from millrace.config import read_yaml
from millrace.errors import ConfigurationError

PROMISED = 60.0  # seconds; those who are told within it are listed as such
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


@dataclass(frozen=True)
class Latency:
    """From the fact to the first notification, seconds.

    Attributes:
        group_wait: How long Alertmanager waits for others of the group, as the policy says it.
        least: Where every step looks just after the one before it.
        most: Where each has just looked.
    """

    group_wait: str
    least: float
    most: float

    @property
    def words(self) -> str:
        """As people say it."""
        least, most = in_words(self.least, "seconds"), in_words(self.most, "seconds")
        return least if least == most else f"{least} to {most}"


@dataclass(frozen=True)
class Steps:
    """What stands between a fact and its notification.

    Attributes:
        polls: Pause of the exporter's collector, by series name; what others expose is measured when it is asked.
        scrapes: Of Prometheus, by job; under "" that of any other.
        evaluation: Of rules, unless their file says otherwise.
        policy: How long a group waits.
    """

    polls: Mapping[str, float]
    scrapes: Mapping[str, float]
    evaluation: float
    policy: Notifications

    def latency(self, rule: Rule, metrics: Iterable[str], interval: str | None) -> Latency | None:
        """Of a rule; None where nobody is told by severity.

        Args:
            rule: At one severity.
            metrics: Those of its expression, and of what that builds on.
            interval: Between two evaluations of its file; None is Prometheus' own.
        """
        if rule.alert.route != NOTIFY:
            return None
        wait = self.policy.severities[rule.severity].group_wait
        least = _age(rule) + seconds(rule.duration) + seconds(wait)
        most = least + max((self.polls.get(one, 0.0) for one in metrics), default=0.0)
        most += self.scrapes.get(rule.source, self.scrapes[""])
        most += self.evaluation if interval is None else seconds(interval)
        return Latency(wait, least, most)


def load_steps(path: Path, polls: Mapping[str, float], policy: Notifications) -> Steps:
    """Read Prometheus' own file.

    Raises:
        ConfigurationError: it is no YAML.
    """
    read: dict[str, Any] = read_yaml(path, str(path))
    asked = seconds(read["global"]["scrape_interval"])
    jobs = {one["job_name"]: one.get("scrape_interval") for one in read["scrape_configs"]}
    scrapes = {"": asked, **{name: seconds(said) for name, said in jobs.items() if said}}
    return Steps(polls, scrapes, seconds(read["global"]["evaluation_interval"]), policy)


def seconds(duration: str) -> float:
    """Of a duration as Prometheus writes it.

    Raises:
        ConfigurationError: it is none.
    """
    if not re.fullmatch(DURATION, duration):
        raise ConfigurationError(f"duration {duration!r}", ["expected Prometheus' form, as 90s or 1h30m"])
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))


def _age(rule: Rule) -> float:
    """How old the fact is before the expression holds: what the entry says, else a threshold in seconds."""
    if rule.alert.waits is not None:
        return seconds(rule.alert.waits)
    return (rule.threshold or 0.0) if rule.alert.unit == "seconds" else 0.0
