"""Make the page once: `python -m millrace_reports.page` writes it to standard output.

It is a process of its own, which ends when it has written: nobody looks most of the time, and Dagster's code takes what
`benchmarks/imports.py` measures. What belongs here: what is shown while a source is away. What does not: the page
(`millrace.health`).
"""

import logging
import os
import sys
import time
from collections.abc import Callable

import dagster as dg

from millrace.errors import SourceUnavailableError
from millrace.health.history import WINDOW_DAYS, History, read_history
from millrace.health.judgement import judge
from millrace.health.monitoring import Alert, Policy, Prometheus
from millrace.health.page import render
from millrace_reports.settings import Settings

log = logging.getLogger("millrace.reports")


def make_page(read: Callable[[float], History], prometheus: Prometheus, now: float) -> str:
    """The page as HTML, whatever is away.

    Args:
        read: Reads the history that ends at a time; raises whatever its database raises.
        prometheus: Whom to ask for alerts and policies.
        now: Seconds since the epoch.
    """
    unknown: list[str] = []
    alerts: list[Alert] = []
    policies: dict[str, Policy] = {}
    try:
        alerts, policies = prometheus.alerts(), prometheus.policies()
        unknown += [f"{line[0].upper()}{line[1:]}" for line in prometheus.silent()]
    except SourceUnavailableError as error:
        unknown.append(f"Prometheus does not answer, so alerts and freshness are not known: {error}")
    try:
        history = read(now)
    except Exception as error:  # noqa: BLE001 whatever it is, the page says it and shows the rest
        log.warning("dagster's database: %s", " ".join(str(error).split())[:500])
        reason = f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
        unknown.append(f"Dagster's database does not answer, so runs, assets and checks are not known: {reason}")
        history = History(now - WINDOW_DAYS * 86400, [], [], [], {})
        policies = {}  # else every asset with one would look as if it had never been made
    health = judge(history, now, policies=policies, alerts=alerts, unknown=unknown)
    return render(health, base="", refresh_seconds=60)


def main() -> None:
    """Write the page of Dagster's instance in `DAGSTER_HOME`."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.INFO)
    settings = Settings.from_environment(os.environ)

    def read(now: float) -> History:
        with dg.DagsterInstance.get() as instance:
            return read_history(instance, now)

    sys.stdout.write(make_page(read, Prometheus(settings.prometheus), time.time()))


if __name__ == "__main__":
    main()
