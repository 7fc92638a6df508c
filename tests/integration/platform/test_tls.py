"""TLS by one setting: the door is up and healthy, and speaks nothing else."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path

import pytest
from tests.integration.platform.conftest import ROOT, docker, eventually, throw_away

from millrace.compose.project import Project


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    """Of a gateway alone, with certificates of its own authority; what is behind it is not there."""
    with throw_away({"MILLRACE_TLS": "internal"}):
        docker("compose", "up", "-d", "--wait", "gateway")
        yield Project(ROOT).address()


def test_the_door_speaks_tls_with_a_certificate_of_its_own_authority(address: str, tmp_path: Path) -> None:
    assert address.startswith("https://localhost:")
    root = tmp_path / "root.crt"
    docker("compose", "cp", "gateway:/var/lib/gateway/caddy/pki/authorities/local/root.crt", str(root))
    trusted = ssl.create_default_context(cafile=str(root))

    def healthy() -> int:
        with urllib.request.urlopen(f"{address}/gateway/healthz", timeout=10, context=trusted) as answer:
            return answer.status

    assert eventually(healthy, 20) == 200


def test_it_speaks_nothing_else(address: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address.replace('https', 'http')}/gateway/healthz", timeout=10)

    assert refused.value.code == 400
    refused.value.close()


def test_its_probe_is_reached_from_inside_only(address: str) -> None:
    (container,) = json.loads(docker("inspect", docker("compose", "ps", "--quiet", "gateway").strip()))

    assert set(container["NetworkSettings"]["Ports"]) & {"3001/tcp"} == set()
    for network in container["NetworkSettings"]["Networks"].values():
        with pytest.raises(OSError, match="refused"):
            urllib.request.urlopen(f"http://{network['IPAddress']}:3001/gateway/healthz", timeout=5)
