"""What `docker inspect` says of every container, runs' among them."""

from typing import Any

import pytest
from tests.integration.platform.conftest import Platform, docker

# The one that reaches the Docker socket: user 0, and nothing that user 0 is otherwise able to.
ROOT_SERVICE = "docker-gate"


@pytest.fixture(scope="module")
def containers(sampled: Platform) -> list[dict[str, Any]]:
    run = sampled.launch("harvest_job")
    assert sampled.ended(run) == "SUCCESS"
    inspected = sampled.inspected()
    assert any(one["Config"]["Labels"].get("millrace.run_id") == run for one in inspected)
    return inspected


def service(container: dict[str, Any]) -> str:
    return container["Config"]["Labels"]["com.docker.compose.service"]


def test_nobody_is_root_but_the_gate_and_nobody_may_become_it(containers: list[dict[str, Any]]) -> None:
    for one in containers:
        uid = one["Config"]["User"].partition(":")[0]
        assert (uid in ("0", "root", "")) == (service(one) == ROOT_SERVICE), service(one)
        assert "no-new-privileges:true" in one["HostConfig"]["SecurityOpt"], service(one)


def test_no_container_has_a_capability_a_device_or_a_part_of_the_host(containers: list[dict[str, Any]]) -> None:
    for one in containers:
        host = one["HostConfig"]
        assert [cap.upper() for cap in host["CapDrop"]] == ["ALL"], service(one)
        assert not host["CapAdd"], service(one)
        assert not host["Privileged"], service(one)
        assert not host["Devices"], service(one)
        assert host["PidMode"] == "", service(one)
        assert host["IpcMode"] in ("private", ""), service(one)
        assert host["NetworkMode"] != "host", service(one)


def test_every_root_file_system_is_read_only(containers: list[dict[str, Any]]) -> None:
    assert [service(one) for one in containers if not one["HostConfig"]["ReadonlyRootfs"]] == []


def test_every_container_has_limits_on_memory_cpu_and_processes(containers: list[dict[str, Any]]) -> None:
    for one in containers:
        host = one["HostConfig"]
        assert 0 < host["Memory"] <= 2 << 30, service(one)
        assert 0 < host["NanoCpus"] <= 2_000_000_000, service(one)
        assert 0 < host["PidsLimit"] <= 512, service(one)


def test_only_the_gateway_publishes_a_port_and_only_here(containers: list[dict[str, Any]], platform: Platform) -> None:
    published = {
        service(one): [(binding["HostIp"], binding["HostPort"]) for binding in bindings]
        for one in containers
        for bindings in (one["HostConfig"]["PortBindings"] or {}).values()
    }

    assert published == {"gateway": [("127.0.0.1", str(platform.port))]}


def test_only_the_gate_has_the_docker_socket(containers: list[dict[str, Any]]) -> None:
    holders = [service(one) for one in containers if any("docker.sock" in m["Source"] for m in one["Mounts"])]

    assert holders == [ROOT_SERVICE]


@pytest.mark.usefixtures("containers")
def test_no_secret_is_in_an_environment_a_command_line_or_a_log(platform: Platform) -> None:
    volumes = docker("volume", "ls", "--quiet", "--filter", f"name={platform.name}_secrets-master").split()
    read = "find /master -type f | while read -r file; do cat $file; echo; done"
    image = platform.container("secrets")["Config"]["Image"]
    text = docker("run", "--rm", "--entrypoint", "sh", "--volume", f"{volumes[0]}:/master:ro", image, "-c", read)
    secrets = {word for word in text.replace("/", " ").split() if len(word) >= 20}
    assert len(secrets) >= 8, "the master volume holds the passwords"

    for one in platform.inspected():
        logs = docker("logs", one["Id"])
        processes = ""
        if one["State"]["Running"]:
            processes = docker(
                "exec", one["Id"], "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"
            )
        for secret in secrets:
            assert secret not in str(one), f"{service(one)}: docker inspect shows a secret"
            assert secret not in processes, f"{service(one)}: a process shows a secret"
            assert secret not in logs, f"{service(one)}: the log shows a secret"


def test_networks_but_two_have_no_way_out(containers: list[dict[str, Any]], platform: Platform) -> None:
    names = docker("network", "ls", "--format", "{{.Name}}", "--filter", f"name={platform.name}_").split()
    open_ones = [
        name for name in names if docker("network", "inspect", "--format", "{{.Internal}}", name).strip() == "false"
    ]

    assert sorted(name.removeprefix(f"{platform.name}_") for name in open_ones) == ["edge", "egress"]


def test_a_domain_reaches_neither_another_nor_the_docker_api(platform: Platform) -> None:
    for host, port in (("gate-launcher", 2375), ("gate-webserver", 2376), ("neo4j", 7687), ("prometheus", 9090)):
        code = f"import socket; socket.create_connection(('{host}', {port}), 3)"
        said = docker(
            "exec", platform.container("museum")["Id"], "sh", "-c", f'python -c "{code}" 2>/dev/null || echo cut off'
        )
        assert said == "cut off\n", f"the museum reaches {host}"
