"""`millrace`: the platform's command line; `scripts/millrace` runs it in the project's environment.

What belongs here: the commands' names, options and exit codes. What does not: what they do. Each command imports
what it needs when it runs, so that `--help` answers at once.
"""

import os
import sys
from importlib.metadata import entry_points
from pathlib import Path

import click

from millrace import __version__
from millrace.alerts.commands import alerts
from millrace.cli.graph import graph
from millrace.compose.commands import credentials, launch, source, status
from millrace.domains import installed_domains
from millrace.errors import MillraceError
from millrace.health.commands import report


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def cli() -> None:
    """Millrace, a self-hosted data platform on Dagster."""


@cli.command()
@click.option("--domain", metavar="NAME", help="Run this domain only (default: every installed domain).")
@click.option("--source", type=click.Path(path_type=Path), help="File or folder with real data; needs --domain.")
@click.option(
    "--mapping", metavar="NAME|PATH", help="How to read the source: the domain's README says which there are."
)
@click.option("--rows", type=click.IntRange(min=1), help="Size of the made-up data, if no source is given.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".millrace"),
    envvar="MILLRACE_HOME",
    show_default=True,
    help="Folder of the instance: database, stage files, rejects, outputs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per domain, one per line, on stdout.")
@click.option("--ui", is_flag=True, help="Run, then serve Dagster on what there is, until Ctrl+C.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port for --ui.")
def demo(
    domain: str | None,
    source: Path | None,
    mapping: str | None,
    rows: int | None,
    out: Path,
    as_json: bool,
    ui: bool,
    port: int,
) -> None:
    """Run each domain's main job on a real Dagster instance, without Docker.

    Made-up data unless --source is given. Exits with 0 only when every job succeeded, and --ui served until it was
    stopped.
    """
    from rich.console import Console

    from millrace.embedded.demo import Request, require_free_port, run_demo, serve
    from millrace.embedded.report import Terminal

    if source is not None and domain is None:
        raise click.UsageError("--source needs --domain: say whose source it is")
    if mapping is not None and source is None:
        raise click.UsageError("--mapping needs --source: made-up data brings its own mapping")
    if rows is not None and source is not None:
        raise click.UsageError("--rows is for made-up data; leave it out with --source")
    if source is not None and not source.exists():
        raise click.BadParameter(f"no file or folder {source.absolute()}", param_hint="--source")
    if ui:
        require_free_port(port)  # before the jobs run, which takes a while
    terminal = Terminal(Console(stderr=True), quiet=as_json)
    results = []
    for result in run_demo(Request(out.absolute(), domain, source and source.absolute(), mapping, rows), terminal):
        results.append(result)
        if as_json:
            click.echo(result.as_json())
    succeeded = all(result.success for result in results)
    if ui:
        variables = {name: value for result in results for name, value in result.variables.items()}
        succeeded = serve(out.absolute(), variables, port, terminal) and succeeded
    sys.exit(0 if succeeded else 1)


@cli.command()
def domains() -> None:
    """List the installed domains."""
    for name, point in installed_domains().items():
        click.echo(f"{name}\t{point.module}")


@cli.command()
@click.argument("domain")
@click.option("--rows", type=click.IntRange(min=1), help="Size (default: what the demo takes).")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write into.")
def sample(domain: str, rows: int | None, seed: int, out: Path) -> None:
    """Write made-up source data of a DOMAIN."""
    from millrace.domains import installed_domain
    from millrace.errors import ConfigurationError
    from millrace.location import Domain

    loaded: Domain = installed_domain(domain).load()
    if loaded.sample is None:
        raise ConfigurationError(f"domain {domain}", ["reads no source, so it has no sample"])
    for name, value in loaded.sample(out, rows or loaded.sample_rows, seed).items():
        click.echo(f"{name}={value}")


@cli.command()
@click.argument("domain")
@click.argument("asset")
def rejects(domain: str, asset: str) -> None:
    """Print what an ASSET of a DOMAIN turned away last: one JSON object per line, with place and reason."""
    from millrace.domains import installed_domain
    from millrace.errors import SourceMissingError
    from millrace.settings import Settings

    place = Settings.from_environment(os.environ).rejects(installed_domain(domain).name)
    try:
        click.echo(place.store().read(f"{asset}.ndjson"), nl=False)
    except FileNotFoundError as error:
        subject, next_step = f"rejects of {domain}/{asset}", "run its job; an asset that judges no rows has none"
        raise SourceMissingError(subject, "there are none, not even an empty file", next_step=next_step) from error


for command in (credentials, status, source, launch, alerts, report, graph):
    cli.add_command(command)
for point in entry_points(group="millrace.commands"):  # of services, which the kit does not import by name
    cli.add_command(point.load(), point.name)


def main() -> None:
    """Run the command; an error of ours is one line on stderr and exit code 1."""
    try:
        cli()
    except MillraceError as error:
        click.echo(f"millrace: {error}", err=True)
        sys.exit(1)
