"""A code location in one call: `definitions.py` of every domain says what is its own, this adds what all share.

    DOMAIN = Domain(name="museum", package="millrace_museum", root=Path(__file__).parents[2], ...)
    defs = build_location(DOMAIN)

Added from `config.yaml`: owner, freshness policies, jobs with their retry policy and time limit, schedules,
executor, checks of thresholds and trends. Added from the contracts: asset checks. Added from the settings: the IO
manager, where rejects and parts lie and, for a domain whose assets ask for `io_manager_key="tables"`, the IO manager of
its Iceberg tables.

Nothing happens at import. Dagster calls `defs` when it loads the location; only then are the YAML file and
the environment read.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from millrace.config import DomainConfig, JobConfig, load_config
from millrace.errors import ConfigurationError
from millrace.graph.resource import GraphResource
from millrace.lakehouse.warehouse import Warehouse
from millrace.quality.checks import generated_checks
from millrace.quality.contracts import Contract
from millrace.quality.gate import Gates
from millrace.quality.threshold_checks import threshold_checks
from millrace.quality.trends import trend_check
from millrace.resources import PartFiles, RejectFiles, StageParquetIOManager
from millrace.resources.stage_files import COLUMN_SCHEMA
from millrace.runs.failures import retry_policy
from millrace.runs.metadata import table_schema
from millrace.runs.tags import CPUS_TAG, FULL_REFRESH_TAG, MEMORY_TAG, PIDS_TAG, QUEUE_TAG, SHOWN_BY_TAG
from millrace.settings import Settings

TABLES = "tables"
ResourceFactory = Callable[[Settings, Any], Mapping[str, object]]
SampleWriter = Callable[[Path, int, int], Mapping[str, str]]
SourceReader = Callable[[Path, str | None], Mapping[str, str]]


@dataclass(frozen=True)
class Domain:
    """What a domain says of itself.

    Attributes:
        name: Name of the code location and of the folder in `code_locations/`.
        package: Its Python package.
        root: Folder that holds its `pyproject.toml` and `config.yaml`.
        config_model: Model of `config.yaml`.
        contracts: What its stages promise, by asset.
        resources: Makes its own resources from settings and configuration.
        sample: Writes made-up source data into a folder (arguments: folder, rows, seed) and returns the
            environment that points the domain at it; None if the domain reads no source.
        source: Takes a given source (arguments: path, mapping or None) and returns that same environment;
            None if the domain takes none.
        graph: Where its graph is declared, "millrace_sbir.graph:MODEL"; None if it has none. It is imported when the
            graph is opened.
        sample_rows: Rows that the demo asks `sample` for where nobody says otherwise.
    """

    name: str
    package: str
    root: Path
    config_model: type[DomainConfig] = DomainConfig
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    resources: ResourceFactory | None = None
    sample: SampleWriter | None = None
    source: SourceReader | None = None
    graph: str | None = None
    sample_rows: int = 5_000

    def config(self) -> Any:
        """Read `config.yaml`; an instance of `config_model`."""
        return load_config(self.root / "config.yaml", self.config_model)


def build_location(domain: Domain) -> Callable[[], dg.Definitions]:
    """Make the code location of a domain, loaded when Dagster asks for it.

    Raises (when loaded):
        ConfigurationError: `config.yaml` or the environment is wrong, or they name assets that do not exist.
    """

    @dg.definitions
    def load() -> dg.Definitions:
        return assemble(domain, Settings.from_environment(os.environ))

    return load


def assemble(domain: Domain, settings: Settings) -> dg.Definitions:
    """Make the definitions of a domain for given settings; `build_location` calls it, tests may too.

    Raises:
        ConfigurationError: `config.yaml` is wrong or names unknown assets, or `defs/` holds what is not carried.
    """
    config: DomainConfig = domain.config()
    own = dg.load_from_defs_folder(path_within_project=domain.root)
    completed = dg.map_asset_specs(lambda spec: _complete(spec, config, domain.contracts), _assets_of(own))
    assets = {key.to_user_string() for definition in completed for key in _keys_of(definition)}
    problems = [*_not_carried(own), *_unknown_assets(domain, config, assets)]
    if problems:
        raise ConfigurationError(f"domain {domain.name}", problems, next_step=f"see {domain.root / 'config.yaml'}")
    checks = [
        *(own.asset_checks or ()),
        *(generated_checks(name, one, config.max_rejected_share[name]) for name, one in domain.contracts.items()),
        *(threshold_checks(name, one) for name, one in config.data_quality.thresholds.items()),
        *(trend_check(name, one) for name, one in config.trends.items()),
    ]
    resources: dict[str, object] = {
        "gates": Gates(blocking=_blocking([*completed, *checks])),
        "io_manager": StageParquetIOManager.at(settings.stages(domain.name)),
        "rejects": RejectFiles(place=settings.rejects(domain.name)),
        "parts": PartFiles(place=settings.parts(domain.name)),
        **_tables(own, settings.tables(domain.name)),
    }
    if domain.graph is not None:
        resources["graph"] = GraphResource(
            model=domain.graph,
            place=settings.graph_of(domain.name),
            workers=config.graph.workers,
            batch_rows=dict(config.graph.batch_rows),
        )
    if domain.resources is not None:
        resources |= domain.resources(settings, config)
    jobs = {name: _job(domain.name, name, job, config) for name, job in config.jobs.items()}
    return dg.Definitions(
        assets=completed,
        asset_checks=checks,
        jobs=[*(own.jobs or ()), *jobs.values()],
        sensors=own.sensors,
        schedules=[
            *(own.schedules or ()),
            *(
                dg.ScheduleDefinition(
                    name=f"{name.removesuffix('_job')}_schedule",
                    job=jobs[name],
                    cron_schedule=job.schedule.cron,
                    execution_timezone=job.schedule.timezone,
                    description=job.description,
                )
                for name, job in config.jobs.items()
                if job.schedule is not None
            ),
        ],
        resources={**(own.resources or {}), **resources},
        executor=_executor(config),
        loggers=own.loggers,
        metadata=own.metadata,
    )


def _blocking(definitions: Iterable[dg.AssetsDefinition | dg.AssetSpec]) -> dict[str, list[str]]:
    """Names of the checks that block, by asset; those that an asset's own function yields are among them."""
    found: dict[str, list[str]] = {}
    able = [one for one in definitions if isinstance(one, dg.AssetsDefinition)]
    for spec in (spec for one in able for spec in one.check_specs if spec.blocking):
        found.setdefault(spec.asset_key.to_user_string(), []).append(spec.name)
    return found


def _assets_of(own: dg.Definitions) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    return [one for one in own.assets or () if isinstance(one, dg.AssetsDefinition | dg.AssetSpec)]


def _keys_of(definition: dg.AssetsDefinition | dg.AssetSpec) -> list[dg.AssetKey]:
    return [definition.key] if isinstance(definition, dg.AssetSpec) else list(definition.keys)


def _tables(own: dg.Definitions, warehouse: Warehouse) -> dict[str, object]:
    """The IO manager of Iceberg tables, if an asset asks for it: without it a domain needs no extra `lakehouse`."""
    asked = {
        one.get_io_manager_key_for_asset_key(key)
        for one in own.assets or ()
        if isinstance(one, dg.AssetsDefinition) and one.is_executable
        for key in one.keys
    }
    if TABLES not in asked:
        return {}
    from millrace.lakehouse.io_manager import IcebergIOManager

    return {TABLES: IcebergIOManager(warehouse=warehouse)}


def _complete(spec: dg.AssetSpec, config: DomainConfig, contracts: Mapping[str, Contract]) -> dg.AssetSpec:
    """Give an asset its owner, its freshness policy and the columns of its contract, if it has them."""
    name = spec.key.to_user_string()
    completed = spec.replace_attributes(owners=[*spec.owners] or [config.owner])
    if name in config.freshness:
        warn, fail = config.freshness[name].windows
        policy = dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=warn)
        completed = completed.replace_attributes(freshness_policy=policy)
    if name in contracts:
        columns = contracts[name].schema.columns()
        promised = table_schema(
            {column: definition.dtype for column, definition in columns.items()},
            {column: definition.description for column, definition in columns.items()},
        )
        completed = completed.merge_attributes(metadata={COLUMN_SCHEMA: promised})
    return completed


def _job(domain: str, name: str, job: JobConfig, config: DomainConfig) -> Any:
    return dg.define_asset_job(
        name,
        selection=job.selection,
        description=job.description,
        op_retry_policy=retry_policy(config.retry),
        tags={
            "dagster/max_runtime": str(job.timeout_seconds),
            QUEUE_TAG: f"{domain}.{config.main_job if job.full_refresh else name}",
            **_limits(job),
            **({FULL_REFRESH_TAG: "true"} if job.full_refresh else {}),
            **({SHOWN_BY_TAG: job.shown_by} if job.shown_by else {}),
        },
    )


def _limits(job: JobConfig) -> dict[str, str]:
    asked = {MEMORY_TAG: job.limits.memory, CPUS_TAG: job.limits.cpus, PIDS_TAG: job.limits.pids}
    return {tag: str(value) for tag, value in asked.items() if value is not None}


def _executor(config: DomainConfig) -> dg.ExecutorDefinition:
    """One process for step_parallelism 1, else one process per step, never more at once than there are CPUs."""
    cpus = os.cpu_count() or 1
    if config.step_parallelism == 1:
        return dg.in_process_executor
    return dg.multiprocess_executor.configured({"max_concurrent": min(config.step_parallelism, cpus)})


def _not_carried(own: dg.Definitions) -> list[str]:
    """What `defs/` holds and `assemble` would drop without a word."""
    kinds = {type(one).__name__ for one in own.assets or () if not isinstance(one, dg.AssetsDefinition | dg.AssetSpec)}
    problems = [f"defs/ has a {kind}, expected AssetsDefinition or AssetSpec" for kind in sorted(kinds)]
    if own.executor is not None:
        problems.append("defs/ sets an executor; step_parallelism says how steps run")
    taken = sorted({"gates", "graph", "io_manager", "parts", "rejects", TABLES} & set(own.resources or {}))
    return problems + [f"defs/ sets the resource {name!r}, which every domain is given" for name in taken]


def _unknown_assets(domain: Domain, config: DomainConfig, assets: set[str]) -> list[str]:
    problems = [
        f"{part} names asset {asset!r}, which does not exist"
        for part, named in (
            ("freshness", config.freshness),
            ("max_rejected_share", config.max_rejected_share),
            ("data_quality.thresholds", config.data_quality.thresholds),
            ("trends", config.trends),
            ("contracts", domain.contracts),
            *((f"jobs.{name}.shown_by", [job.shown_by]) for name, job in config.jobs.items() if job.shown_by),
        )
        for asset in named
        if asset not in assets
    ]
    return problems + [
        f"max_rejected_share has no value for {asset}, which has a contract"
        for asset in domain.contracts
        if asset not in config.max_rejected_share
    ]
