"""`millrace report`: the page of an embedded instance, as a file.

What belongs here: options, words, exit codes. What does not: the page. In containers `services/reports` serves it.
"""

import os
import time
from pathlib import Path

import click

from millrace.errors import ConfigurationError


@click.command()
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".millrace"),
    envvar="MILLRACE_HOME",
    show_default=True,
    help="Folder of the embedded instance.",
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File (default: reports/health.html there)."
)
@click.option("--dagster", metavar="URL", help="Where Dagster serves, for links: http://127.0.0.1:3000 with demo --ui.")
def report(home: Path, out: Path | None, dagster: str | None) -> None:
    """Write what is wrong, how fresh data is and how runs went into one HTML file that opens anywhere."""
    import dagster as dg

    from millrace.embedded.home import Home
    from millrace.embedded.postgres import postgres_server
    from millrace.files import replace_file
    from millrace.health.history import read_history
    from millrace.health.judgement import judge
    from millrace.health.monitoring import policies_of_domains
    from millrace.health.page import render

    layout = Home(home)
    if not (layout.dagster / "dagster.yaml").is_file() or not layout.postgres.with_name("postgres.ready").exists():
        raise ConfigurationError(str(layout.root), ["holds no instance"], next_step="scripts/demo makes one")
    now = time.time()
    # Without the home's lock: it only reads, and a demo that serves Dagster holds that for as long as it serves.
    with postgres_server(layout.postgres):
        os.environ["DAGSTER_HOME"] = str(layout.dagster)
        with dg.DagsterInstance.get() as instance:
            history = read_history(instance, now)
    health = judge(history, now, policies=policies_of_domains())
    path = out or layout.root / "reports" / "health.html"
    replace_file(path.absolute(), render(health, base=dagster and dagster.rstrip("/")).encode())
    click.echo(str(path))
