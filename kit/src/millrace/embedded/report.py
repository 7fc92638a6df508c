"""How a demo looks in a terminal: one line per step while it runs, a table at the end. All of it goes to stderr.

On what is no terminal the live part is left out and one line per finished asset remains: logs stay readable.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.table import Table

from millrace.embedded.demo import AssetResult, DomainResult

_STATES = {"written": "[green]✓", "failed": "[red]failed", "not run": "[dim]not run"}


class Terminal:
    """Tells people what happens.

    Args:
        console: Where.
        quiet: Leave out the tables, which somebody else prints as JSON.
    """

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._status: Status | None = None

    def note(self, text: str) -> None:
        """A line about the whole."""
        self._console.print(escape(text), highlight=False)

    def domain_started(self, domain: str) -> None:
        """Head the domain's lines and start the live line."""
        self._console.rule(f"[bold]{escape(domain)}", align="left", style="dim")
        if self._console.is_terminal:
            self._status = self._console.status("loading")
            self._status.start()

    def message(self, message: Mapping[str, Any]) -> None:
        """Show a message of the worker."""
        match message["event"]:
            case "step":
                self._live(message["step"])
            case "progress":
                self._live(message["text"])
                self._console.print(f"  [dim]{escape(message['text'])}", highlight=False)
            case "retry":
                self._console.print(f"  [yellow]retry[/] {escape(message['step'])}: {escape(message['error'])}")
            case "asset":
                rows = message["figures"].get("dagster/row_count", 0)
                seconds = message["figures"].get("seconds", 0.0)
                self._console.print(
                    f"  [green]✓[/] {escape(message['asset']):<32}{rows:>12,} rows {seconds:>8.2f} s", highlight=False
                )

    def domain_ended(self, result: DomainResult) -> None:
        """Close the live line and show what the domain came to."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        for line in result.warnings:
            self._console.print(f"  [yellow]warning[/] {escape(line)}", highlight=False)
        for line in result.failures:
            self._console.print(f"  [red]failed[/] {escape(line)}", highlight=False)
        if not self._quiet:
            self._console.print(result_table(result))
            for folder in result.outputs:
                self._console.print(f"  outputs  {escape(folder)}", highlight=False, soft_wrap=True)
        self._console.print()

    def _live(self, text: str) -> None:
        if self._status is not None:
            self._status.update(escape(text))


def _checks(asset: AssetResult) -> str:
    """How many checks passed, warned and failed; those of a kind that there are none of are left out."""
    kinds = (
        (asset.checks_passed, "green", "✓"),
        (asset.checks_warned, "yellow", "warned"),
        (asset.checks_failed, "red", "failed"),
    )
    return ", ".join(f"[{colour}]{count} {name}[/]" for count, colour, name in kinds if count)


def result_table(result: DomainResult) -> Table:
    """The table that ends a domain: asset, rows, seconds, rows per second, checks."""
    ending = "[green]succeeded" if result.success else "[red]failed"
    memory = f", {result.peak_memory_bytes / 2**20:,.0f} MiB at most" if result.peak_memory_bytes else ""
    loading = f" ({result.process_seconds:.1f} s with loading)"
    title = f"{result.domain}: {ending}[/] in {result.seconds:.1f} s{loading}{memory}"
    table = Table(title=title, title_justify="left")
    table.add_column("asset", no_wrap=True, overflow="fold")
    table.add_column("")
    for name in ("rows", "seconds", "rows/s"):
        table.add_column(name, justify="right")
    table.add_column("checks")
    for asset in result.assets:
        speed = asset.rows / asset.seconds if asset.seconds else 0.0
        table.add_row(
            asset.asset,
            _STATES[asset.state],
            f"{asset.rows:,}",
            f"{asset.seconds:.2f}",
            f"{speed:,.0f}",
            _checks(asset),
        )
    return table
