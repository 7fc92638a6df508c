"""Running domains in tests: on a real embedded instance, as the demo does it or inside the test's own process."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from millrace.embedded.demo import DomainResult, Request, run_demo
from millrace.embedded.home import Home
from millrace.embedded.postgres import postgres_server
from millrace.location import Domain, assemble
from millrace.settings import Settings


class Silence:
    """An audience that keeps what it is told in `messages` and shows nothing."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.messages: list[Mapping[str, Any]] = []

    def note(self, text: str) -> None:
        """Keep the line."""
        self.notes.append(text)

    def domain_started(self, domain: str) -> None:
        """Show nothing."""

    def message(self, message: Mapping[str, Any]) -> None:
        """Keep the message."""
        self.messages.append(message)

    def domain_ended(self, result: DomainResult) -> None:
        """Show nothing."""


def run_domain(
    home: Path, domain: str, *, source: Path | None = None, mapping: str | None = None, rows: int | None = None
) -> DomainResult:
    """Run a domain's main job as `scripts/demo` does: its own process, a real Postgres.

    Args:
        home: Folder of the instance; kept from call to call, it behaves as a re-run.
        domain: Name of an installed domain.
        source: A given source; None makes a sample.
        mapping: How to read the source.
        rows: Size of the sample.
    """
    (result,) = run_demo(Request(home, domain, source, mapping, rows), Silence())
    return result


@contextmanager
def embedded_instance(home: Path) -> Generator[dg.DagsterInstance]:
    """A Dagster instance on a Postgres of its own below `home`."""
    layout = Home(home)
    with postgres_server(layout.postgres) as url:
        layout.write_dagster_files(url, {})
        with dg.DagsterInstance.from_config(str(layout.dagster)) as instance:
            yield instance


def materialize_job(
    domain: Domain, job: str, home: Path, instance: dg.DagsterInstance, tags: Mapping[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """Run a job of a domain inside this process; a failure is in the result, not raised.

    Args:
        domain: The domain.
        job: One of its jobs.
        home: Folder of its data.
        instance: Where the run is recorded.
        tags: Tags of the run.
    """
    definitions = assemble(domain, Settings(home=home))
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False, tags=dict(tags or {})
    )
