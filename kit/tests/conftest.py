"""Fixtures: one real instance for the whole suite, a bench to run assets on, and a domain of one's own."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml

from millrace.config import RetryConfig
from millrace.location import Domain
from millrace.publication import Publisher, publisher
from millrace.resources import RejectFiles, StageParquetIOManager
from millrace.runs import retry_policy
from millrace.runs.failures import failure_reason
from millrace.stores import BucketStore, FolderStore, Place
from millrace.testing import embedded_instance
from millrace.testing.fixtures import object_store  # noqa: F401  # a fixture

Definition = dg.AssetsDefinition | dg.AssetChecksDefinition


class Ended:
    """A run that is over, read off its events."""

    def __init__(self, result: dg.ExecuteInProcessResult) -> None:
        self.success = result.success
        self.run_id = result.run_id
        self.events = list(result.all_events)

    @property
    def retries(self) -> int:
        """Attempts after the first, of all steps."""
        return sum(event.event_type_value == "STEP_RESTARTED" for event in self.events)

    @property
    def failures(self) -> dict[str, str]:
        """What people read about each failed step."""
        return {
            event.step_key: failure_reason(event.step_failure_data)
            for event in self.events
            if event.event_type_value == "STEP_FAILURE" and event.step_key is not None
        }

    @property
    def checks(self) -> dict[str, dg.AssetCheckEvaluation]:
        """Evaluations by the check's name."""
        return {
            event.asset_check_evaluation_data.check_name: event.asset_check_evaluation_data
            for event in self.events
            if event.event_type_value == "ASSET_CHECK_EVALUATION"
        }

    def metadata(self, asset: str) -> dict[str, Any]:
        """Metadata of an asset's materialisation; a failed step has none."""
        for event in self.events:
            if event.event_type_value == "ASSET_MATERIALIZATION" and event.asset_key == dg.AssetKey(asset):
                materialization = event.step_materialization_data.materialization
                return {name: value.value for name, value in materialization.metadata.items()}
        raise AssertionError(f"{asset} was not materialised")


class Spot:
    """A place of either kind, and what a test sees and does there behind the kit's back."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.address = place.address
        self.store = place.store()

    def publisher(self, keep: int = 3) -> Publisher:
        """A publisher here."""
        return publisher(self.place.store(), keep)

    def contents(self) -> dict[str, bytes]:
        """Every file and what is in it; what only one kind of place has is left out."""
        return {name: self.store.read(name) for name in self.stamps() if not name.startswith("publications/.")}

    def stamps(self) -> dict[str, object]:
        """Every file with what differs after each write, also of the same bytes."""
        if isinstance(self.store, FolderStore):
            paths = [path for path in self.store.root.rglob("*") if path.is_file() and path.name != ".lock"]
            return {path.relative_to(self.store.root).as_posix(): path.stat().st_mtime_ns for path in paths}
        assert isinstance(self.store, BucketStore)
        start = f"{self.store.prefix}/"
        found = self.store.client.list_objects(self.store.bucket, start, recursive=True)
        return {one.object_name.removeprefix(start): one.last_modified for one in found}

    def standing(self) -> list[str]:
        """Names of the publications that are there, whole or not."""
        return sorted({name.split("/")[1] for name in self.contents() if name.startswith("publications/")})

    def remove(self, name: str) -> None:
        """Remove a file."""
        if isinstance(self.store, FolderStore):
            (self.store.root / name).unlink()
        else:
            assert isinstance(self.store, BucketStore)
            self.store.remove(name)


class Bench:
    """Runs assets as a domain would: with the kit's resources and its retry policy, on a real instance."""

    def __init__(self, instance: dg.DagsterInstance, place: Place) -> None:
        self.instance = instance
        self.stages = Spot(place.below("stages"))
        self.rejects_spot = Spot(place.below("rejects"))
        self.rejects = RejectFiles(place=self.rejects_spot.place)

    def run(
        self,
        *definitions: Definition,
        select: str = "*",
        select_checks: Sequence[str] | None = None,
        max_retries: int = 0,
        tags: Mapping[str, str] | None = None,
        resources: Mapping[str, Any] | None = None,
        partition_key: str | None = None,
    ) -> Ended:
        """Run assets and their checks in one job in this process; or these checks alone."""
        checks = None
        if select_checks is not None:
            keys = [key for one in definitions for key in one.check_keys if key.name in select_checks]
            checks = dg.AssetSelection.checks(*keys)
        io_manager = StageParquetIOManager.at(self.stages.place)
        definition = dg.Definitions(
            assets=[one for one in definitions if not isinstance(one, dg.AssetChecksDefinition)],
            asset_checks=[one for one in definitions if isinstance(one, dg.AssetChecksDefinition)],
            resources={"io_manager": io_manager, "rejects": self.rejects, **(resources or {})},
            jobs=[
                dg.define_asset_job(
                    "whole_job",
                    selection=select if checks is None else checks,
                    op_retry_policy=retry_policy(RetryConfig(max_retries=max_retries, delay_seconds=0.01)),
                )
            ],
        )
        job = definition.resolve_job_def("whole_job")
        return Ended(
            job.execute_in_process(
                instance=self.instance, raise_on_error=False, tags=dict(tags or {}), partition_key=partition_key
            )
        )


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Generator[dg.DagsterInstance]:
    """A Dagster instance on a Postgres of its own."""
    with embedded_instance(tmp_path_factory.mktemp("home")) as instance:
        yield instance


@pytest.fixture
def bench(instance: dg.DagsterInstance, tmp_path: Path) -> Bench:
    """A bench with empty folders."""
    return Bench(instance, Place(address=str(tmp_path)))


@pytest.fixture
def folder_spot(tmp_path: Path) -> Spot:
    """An empty folder."""
    return Spot(Place(address=str(tmp_path / "spot")))


@pytest.fixture
def bucket_spot(request: pytest.FixtureRequest) -> Spot:
    """An empty place in a bucket of a real object store."""
    return Spot(request.getfixturevalue("object_store").place())


@pytest.fixture(params=["folder", "bucket"])
def spot(request: pytest.FixtureRequest) -> Spot:
    """An empty place, of each kind."""
    return request.getfixturevalue(f"{request.param}_spot")


@pytest.fixture
def bench_at(instance: dg.DagsterInstance, spot: Spot) -> Bench:
    """A bench with an empty place, of each kind."""
    return Bench(instance, spot.place)


class Workshop:
    """Makes domains on disk: a dg project, its `config.yaml`, and the metadata of an installed distribution."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self,
        defs: str,
        *,
        config: Mapping[str, Any] | None = None,
        name: str = "mill",
        head: str = "",
        definition: str = "",
        **fields: Any,
    ) -> Domain:
        """Write a domain.

        Args:
            defs: Source of its one module below `defs/`.
            config: What its `config.yaml` says beside or instead of the least that it must.
            name: Name of the domain.
            head: Source that `definitions.py` begins with.
            definition: Source of further fields of the `Domain` in `definitions.py`.
            fields: Further fields of the `Domain` that is returned; the one in `definitions.py` lacks them.
        """
        package = f"millrace_{name}_{uuid4().hex[:8]}"
        root = self.folder / package
        source = self.folder / "installed"
        modules = {
            "__init__.py": "",
            "defs/__init__.py": "",
            "defs/stages.py": defs,
            "definitions.py": (
                f"{head}\nfrom pathlib import Path\nfrom millrace.location import Domain, build_location\n"
                f"DOMAIN = Domain(name={name!r}, package={package!r}, root=Path({str(root)!r}), {definition})\n"
                "defs = build_location(DOMAIN)\n"
            ),
        }
        for module, text in modules.items():
            path = source / package / module
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        root.mkdir()
        (root / "pyproject.toml").write_text(
            f'[project]\nname = "{package}"\nversion = "0"\n'
            f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "{package}"\n'
        )
        least = {
            "owner": "team:mill",
            "main_job": "whole_job",
            "jobs": {"whole_job": {"selection": "*", "description": "Everything"}},
            "retry": {"max_retries": 2, "delay_seconds": 0.01},
            "step_parallelism": 1,
        }
        (root / "config.yaml").write_text(yaml.safe_dump({**least, **(config or {})}))
        information = source / f"{package}-0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0\n")
        (information / "entry_points.txt").write_text(f"[millrace.domains]\n{name} = {package}.definitions:DOMAIN\n")
        importlib.invalidate_caches()
        return Domain(name=name, package=package, root=root, **fields)


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    """A workshop whose domains are installed for this process and for those that it starts."""
    installed = tmp_path / "workshop" / "installed"
    installed.mkdir(parents=True)
    monkeypatch.syspath_prepend(str(installed))
    monkeypatch.setenv("PYTHONPATH", str(installed))
    return Workshop(tmp_path / "workshop")


@pytest.fixture
def script() -> Callable[[str], Any]:
    """Load a module of `scripts/` by its name."""

    def load(name: str) -> Any:
        path = Path(__file__).parents[2] / "scripts" / f"{name}.py"
        specification = importlib.util.spec_from_file_location(f"millrace_script_{name}", path)
        assert specification is not None
        assert specification.loader is not None
        module = importlib.util.module_from_spec(specification)
        sys.modules[specification.name] = module
        specification.loader.exec_module(module)
        return module

    return load
