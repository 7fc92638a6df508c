"""`millrace graph …`: ask a domain's graph, draw it, say what it is made of and which server is served.

What belongs here: options, words, exit codes. What does not: queries (`queries`), pictures (`picture`).

The graph is the one that the environment names: Ladybug in the home, or servers. Those of the platform in containers
cannot be reached from its host; with `--compose` the same command runs inside of the domain's container.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from millrace.errors import ConfigurationError

if TYPE_CHECKING:
    from millrace.graph.model import GraphModel
    from millrace.graph.place import GraphPlace
    from millrace.graph.queries import Answer

Command = TypeVar("Command", bound=Callable[..., Any])
_CELL_CHARACTERS = 60


def of_a_domain(command: Command) -> Command:
    """The options that every command has."""
    for option in (
        click.option("--compose", "in_compose", is_flag=True, help="Of the platform in containers."),
        click.option("--domain", metavar="NAME", help="Whose graph, if several domains have one."),
    ):
        command = option(command)
    return command


@click.group()
def graph() -> None:
    """Ask a domain's graph, draw it, say what it is made of."""


@graph.command()
@click.argument("name")
@click.option("--param", "given", metavar="KEY=VALUE", multiple=True, help="A parameter of the query; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per row.")
@of_a_domain
def ask(name: str, given: tuple[str, ...], as_json: bool, domain: str | None, in_compose: bool) -> None:
    """Run the named query NAME. It cannot write."""
    from millrace.graph.queries import find_query, read_queries

    if wrong := [one for one in given if one.find("=") < 1]:
        raise click.BadParameter(f"{wrong[0]!r} is no KEY=VALUE", param_hint="--param")
    if in_compose:
        inside(domain, "ask", name, *(f"--param={one}" for one in given), *(["--json"] if as_json else []))
        return
    model, place = whose(domain)
    query = find_query(read_queries(model), name)
    with place.open(model) as opened:
        answer = opened.ask(query, {key: value for key, _, value in (one.partition("=") for one in given)})
    if as_json:
        for row in answer.rows:
            click.echo(json.dumps(dict(zip(answer.columns, row, strict=True)), default=str, ensure_ascii=False))
    else:
        print_answer(query.title, answer)
    if answer.is_cut:
        click.echo(f"more than {query.row_cap:,} rows: the others are left out", err=True)


@graph.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@of_a_domain
def queries(as_json: bool, domain: str | None, in_compose: bool) -> None:
    """List the named queries with their parameters."""
    from rich.console import Console
    from rich.table import Table

    from millrace.graph.queries import read_queries

    if in_compose:
        inside(domain, "queries", *(["--json"] if as_json else []))
        return
    model, _ = whose(domain)
    found = read_queries(model)
    if as_json:
        click.echo(json.dumps({name: query.model_dump(mode="json") for name, query in found.items()}))
        return
    table = Table("query", "what it says", "parameters")
    for name, query in found.items():
        parameters = (
            f"{key}={one.default}" if one.default is not None else f"{key} ({one.type})"
            for key, one in query.parameters.items()
        )
        table.add_row(name, query.title, ", ".join(parameters))
    Console().print(table)


@graph.command()
@click.argument("node", metavar="LABEL/KEY")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File; - for stdout.")
@click.option("--depth", type=click.IntRange(1, 2), default=1, show_default=True, help="Steps from the node.")
@click.option("--limit", type=click.IntRange(1, 120), default=40, show_default=True, help="Further nodes at most.")
@of_a_domain
def picture(node: str, out: Path, depth: int, limit: int, domain: str | None, in_compose: bool) -> None:
    """Draw a node and what lies around it as an SVG: Company/ABC123."""
    from millrace.files import replace_file
    from millrace.graph.picture import draw

    label, slash, key = node.partition("/")
    if not slash or not key:
        raise click.BadParameter(f"{node!r} is no LABEL/KEY", param_hint="LABEL/KEY")
    if in_compose:
        from millrace.compose.commands import project

        service = domain or the_domain(None)
        options = ("--out=-", f"--depth={depth}", f"--limit={limit}", f"--domain={service}")
        svg = project().run_inside(service, "millrace", "graph", "picture", node, *options)
    else:
        model, place = whose(domain)
        with place.open(model) as opened:
            svg = draw(model, opened.neighbourhood(label, key, depth=depth, limit=limit)).encode()
    if str(out) == "-":
        click.echo(svg, nl=False)
    else:
        replace_file(out.absolute(), svg)
        click.echo(str(out))


@graph.command()
@of_a_domain
def model(domain: str | None, in_compose: bool) -> None:
    """Print the declared model as Markdown: a diagram, and tables of all properties."""
    from millrace.graph.documentation import markdown

    if in_compose:
        inside(domain, "model")
        return
    click.echo(markdown(whose(domain)[0]), nl=False)


@graph.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@of_a_domain
def status(as_json: bool, domain: str | None, in_compose: bool) -> None:
    """Show which server is served and how many elements it has."""
    if in_compose:
        inside(domain, "status", *(["--json"] if as_json else []))
        return
    declared, place = whose(domain)
    servers = place.names()
    served = place.served() if servers else None
    with place.open(declared) as opened:
        address, counts = opened.address, opened.counts()
    if as_json:
        click.echo(json.dumps({"served": served, "servers": servers, "address": address, "counts": counts}))
        return
    click.echo(f"{'served':<10}{served or 'Ladybug'}, {address}")
    for name in servers:
        if name != served:
            click.echo(f"{'other':<10}{name}")
    for part, count in counts.items():
        click.echo(f"{count:>14,} {part}")


@graph.command()
@click.argument("server")
@of_a_domain
def switch(server: str, domain: str | None, in_compose: bool) -> None:
    """Send readers and loads to another SERVER. Nothing in either of them is changed."""
    if in_compose:
        inside(domain, "switch", server)
        return
    _, place = whose(domain)
    before = place.served()
    place.switch(server, since=before)
    click.echo(f"{server} is served, {before} was")


def print_answer(title: str, answer: "Answer") -> None:
    """A table for people."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    numbers = [all(isinstance(row[place], int | float) for row in answer.rows) for place in range(len(answer.columns))]
    for name, is_number in zip(answer.columns, numbers, strict=True):
        table.add_column(name, justify="right" if is_number and answer.rows else "left")
    for row in answer.rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    # A pipe has no width: then every column gets what it needs.
    console = Console() if sys.stdout.isatty() else Console(width=max(80, 40 * len(answer.columns)))
    console.print(Text(title, style="bold"), table, sep="\n")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, Mapping):
        value = ", ".join(f"{name}: {one}" for name, one in value.items())
    text = "" if value is None else str(value)
    return text if len(text) <= _CELL_CHARACTERS else f"{text[: _CELL_CHARACTERS - 1]}…"


def inside(domain: str | None, *arguments: str) -> None:
    """Run a graph command in the container of a domain's code location, and print what it prints."""
    from millrace.compose.commands import project

    service = domain or the_domain(None)
    click.echo(project().run_inside(service, "millrace", "graph", *arguments, f"--domain={service}"), nl=False)


def whose(domain: str | None) -> "tuple[GraphModel, GraphPlace]":
    """The model of a domain's graph, and where that is.

    Raises:
        ConfigurationError: no domain has one, or several have and none is named.
    """
    from millrace.graph.resource import declared_model
    from millrace.settings import Settings

    name = the_domain(domain)
    return declared_model(graphs()[name]), Settings.from_environment(os.environ).graph_of(name)


def the_domain(domain: str | None) -> str:
    """The domain that is named, or the only one with a graph.

    Raises:
        ConfigurationError: it has none, or there is not just one.
    """
    known = graphs()
    if domain is not None:
        if domain not in known:
            step = f"these have: {', '.join(known) or 'none'}"
            raise ConfigurationError(f"domain {domain}", ["has no graph"], next_step=step)
        return domain
    if len(known) != 1:
        problem = f"{len(known)} domains have one: {', '.join(known)}" if known else "no domain has one"
        raise ConfigurationError("graph", [problem], next_step="name it with --domain")
    return next(iter(known))


def graphs() -> dict[str, str]:
    """Where each installed domain declares its graph, by the domain's name."""
    from millrace.domains import installed_domains

    loaded = {name: point.load() for name, point in installed_domains().items()}
    return {name: one.graph for name, one in loaded.items() if one.graph is not None}
