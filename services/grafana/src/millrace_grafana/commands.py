"""`millrace grafana build|check|queries|preview|verify|annotate`.

What belongs here: options, words, exit codes. What does not: what they do. Imports stay in the commands, so that
`millrace --help` answers at once.
"""

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millrace.compose.commands import project
from millrace.errors import ConfigurationError, PlatformRefusedError

if TYPE_CHECKING:
    from millrace_grafana.queries import Prometheus

_CLIENT = "MILLRACE_GRAFANA_CLIENT"


@click.group()
def grafana() -> None:
    """Grafana's dashboards: made from code, compared with the running Grafana."""


def _root() -> Path:
    return Path(os.environ.get("ROOT", ".")).absolute()


def _made() -> dict[str, str]:
    from millrace_grafana.build import all_pages, files

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Dagster's beta parameters, and the SDK's of a newer kind of dashboard
        return files(all_pages())


@grafana.command()
def build() -> None:
    """Write infra/grafana/dashboards from the code and the installed domains."""
    from millrace_grafana.build import write

    made = _made()
    changed = write(_root(), made)
    for name in changed:
        click.echo(name)
    click.echo(f"{len(made)} files, {len(changed)} of them changed")


@grafana.command()
def check() -> None:
    """Say which generated files are not what the code gives. Exits with 0 only if all are."""
    from millrace_grafana.build import differing

    if wrong := differing(_root(), _made()):
        for name in wrong:
            click.echo(f"{name} is not what the code gives", err=True)
        click.echo("run scripts/millrace grafana build, and commit what it writes", err=True)
        sys.exit(1)
    click.echo("every dashboard is what the code gives")


_ASKED_OF = click.option(
    "--prometheus", metavar="ADDRESS", help="Ask this one, without signing in (default: behind the gateway)."
)


def _prometheus(address: str | None) -> "Prometheus":
    from millrace_grafana.queries import Prometheus

    if address is not None:
        return Prometheus(address.rstrip("/"))
    sign_in = project().sign_in()
    return Prometheus(f"{sign_in.address}/prometheus", ("operator", sign_in.passwords["operator"]))


@grafana.command()
@_ASKED_OF
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def queries(prometheus: str | None, as_json: bool) -> None:
    """Ask every query of the dashboards of a Prometheus, without Grafana. Exits with 0 only if all say something."""
    from millrace_grafana.queries import EXPECTED_EMPTY, FOLDER, ask_all, asked_by, dashboards

    asked = [one for dashboard in dashboards(_root() / FOLDER).values() for one in asked_by(dashboard)]
    answers = ask_all(
        _prometheus(prometheus), asked, json.loads((_root() / EXPECTED_EMPTY).read_text(encoding="utf-8"))
    )
    fine = not answers.empty and not answers.refused
    if as_json:
        click.echo(
            json.dumps(
                {
                    "fine": fine,
                    "answered": len(answers.answered),
                    "expected_empty": [{"place": one.place, "why": why} for one, why in answers.expected_empty],
                    "empty": [{"place": one.place, "expr": one.expr} for one in answers.empty],
                    "refused": answers.refused,
                }
            )
        )
        sys.exit(0 if fine else 1)
    for line in answers.refused:
        click.echo(f"refused  {line}", err=True)
    for one in answers.empty:
        click.echo(f"empty    {one.place}: {one.expr}", err=True)
    click.echo(f"{len(answers.answered)} say something, {len(answers.expected_empty)} say nothing as expected")
    sys.exit(0 if fine else 1)


@grafana.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the pages.")
@_ASKED_OF
def preview(names: tuple[str, ...], out: Path, prometheus: str | None) -> None:
    """Write a page per dashboard with what it would ask and roughly show, without Grafana.

    NAME is that of a file in infra/grafana/dashboards, without .json; default: all.
    """
    from millrace.files import replace_file
    from millrace_grafana.preview.page import render
    from millrace_grafana.queries import EXPECTED_EMPTY, FOLDER, dashboards

    shown = dashboards(_root() / FOLDER)
    if unknown := sorted(set(names) - set(shown)):
        raise click.BadParameter(f"there is no {', '.join(unknown)}; there are {', '.join(shown)}", param_hint="NAME")
    may = json.loads((_root() / EXPECTED_EMPTY).read_text(encoding="utf-8"))
    asked_of, now = _prometheus(prometheus), time.time()
    for uid in names or shown:
        path = out.absolute() / f"{uid}.html"
        replace_file(path, render(shown[uid], asked_of, may.get(uid, {}), now).encode())
        click.echo(str(path))


@grafana.command()
@click.option("--address", metavar="URL", help="Of Grafana (default: behind the gateway).")
@click.option("--user", default="operator", show_default=True)
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="With --address.")
def verify(address: str | None, user: str, password_file: Path | None) -> None:
    """Compare the running Grafana with the checkout: version, data sources, dashboards, queries.

    Exits with 0 if all is well, 1 if something differs, 2 if Grafana does not answer.
    """
    from millrace_grafana.queries import EXPECTED_EMPTY, FOLDER, asked_by, dashboards

    root = _root()
    shown = dashboards(root / FOLDER)
    may = json.loads((root / EXPECTED_EMPTY).read_text(encoding="utf-8"))
    order = {
        "action": "verify",
        "data_sources": _data_sources(root),
        "dashboards": shown,
        "queries": [
            {
                "place": one.place,
                "expr": one.expr,
                "instant": one.instant,
                "empty": may.get(one.dashboard, {}).get(one.written),
            }
            for dashboard in shown.values()
            for one in asked_by(dashboard)
        ],
    }
    sys.exit(_send(order, address, user, password_file))


@grafana.command()
@click.argument("text")
@click.option(
    "--kind",
    type=click.Choice(["deployment", "maintenance"]),
    default="deployment",
    show_default=True,
    help="Which mark.",
)
@click.option("--start", metavar="TIME", help="ISO 8601 (default: now).")
@click.option("--end", metavar="TIME", help="ISO 8601; without it the mark is a line and not a span.")
@click.option("--address", metavar="URL", help="Of Grafana (default: behind the gateway).")
@click.option("--user", default="operator", show_default=True)
@click.option("--password-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="With --address.")
def annotate(
    text: str,
    kind: str,
    start: str | None,
    end: str | None,
    address: str | None,
    user: str,
    password_file: Path | None,
) -> None:
    """Mark a deployment or a time of maintenance on every dashboard; the same mark is set once.

    Exits with 0 if it is marked, 1 if Grafana refuses, 2 if it does not answer.
    """
    from millrace_grafana.links import TAG

    began = _milliseconds("--start", start) if start else int(time.time() * 1000)
    ended = _milliseconds("--end", end) if end else None
    if ended is not None and ended <= began:
        raise click.BadParameter("lies before the start", param_hint="--end")
    order = {"action": "annotate", "text": text, "tags": [TAG, kind], "start": began, "end": ended}
    sys.exit(_send(order, address, user, password_file))


def _milliseconds(option: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no time like 2026-05-01T20:00", param_hint=option) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _data_sources(root: Path) -> dict[str, str]:
    """Type by uid, as they are provisioned."""
    from millrace.config import read_yaml

    folder = root / "infra" / "grafana" / "provisioning" / "datasources"
    return {
        one["uid"]: one["type"]
        for path in sorted(folder.glob("*.yaml"))
        for one in read_yaml(path, str(path))["datasources"]
    }


def _send(order: Mapping[str, Any], address: str | None, user: str, password_file: Path | None) -> int:
    """Have the client ask Grafana, and show what it finds; its exit code."""
    client = os.environ.get(_CLIENT)
    if not client:
        raise ConfigurationError(_CLIENT, ["names no Python with grafana-client"], next_step="use scripts/millrace")
    if address is None:
        sign_in = project().sign_in()
        address, password = f"{sign_in.address}/grafana", sign_in.passwords[user]
    elif password_file is None:
        raise click.UsageError("--address needs --password-file")
    else:
        password = password_file.read_text(encoding="utf-8").strip()
    package = str(Path(__file__).parents[1])
    ended = subprocess.run(
        [client, "-m", "millrace_grafana.client"],
        input=json.dumps({**order, "address": address, "user": user, "password": password}),
        env={**os.environ, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    for line in ended.stdout.splitlines():
        finding = json.loads(line)
        click.echo(finding["text"], err=not finding["fine"])
    if ended.returncode not in (0, 1, 2) or (ended.returncode and not ended.stdout):
        said = ended.stderr.strip().splitlines() or ["it said nothing"]
        raise PlatformRefusedError("the client of Grafana", f"ended with exit code {ended.returncode}: {said[-1]}")
    return ended.returncode
