"""`millrace credentials|status|source|launch`: the platform in containers, from its host.

What belongs here: options, words, exit codes. What does not: what Docker and Dagster are asked.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from millrace.compose.project import Project, Service

if TYPE_CHECKING:
    from rich.console import Console

# What a signed-in browser finds behind the gateway, and the service that has to run for it.
PAGES = {
    "Dagster": ("/", "dagster-webserver"),
    "health report": ("/reports", "reports"),
    "Grafana": ("/grafana", "grafana"),
    "Prometheus": ("/prometheus", "prometheus"),
    "Alertmanager": ("/alertmanager", "alertmanager"),
    "published files": ("/files", "object-store"),
}


def project() -> Project:
    """The project of the checkout that `scripts/millrace` stands in, else of the working directory."""
    return Project(Path(os.environ.get("ROOT", ".")))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def credentials(as_json: bool) -> None:
    """Print the address and the passwords of operator and viewer."""
    sign_in = project().sign_in()
    if as_json:
        click.echo(json.dumps({"address": sign_in.address, "users": dict(sign_in.passwords)}))
        return
    click.echo(f"{'address':<10}{sign_in.address}")
    for user, password in sign_in.passwords.items():
        click.echo(f"{user:<10}{password}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def status(as_json: bool) -> None:
    """Show addresses and health of the platform's services, what fires, what is stale and what fails.

    Exits with 0 only if nothing is wrong with the services; alerts and failures of jobs are told and do not count.
    """
    from rich.console import Console

    from millrace.compose.health import health_of, print_health

    ours = project()
    services = ours.services()
    fine = bool(services) and all(service.fine for service in services)
    up = {service.name for service in services if service.up}
    address = ours.address() if "gateway" in up else ""
    pages = {name: address + path for name, (path, needed) in PAGES.items() if address and needed in up}
    health = health_of(ours, address) if address and "prometheus" in up else None
    if as_json:
        states = {service.name: service.state for service in services}
        found = health and health.as_dict()
        click.echo(json.dumps({"fine": fine, "services": states, "addresses": pages, "health": found}))
        sys.exit(0 if fine else 1)
    console = Console()
    if not services:
        console.print("the platform is not running; start it with: docker compose up -d --wait")
        sys.exit(1)
    print_services(console, services)
    if health is not None:
        print_health(console, health)
    for name, page in pages.items():
        console.print(f"{name:<17}{page}", highlight=False)
    if not fine:
        wrong = " ".join(service.name for service in services if not service.fine)
        console.print(f"look at:    docker compose logs --tail 50 {wrong}", highlight=False, soft_wrap=True)
        console.print("then start: docker compose up -d --wait", highlight=False)
    sys.exit(0 if fine else 1)


def print_services(console: "Console", services: Sequence[Service]) -> None:
    """A table of those that run or should; one-shots that are done are one line."""
    from rich.table import Table

    table = Table("service", "state")
    for service in services:
        if service.state != "done":
            table.add_row(service.name, f"[{'green' if service.fine else 'red'}]{service.state}")
    console.print(table)
    if done := [service.name for service in services if service.state == "done"]:
        console.print(f"[dim]done: {', '.join(done)}", highlight=False)


@click.command()
@click.argument("domain")
@click.argument("path", type=click.Path(exists=True, path_type=Path), required=False)
@click.option("--rows", type=click.IntRange(min=1), help="Size of the made-up data, if no PATH is given.")
def source(domain: str, path: Path | None, rows: int | None) -> None:
    """Give a DOMAIN in containers what it reads: a copy of PATH (a file or a folder), or made-up data."""
    if path is not None and rows is not None:
        raise click.UsageError("--rows is for made-up data; leave it out with PATH")
    if path is None:
        project().put_sample(domain, rows)
    else:
        project().put_source(domain, path.absolute())
    click.echo(f"{domain} reads {f'a copy of {path}' if path else 'made-up data'} from now on")


@click.command()
@click.argument("job")
@click.option("--domain", metavar="NAME", help="Whose job, if several domains have one of that name.")
@click.option(
    "--tag", "tags", metavar="KEY=VALUE", multiple=True, help="Of this run, as millrace/memory=1.5GiB; repeatable."
)
@click.option("--detach", is_flag=True, help="Print the run's address and do not wait for it.")
def launch(job: str, domain: str | None, tags: tuple[str, ...], detach: bool) -> None:
    """Launch a JOB in a container of its own and follow it, and its retries. Exits with 0 only if it succeeded."""
    from millrace.compose.dagster_client import ENDED, Client

    if wrong := [tag for tag in tags if not tag.partition("=")[1]]:
        raise click.BadParameter(f"{wrong[0]!r} is no KEY=VALUE", param_hint="--tag")
    sign_in = project().sign_in()
    client = Client(sign_in.address, "operator", sign_in.passwords["operator"])
    run_id = client.launch(
        client.find_job(job, domain), {key: value for key, _, value in (tag.partition("=") for tag in tags)}
    )
    click.echo(f"{sign_in.address}/runs/{run_id}")
    if detach:
        return
    while True:
        status = told = ""
        for status, events in client.follow(run_id):
            if status not in (told, *ENDED):
                click.echo(status.lower())
                told = status
            for event in events:
                if line := line_of(event):
                    click.echo(f"  {line}")
        click.echo(status.lower())  # last, when all that happened has been told
        retry = client.retry_of(run_id)
        if retry is None:
            sys.exit(0 if status == "SUCCESS" else 1)
        run_id = retry
        click.echo(f"it is retried: {sign_in.address}/runs/{run_id}")


def line_of(event: dict[str, Any]) -> str:
    """An event as a line for people; empty if it is none that they wait for."""
    match event["__typename"]:
        case "MaterializationEvent":
            rows = [entry["intValue"] for entry in event["metadataEntries"] if entry["label"] == "dagster/row_count"]
            return f"✓ {'/'.join(event['assetKey']['path'])}" + (f": {rows[0]:,} rows" if rows else "")
        case "AssetCheckEvaluationEvent" if not event["evaluation"]["success"]:
            check = event["evaluation"]
            return f"{check['severity'].lower()}: {check['checkName']}: {check['description'] or 'failed'}"
        case "ExecutionStepFailureEvent":
            described = (event["failureMetadata"] or {}).get("description")
            return f"failed: {event['stepKey']}: {described or event['error']['message'].strip()}"
        case "RunFailureEvent" | "RunCanceledEvent" | "ExecutionStepUpForRetryEvent":
            return event["message"].strip()
        case _:
            return ""
