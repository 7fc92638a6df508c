"""What is wrong by Prometheus, for `millrace status`: alerts that fire, jobs that fail, assets that are stale.

What belongs here: one look behind the gateway, and how it reads in a terminal. What does not: the page with the past
(`millrace.health`), which `/reports` shows.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from millrace.compose.project import Project
from millrace.errors import MillraceError
from millrace.health.monitoring import Alert, Prometheus
from millrace.health.words import duration

if TYPE_CHECKING:
    from rich.console import Console

_COLORS = {"critical": "red", "error": "red", "warning": "yellow"}
_SHOWN = 10


@dataclass(frozen=True)
class Now:
    """What is wrong; `unknown` says what of it is not known, and why."""

    alerts: Sequence[Alert] = ()
    failing_jobs: Sequence[str] = ()
    stale_assets: Sequence[str] = ()
    failed_checks: Sequence[str] = ()
    unknown: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def health_of(project: Project, address: str) -> Now:
    """Ask the Prometheus behind the gateway; a failure to is told and not raised, since the rest is worth showing."""
    try:
        sign_in = project.sign_in()
        prometheus = Prometheus(f"{address}/prometheus", ("operator", sign_in.passwords["operator"]))
        failing = prometheus.failing()
        return Now(prometheus.alerts(), failing["jobs"], failing["assets"], failing["checks"], prometheus.silent())
    except MillraceError as error:
        return Now(unknown=[str(error)])


def print_health(console: "Console", now: Now) -> None:
    """A line for each thing that is wrong, the worst first."""
    from rich.markup import escape

    for line in now.unknown:
        console.print(f"[yellow]{'health unknown':<17}[/]{escape(line)}", highlight=False)
    for alert in now.alerts:
        since = duration(max(time.time() - alert.since, 0))
        color = _COLORS.get(alert.severity, "dim")
        console.print(
            f"[{color}]{escape(alert.severity):<17}[/]{escape(alert.summary)} [dim](since {since}; "
            f"docs/runbooks/{escape(alert.name)}.md)[/]",
            highlight=False,
        )
    for name, found in (
        ("failing jobs", now.failing_jobs),
        ("stale assets", now.stale_assets),
        ("failed checks", now.failed_checks),
    ):
        if found:
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            console.print(f"[red]{name:<17}[/]{escape(', '.join(found[:_SHOWN]))}{more}", highlight=False)
    if not (now.unknown or now.alerts or now.failing_jobs or now.stale_assets or now.failed_checks):
        console.print("[green]nothing fires, no job fails, every asset with a policy is fresh")
