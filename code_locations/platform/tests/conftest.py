"""Fixtures: a database of its own for each test, on one real Postgres; runs of a small job, made old by SQL."""

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickData, TickStatus
from dagster._utils.error import SerializableErrorInfo

from millrace.embedded.postgres import postgres_server
from millrace.location import assemble
from millrace.settings import Settings
from millrace_platform.definitions import DOMAIN

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
PARTITIONS = dg.StaticPartitionsDefinition(["north", "south"])


@dg.asset
def painting(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    """Materialised, with a tag that Dagster indexes, an observation and a line in the log."""
    context.log.info("hung")
    print("on stdout")  # noqa: T201
    context.log_event(dg.AssetObservation("frame", tags={"dagster/data_version": "gold"}))
    return dg.MaterializeResult(data_version=dg.DataVersion("7"))


@dg.asset(partitions_def=PARTITIONS)
def wing(context: dg.AssetExecutionContext) -> None:
    """One of two partitions; fails where the run is tagged so."""
    if "closed" in context.run.tags:
        raise RuntimeError("closed")


@dg.asset
def flaky() -> None:
    """Fails: planned, never materialised."""
    raise RuntimeError("no light")


@dg.asset_check(asset=painting)
def painting_is_hung_check() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.op
def sweep() -> None: ...


@dg.job
def sweep_job() -> None:
    """Leaves no asset history."""
    sweep()


DEFINITIONS = dg.Definitions(
    assets=[painting, wing, flaky],
    asset_checks=[painting_is_hung_check],
    jobs=[
        sweep_job,
        dg.define_asset_job("painting_job", selection=dg.AssetSelection.assets(painting)),
        dg.define_asset_job("wing_job", selection=dg.AssetSelection.assets(wing)),
        dg.define_asset_job("flaky_job", selection=dg.AssetSelection.assets(flaky)),
    ],
)


class Store:
    """A Dagster instance, and its database behind its back."""

    def __init__(self, instance: dg.DagsterInstance, url: str, folder: Path) -> None:
        self.instance = instance
        self.folder = folder
        self._engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

    def sql(self, statement: str, **values: Any) -> Sequence[tuple[Any, ...]]:
        """Run a statement; the rows it returns."""
        with self._engine.connect() as connection:
            result = connection.execute(sa.text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def run(
        self, job: str, *, days_old: float, partition: str | None = None, tags: Mapping[str, str] | None = None
    ) -> str:
        """Execute a job in this process, and let it have happened days before TODAY."""
        result = DEFINITIONS.resolve_job_def(job).execute_in_process(
            instance=self.instance, partition_key=partition, tags=dict(tags or {}), raise_on_error=False
        )
        self.age(result.run_id, days_old)
        return result.run_id

    def age(self, run_id: str, days_old: float) -> None:
        """Move a run and its events in time."""
        moment = TODAY - timedelta(days=days_old)
        values: dict[str, Any] = {"run": run_id, "moment": moment.replace(tzinfo=None), "seconds": moment.timestamp()}
        self.sql(
            "UPDATE runs SET create_timestamp = :moment, update_timestamp = :moment, start_time = :seconds,"
            " end_time = :seconds WHERE run_id = :run",
            **values,
        )
        self.sql("UPDATE event_logs SET timestamp = :moment WHERE run_id = :run", **values)

    def tick(self, name: str, *, days_old: float, status: TickStatus = TickStatus.SUCCESS) -> int:
        """A schedule's tick, with a line that its evaluation logged; the id that Dagster gave it."""
        moment = (TODAY - timedelta(days=days_old)).timestamp()
        failed = SerializableErrorInfo("no light", [], "RuntimeError") if status is TickStatus.FAILURE else None
        tick = self.instance.create_tick(
            TickData(
                f"origin of {name}",
                name,
                InstigatorType.SCHEDULE,
                status,
                moment,
                run_ids=[],
                error=failed,
                selector_id=name,
            )
        )
        key = ["repository", name, str(tick.tick_id)]
        file = self.folder / "compute_logs" / "repository" / name / f"{tick.tick_id}.err"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("evaluated")
        self.instance.update_tick(tick.with_log_key(key))
        return tick.tick_id

    def ticks(self, name: str) -> list[int]:
        """Ids of a schedule's ticks."""
        return sorted(tick.tick_id for tick in self.instance.get_ticks(f"origin of {name}", name))

    def set_time_zone(self, zone: str) -> None:
        """Let new sessions of the database be in a time zone."""
        name = self._engine.url.database
        self.sql(f"ALTER DATABASE \"{name}\" SET timezone = '{zone}'")

    def set_status(self, run_id: str, status: str) -> None:
        """Let a run be in another state."""
        self.sql("UPDATE runs SET status = :status WHERE run_id = :run", status=status, run=run_id)

    def events(self, run_id: str) -> list[str]:
        """Types of a run's events, sorted; a log line has none."""
        rows = self.sql("SELECT dagster_event_type FROM event_logs WHERE run_id = :run", run=run_id)
        return sorted(row[0] or "log line" for row in rows)

    def counts(self) -> dict[str, int]:
        """Rows by table, and captured files; what the retention itself left behind does not count."""
        others = "run_id NOT IN (SELECT run_id FROM runs WHERE pipeline_name = 'retention_job')"
        conditions = {
            "event_logs": others,
            "runs": others,
            "job_ticks": "true",
            # The retention's materialisations carry a data version, which Dagster indexes.
            "asset_event_tags": "asset_key NOT LIKE '%pruned_%'",
            "asset_check_executions": "true",
        }
        rows = {
            table: self.sql(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0]  # noqa: S608  # names from above
            for table, condition in conditions.items()
        }
        return {**rows, "files": len(self.log_files())}

    def log_files(self) -> list[Path]:
        """Every captured file of runs other than the retention's own."""
        own = {row[0] for row in self.sql("SELECT run_id FROM runs WHERE pipeline_name = 'retention_job'")}
        root = self.folder / "compute_logs"
        return [path for path in root.rglob("*") if path.is_file() and path.relative_to(root).parts[0] not in own]

    def history(self) -> dict[str, Any]:
        """What Dagster answers when it is asked about its assets, through its own queries."""
        instance = self.instance
        storage = instance.event_log_storage
        key = dg.AssetCheckKey(dg.AssetKey("painting"), "painting_is_hung_check")
        materializations = {
            name: [
                (record.storage_id, record.run_id, record.partition_key)
                for record in instance.fetch_materializations(dg.AssetKey(name), limit=100).records
            ]
            for name in ("painting", "wing", "flaky")
        }
        checks = storage.get_asset_check_execution_history(key, limit=100)
        wing_key = dg.AssetKey("wing")
        return {
            "materializations": materializations,
            "observations": [r.storage_id for r in instance.fetch_observations(dg.AssetKey("frame"), limit=9).records],
            "latest": {
                name: getattr(instance.get_latest_materialization_event(dg.AssetKey(name)), "run_id", None)
                for name in materializations
            },
            "tags": sorted(storage.get_event_tags_for_asset(dg.AssetKey("painting")), key=str),
            "partitions": sorted(instance.get_materialized_partitions(wing_key)),
            "failed partitions": storage.get_latest_asset_partition_materialization_attempts_without_materializations(
                wing_key
            ),
            "planned": {
                name: storage.get_latest_planned_materialization_info(dg.AssetKey(name)) for name in materializations
            },
            "checks": [(check.id, check.run_id, check.status) for check in checks],
            "runs resolve": {
                run: instance.get_run_by_id(run) is not None
                for records in materializations.values()
                for _, run, _ in records
            },
        }

    def prune(self, *, dry_run: bool = False, logical_date: str | None = None, **retention: int) -> dict[str, Any]:
        """Run the platform's main job; the metadata of each asset, as plain values.

        Raises:
            AssertionError: the job failed.
        """
        result = self.try_prune(dry_run=dry_run, logical_date=logical_date, **retention)
        assert result.success, [event.message for event in result.all_events if event.is_failure]
        return {
            event.asset_key.to_user_string(): {
                name: value.value for name, value in event.step_materialization_data.materialization.metadata.items()
            }
            for event in result.get_asset_materialization_events()
            if event.asset_key is not None
        }

    def try_prune(
        self, *, dry_run: bool = False, logical_date: str | None = None, **retention: int
    ) -> dg.ExecuteInProcessResult:
        """Run the platform's main job as it is scheduled, days and batch size overruled where they are given."""
        definitions = assemble(DOMAIN, Settings(home=self.folder))
        return definitions.resolve_job_def("retention_job").execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            tags={} if logical_date is None else {"millrace/logical_date": logical_date},
            run_config={"resources": {"retention": {"config": {"dry_run": dry_run, **retention}}}},
        )


def _instance(folder: Path, url: str) -> dg.DagsterInstance:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "storage": {"postgres": {"postgres_url": url}},
        "compute_logs": {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(folder / "compute_logs")},
        },
        "telemetry": {"enabled": False},
    }
    (folder / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    return dg.DagsterInstance.from_config(str(folder))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Generator[Callable[[], str]]:
    """Make databases that Dagster has set up: copies of one, a tenth of a second each."""
    folder = tmp_path_factory.mktemp("postgres")
    with postgres_server(folder / "cluster") as address:
        server = sa.make_url(address)
        engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)

        def make(name: str, template: str = "template1") -> str:
            with engine.connect() as connection:
                connection.execute(sa.text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
            return server.set(database=name).render_as_string(hide_password=False)

        with _instance(folder / "home", make("model")):
            pass
        yield lambda: make(uuid4().hex, "model")


@pytest.fixture
def store(postgres: Callable[[], str], tmp_path: Path) -> Generator[Store]:
    """An empty instance."""
    url = postgres()
    with _instance(tmp_path / "instance", url) as instance:
        yield Store(instance, url, tmp_path / "instance")
