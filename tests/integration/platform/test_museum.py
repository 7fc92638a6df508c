"""The museum's job on the real collection: launched through the gateway, run in a container, seen in the bucket."""

import json
import os
from pathlib import Path

import pytest
from tests.integration.platform.conftest import Platform, digests_of

from millrace.embedded.demo import Request, run_demo
from millrace.testing import Silence
from millrace.testing.matrix import is_whole


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, platform: Platform) -> Path:
    """5,000 made-up records; with `MILLRACE_TEST_WHOLE_MATRIX` the real ones that `MILLRACE_REAL_DATA` has."""
    real = os.environ.get("MILLRACE_REAL_DATA")
    if real and is_whole():
        return Path(real) / "tate"
    folder = tmp_path_factory.mktemp("sample")
    made = platform.millrace("sample", "museum", "--rows", "5000", "--out", str(folder))
    assert made.returncode == 0, made.stderr
    return folder


def test_a_source_replaces_the_one_before_also_where_nobody_may_write(platform: Platform, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "kept.csv").write_text("id\n1\n")
    given.chmod(0o555)

    for _ in range(2):
        assert platform.millrace("source", "museum", str(given)).returncode == 0
        assert platform.compose("exec", "-T", "museum", "ls", "-A", "/sources/museum").split() == ["kept.csv"]
    made = platform.millrace("source", "museum", "--rows", "10")

    assert made.returncode == 0, made.stderr
    assert "kept.csv" not in platform.compose("exec", "-T", "museum", "ls", "-A", "/sources/museum")
    assert platform.compose("exec", "-T", "museum", "ls", "-A", "/sources").split() == ["museum"]


def test_the_collection_is_published_byte_for_byte_as_in_the_embedded_run(
    platform: Platform, source: Path, tmp_path: Path
) -> None:
    given = platform.millrace("source", "museum", str(source))
    assert given.returncode == 0, given.stderr

    platform.forget_outputs()
    launched = platform.millrace("launch", "nightly_job")

    assert launched.returncode == 0, launched.stdout + launched.stderr
    run_id = launched.stdout.splitlines()[0].rpartition("/")[2]
    container = platform.run_container(run_id)
    assert container["State"]["ExitCode"] == 0
    assert container["HostConfig"]["Memory"] == 1 << 30, "the job's own limit"
    assert container["Config"]["Labels"]["com.docker.compose.project"] == platform.name

    (embedded,) = run_demo(Request(tmp_path, "museum", source), Silence())
    assert embedded.success, embedded.failures
    here, there = digests_of(tmp_path / "outputs" / "museum"), platform.digests()
    assert len(here) > 4_000
    assert there.keys() == here.keys()
    assert there == here

    (museum,) = {Path(name).parts[0] for name in here}
    code, body = platform.get(f"/files/museum/{museum}/current.json", "viewer")
    assert code == 200
    assert json.loads(body)["publication"]
