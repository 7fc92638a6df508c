"""`millrace alerts build|check|list|windows|record|silence|silences|unsilence`.

What belongs here: options, words, exit codes. What does not: what they do. Imports stay in the commands, so that
`millrace --help` answers at once.
"""

import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from millrace.compose.commands import project

if TYPE_CHECKING:
    from millrace.alerts.silences import Silences


@click.group()
def alerts() -> None:
    """The alert catalogue: infra/alerts, and what is made of it."""


def _root() -> Path:
    return Path(os.environ.get("ROOT", ".")).absolute()


@alerts.command()
def build() -> None:
    """Write rules, rule tests, routes and runbooks from the catalogue."""
    from millrace.alerts.build import files, load, write

    made = files(load(_root()))
    changed = write(_root(), made)
    for name in changed:
        click.echo(name)
    click.echo(f"{len(made)} files, {len(changed)} of them changed")


@alerts.command()
def check() -> None:
    """Say what is wrong with the catalogue, and which generated files are not what it gives.

    Exits with 0 only if nothing is. What the rules do is judged by promtool and amtool: scripts/check runs them.
    """
    from millrace.alerts.build import differing, files, load

    if wrong := differing(_root(), files(load(_root()))):
        for name in wrong:
            click.echo(f"{name} is not what infra/alerts gives", err=True)
        click.echo("run scripts/millrace alerts build, and commit what it writes", err=True)
        sys.exit(1)
    click.echo("the catalogue is whole, and every generated file is what it gives")


@alerts.command("list")
@click.option("--severity", type=click.Choice(["critical", "error", "warning", "info"]), help="Only these.")
def list_alerts(severity: str | None) -> None:
    """List every alert with its severities and when it is told of."""
    from rich.console import Console
    from rich.table import Table

    from millrace.alerts.build import load
    from millrace.alerts.catalogue import alerts_of

    table = Table("alert", "severity", "area", "summary")
    for one in alerts_of(load(_root()).areas):
        if severity is None or severity in one.severities:
            off = " (off)" if one.opt_in else ""
            table.add_row(one.alert, ", ".join(one.severities) + off, one.area, one.tests.fires[0].summary)
    Console().print(table)


@alerts.command()
def windows() -> None:
    """List the maintenance windows: whether each is open, and when it begins next."""
    from rich.console import Console
    from rich.table import Table

    from millrace.alerts.build import load

    now = datetime.now(tz=UTC)
    found = load(_root()).windows
    if not found:
        click.echo("no maintenance windows; add them to infra/alerts/policy/windows.yaml")
        return
    table = Table("window", "now", "next beginning (UTC)", "alerts", "reason")
    for window in found:
        start = window.next_start(now)
        table.add_row(
            window.name,
            "open" if window.covers(now) else "",
            f"{start:%Y-%m-%d %H:%M}" if start else "never again",
            ", ".join(window.matchers) or "every alert",
            window.reason,
        )
    Console().print(table)


@alerts.command()
def record() -> None:
    """Record which metrics the third-party exporters of the running platform expose: infra/metrics."""
    import yaml

    from millrace.alerts.exposed import EXPORTER, as_record, series_on, title_of

    folder = _root() / "infra" / "metrics"
    jobs = yaml.safe_load((_root() / "infra/prometheus/prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    for job in jobs:
        if job["job_name"] == EXPORTER:
            continue  # it declares what it exposes
        target = job["static_configs"][0]["targets"][0]
        page = project().fetch("prometheus", f"http://{target}{job.get('metrics_path', '/metrics')}")
        path = folder / f"{job['job_name']}.txt"
        series = series_on(page)
        path.write_text(as_record(series, title_of(page, job["job_name"])), encoding="utf-8")
        click.echo(f"{path.relative_to(_root())}: {len(series)} names")


def _silences() -> "Silences":
    from millrace.alerts.silences import Silences
    from millrace.compose.dagster_client import Client

    sign_in = project().sign_in()
    return Silences(Client(sign_in.address, "operator", sign_in.passwords["operator"]))


class _Length(click.ParamType):
    name = "duration"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?", value)
        if not value or found is None or not any(found.groups()):
            self.fail(f"{value!r} is no duration such as 30m, 2h or 1d12h", param, ctx)
        days, hours, minutes = (int(part or 0) for part in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes)


@alerts.command()
@click.argument("matchers", nargs=-1, required=True, metavar="LABEL=VALUE...")
@click.option("--for", "length", type=_Length(), default="2h", show_default=True, help="How long: 30m, 2h, 1d12h.")
@click.option("--comment", required=True, help="Why; others see it.")
def silence(matchers: tuple[str, ...], length: timedelta, comment: str) -> None:
    """Do not send alerts with all these labels for a while: alertname=JobFailed code_location=museum.

    =~ takes a regular expression, != and !~ the opposite.
    """
    click.echo(_silences().add(matchers, length, comment))


@alerts.command()
def silences() -> None:
    """List the silences that hold or will hold."""
    for one in _silences().all():
        click.echo(
            f"{one.id}  {one.state:<8}until {one.ends:%Y-%m-%d %H:%M %Z}  {one.matchers}  {one.author}: {one.comment}"
        )


@alerts.command()
@click.argument("silence_id", metavar="ID")
def unsilence(silence_id: str) -> None:
    """End a silence."""
    _silences().end(silence_id)
