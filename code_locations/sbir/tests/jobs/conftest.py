"""Fixtures of the tests of whole jobs: a site that runs them on sources of its own, and a server for its sources."""

import importlib.util
import json
import sys
from collections.abc import Callable, Collection, Generator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from millrace.config import DomainConfig, RetryConfig
from millrace.location import Domain, assemble
from millrace.quality import Reject, read_rejects
from millrace.quality.gate import Gates
from millrace.runs.failures import failure_reason
from millrace.settings import Settings
from millrace.testing import embedded_instance
from millrace.testing.fixtures import neo4j_server
from millrace.testing.graphs import graph_contents
from millrace.thresholds import DataQuality
from millrace_sbir.definitions import DOMAIN
from millrace_sbir.defs.publish import TABLES
from millrace_sbir.graph import MODEL
from millrace_sbir.resources import sbir_resources
from millrace_sbir.rules import SbirConfig, SourcesConfig
from millrace_sbir.sample import given_sources, write_sample

__all__ = ["neo4j_server"]
_VARIABLES = ("SBIR_AWARDS", "SBIR_COMPANIES", "SBIR_SAM", "SBIR_PATENTS", "SBIR_SAM_API", "SBIR_PATENTS_API")
RAW = ("raw_sbir_awards", "raw_sbir_companies", "raw_sam_entities", "raw_uspto_patents")
LOADED = ("loaded_companies", "loaded_sbir_awards", "loaded_contracts", "loaded_patents", "loaded_relationships")
# Waits of seconds in production.
_IMPATIENT = SourcesConfig(
    attempts=2, first_wait_seconds=0.01, longest_wait_seconds=0.05, sam_requests_per_second=1_000_000.0
)


@dataclass(frozen=True)
class Quick(Domain):
    """The domain as it is, but for its waits."""

    def config(self) -> Any:
        return (
            super()
            .config()
            .model_copy(update={"retry": RetryConfig(max_retries=2, delay_seconds=0.01), "sources": _IMPATIENT})
        )


class OpenGates(Gates):
    """Gates of a domain without checks."""

    def require_open(self, instance: dg.DagsterInstance, subject: str, *assets: str) -> None:
        pass


@dataclass(frozen=True)
class Unchecked(Quick):
    """The domain without its checks, which judge data and make none: for tests of what is made, by many runs."""

    def config(self) -> DomainConfig:
        none = {"data_quality": DataQuality(), "trends": {}, "max_rejected_share": {}}
        return super().config().model_copy(update=none)


def _resources(settings: Settings, config: SbirConfig) -> Mapping[str, object]:
    return {**sbir_resources(settings, config), "gates": OpenGates(blocking={})}


def _variant(kind: type[Domain], **changes: Any) -> Domain:
    values: dict[str, Any] = {field.name: getattr(DOMAIN, field.name) for field in fields(DOMAIN)}
    return kind(**(values | changes))


QUICK = _variant(Quick)
UNCHECKED = _variant(Unchecked, contracts={}, resources=_resources)


class Ended:
    """A run that is over, read off its events."""

    def __init__(self, result: dg.ExecuteInProcessResult) -> None:
        self.success = result.success
        self.run_id = result.run_id
        self._events = list(result.all_events)

    @property
    def failures(self) -> dict[str, str]:
        """What people read about each failed step."""
        return {
            event.step_key or "": failure_reason(event.step_failure_data)
            for event in self._events
            if event.event_type_value == "STEP_FAILURE"
        }

    @property
    def retries(self) -> int:
        """Attempts after the first, of all steps."""
        return sum(event.event_type_value == "STEP_RESTARTED" for event in self._events)

    @property
    def checks(self) -> dict[str, dg.AssetCheckEvaluation]:
        """Evaluations by the check's name."""
        return {
            event.asset_check_evaluation_data.check_name: event.asset_check_evaluation_data
            for event in self._events
            if event.event_type_value == "ASSET_CHECK_EVALUATION"
        }

    @property
    def metadata(self) -> dict[str, dict[str, Any]]:
        """Metadata of each asset's materialisation."""
        return {
            event.asset_key.to_user_string(): {
                name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in self._events
            if event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key is not None
        }

    def changes(self) -> dict[str, int]:
        """What the loads did to the graph, together."""
        return {name: sum(self.metadata[asset][name] for asset in LOADED) for name in ("added", "changed", "removed")}


class Site:
    """A home with sources, whose jobs run in this process.

    Args:
        home: Folder of its data.
        instance: Where its runs are recorded.
        domain: The domain, or the one without checks.

    Attributes:
        environment: Where its sources lie, by variable.
        secrets: Folder of its secret files.
    """

    def __init__(self, home: Path, instance: dg.DagsterInstance, domain: Domain = QUICK) -> None:
        self.home, self.instance, self.domain = home, instance, domain
        self.environment: dict[str, str] = {}
        self.secrets = home / "secrets"
        self.secrets.mkdir(parents=True, exist_ok=True)

    def run(
        self, *assets: str, job: str = "incremental_job", tags: Mapping[str, str] | None = None, graph: str = ""
    ) -> Ended:
        """Run a job, or those of its assets that are named, with their checks."""
        with pytest.MonkeyPatch.context() as patch:
            for name in _VARIABLES:
                patch.setenv(name, self.environment.get(name, ""))
            settings = Settings(home=self.home, graph=graph, secrets=self.secrets)
            definition = assemble(self.domain, settings).resolve_job_def(job)
            selected = [dg.AssetKey(name) for name in assets] or None
            return Ended(
                definition.execute_in_process(
                    instance=self.instance, raise_on_error=False, asset_selection=selected, tags=dict(tags or {})
                )
            )

    def table(self, name: str) -> pl.DataFrame:
        """A table as readers see it."""
        return Settings(home=self.home).tables("sbir").table(name).scan().collect()

    def tables(self) -> dict[str, list[str]]:
        """Every table as readers see it: each row with all of its columns, in an order that its content gives."""
        return {name: rows(self.table(name)) for name in TABLES}

    def raw(self, name: str) -> pl.DataFrame:
        """A raw stage."""
        return pl.read_parquet(self.home / "stages" / "sbir" / f"{name}.parquet")

    def rejects(self, asset: str) -> list[Reject]:
        """What an asset turned away last."""
        return list(read_rejects(Settings(home=self.home).rejects("sbir").store(), f"{asset}.ndjson"))

    def graph(self) -> dict[str, list[Any]]:
        """Every node and relationship with its properties, as readers see them."""
        with Settings(home=self.home).graph_of("sbir").open(MODEL) as graph:
            return graph_contents(graph)


def rows(frame: pl.DataFrame) -> list[str]:
    """The rows of a frame as texts, sorted; columns by name."""
    return sorted(map(repr, frame.select(sorted(frame.columns)).iter_rows(named=True)))


def differences(one: Mapping[str, Collection[Any]], other: Mapping[str, Collection[Any]]) -> list[str]:
    """Where two states of tables or graphs differ: a line for each part, with the first row that only one has."""
    found = []
    for name in sorted({*one, *other}):
        left, right = (sorted(map(repr, state.get(name, ()))) for state in (one, other))
        if left != right:
            lacking, surplus = sorted(set(right) - set(left)), sorted(set(left) - set(right))
            shown = " | ".join(text for text in (*surplus[:1], *lacking[:1]))
            found.append(f"{name}: {len(surplus)} surplus, {len(lacking)} lacking of {len(right)}: {shown}")
    return found


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Generator[dg.DagsterInstance]:
    """A Dagster instance on a Postgres of its own; one for all homes, since it knows assets and not where they lie."""
    with embedded_instance(tmp_path_factory.mktemp("instance")) as instance:
        yield instance


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources of 300 awards with all that is wrong with them; `truth.json` says what."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, 300, seed=1)
    return folder


@pytest.fixture(scope="session")
def truth(sample: Path) -> dict[str, Any]:
    """What is true of the sample."""
    return json.loads((sample / "truth.json").read_bytes())


@pytest.fixture(scope="session")
def settled(instance: dg.DagsterInstance, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> "Settled":
    """A site that ran twice on the sample; tests that run something there leave its tables and graph as they are."""
    site = Site(tmp_path_factory.mktemp("settled"), instance)
    site.environment = given_sources(sample)
    first = site.run()
    assert first.success, first.failures
    tables, graph = site.tables(), site.graph()
    raw, rejects = {name: site.raw(name) for name in RAW}, {name: site.rejects(name) for name in (*RAW, *TABLES)}
    second = site.run()
    assert second.success, second.failures
    return Settled(site, first, second, tables, graph, raw, rejects)


@dataclass(frozen=True)
class Settled:
    """A site after two runs on the same sources.

    Attributes:
        site: The site.
        first, second: Its runs.
        tables, graph: What readers saw after the first.
        raw, rejects: The raw stages then, and what was turned away, by asset.
    """

    site: Site
    first: Ended
    second: Ended
    tables: dict[str, list[str]]
    graph: dict[str, list[Any]]
    raw: dict[str, pl.DataFrame]
    rejects: dict[str, list[Reject]]

    def changed(self) -> list[str]:
        """Where tables and graph differ from what they were."""
        return [*differences(self.site.tables(), self.tables), *differences(self.site.graph(), self.graph)]


@pytest.fixture
def site(instance: dg.DagsterInstance, tmp_path: Path) -> Site:
    """A site without data or sources."""
    return Site(tmp_path / "home", instance)


@pytest.fixture
def server() -> Generator[Any]:
    """A server that can fail; see `tests/sources/double.py`."""
    path = Path(__file__).parents[1] / "sources" / "double.py"
    spec = importlib.util.spec_from_file_location("sbir_job_double", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with module.serving() as double:
        yield double


@pytest.fixture
def compared() -> Callable[[Mapping[str, Collection[Any]], Mapping[str, Collection[Any]]], list[str]]:
    """`differences`."""
    return differences


@pytest.fixture(scope="session")
def unchecked_site() -> Callable[[Path, dg.DagsterInstance], Site]:
    """Makes sites of the domain without its checks."""
    return lambda home, instance: Site(home, instance, UNCHECKED)
