"""The whole job on a real object store: every file is there with the bytes that it has in a folder."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from millrace.location import assemble
from millrace.settings import Settings
from millrace.testing import embedded_instance
from millrace.testing.fixtures import object_store  # noqa: F401  # a fixture
from millrace_museum.definitions import DOMAIN
from millrace_museum.sample import write_sample

ROWS = 2_000


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with embedded_instance(tmp_path / "instance") as running:
        yield running


def materialize(settings: Settings, instance: dg.DagsterInstance) -> None:
    job = assemble(DOMAIN, settings).resolve_job_def("nightly_job")
    assert job.execute_in_process(instance=instance, raise_on_error=False).success


def in_folder(home: Path) -> dict[str, bytes]:
    rooms = [home / room for room in ("stages", "rejects", "outputs")]
    paths = [path for room in rooms for path in room.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in paths}


def in_bucket(client: Any, bucket: str) -> dict[str, tuple[datetime, bytes]]:
    found = client.list_objects(bucket, recursive=True)
    return {
        one.object_name: (one.last_modified, client.get_object(bucket, one.object_name).data)
        for one in found
        if not one.object_name.endswith("/.shown.json")
    }


def test_a_bucket_holds_what_a_folder_holds_and_a_second_run_publishes_nothing_new(
    request: pytest.FixtureRequest, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = request.getfixturevalue("object_store")
    for variable, value in write_sample(tmp_path / "source", ROWS, 7).items():
        monkeypatch.setenv(variable, value)
    folder = Settings(home=tmp_path / "home")
    bucket = Settings(home=tmp_path / "unused", object_store=server.endpoint, bucket="museum", secrets=server.secrets)
    client = server.place().store().client
    client.make_bucket("museum")

    materialize(folder, instance)
    materialize(bucket, instance)

    first = in_bucket(client, "museum")
    assert {name: content for name, (_, content) in first.items()} == in_folder(tmp_path / "home")
    assert sum(name.startswith("outputs/museum/") for name in first) > 0.9 * ROWS  # the sample has records to reject
    assert not (tmp_path / "unused").exists()
    materialize(bucket, instance)
    second = in_bucket(client, "museum")
    changed = {name for name in first.keys() | second.keys() if first.get(name) != second.get(name)}
    published = {name.split("/")[-1] for name in changed if name.startswith("outputs/")}
    assert published == {"change_report.json"}
