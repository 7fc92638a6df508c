"""What `docker inspect` says of every container, runs' among them."""

import signal
import subprocess
from collections.abc import Generator
from typing import Any

import pytest
from tests.integration.platform.conftest import DOMAINS, ROOT, Platform, docker, processes, send_signal

# The one that reaches the Docker socket: user 0, and nothing that user 0 is otherwise able to.
ROOT_SERVICE = "docker-gate"


# What of the host a service sees; the node exporter measures it.
OF_THE_HOST = {
    "docker-gate": {"/var/run/docker.sock"},
    "node-exporter": {"/", "/proc", "/sys"},
    "gateway": {f"{ROOT}/docs/runbooks"},
    "prometheus": {f"{ROOT}/infra/prometheus"},
    "alertmanager": {f"{ROOT}/infra/alertmanager", "/dev/null"},
}
# Whose secrets others than their own service read.
ONE_SHOTS = {"secrets", "setup"}


@pytest.fixture(scope="module")
def containers(sampled: Platform) -> Generator[list[dict[str, Any]]]:
    """All of them, with a run in its midst."""
    run = sampled.launch()
    sampled.wait_for_step(run, "reshaped_objects")
    inspected = sampled.inspected()
    (of_run,) = (one for one in inspected if one["Config"]["Labels"].get("millrace.run_id") == run)
    stopped = processes(of_run["Id"])  # it stays where it is until all is seen
    for pid in stopped:
        send_signal(pid, signal.SIGSTOP)
    yield inspected
    for pid in stopped:
        send_signal(pid, signal.SIGCONT)
    assert sampled.ended(run) == "SUCCESS"


def log(container: str) -> str:
    """Both streams."""
    return subprocess.run(
        ["docker", "logs", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    ).stdout.decode(errors="replace")


def service(container: dict[str, Any]) -> str:
    return container["Config"]["Labels"]["com.docker.compose.service"]


def test_nobody_is_root_but_the_gate_and_nobody_may_become_it(containers: list[dict[str, Any]]) -> None:
    for one in containers:
        uid = one["Config"]["User"].partition(":")[0]
        assert (uid in ("0", "root", "")) == (service(one) == ROOT_SERVICE), service(one)
        assert "no-new-privileges:true" in one["HostConfig"]["SecurityOpt"], service(one)


def test_no_container_has_a_capability_a_device_or_a_name_space_of_the_host(containers: list[dict[str, Any]]) -> None:
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


def test_no_container_sees_more_of_the_host_than_it_needs_and_nobody_writes_there(
    containers: list[dict[str, Any]],
) -> None:
    for one in containers:
        bound = [mount for mount in one["Mounts"] if mount["Type"] == "bind"]
        assert {mount["Source"] for mount in bound} == OF_THE_HOST.get(service(one), set()), service(one)
        assert [mount["Source"] for mount in bound if mount["RW"]] in ([], ["/var/run/docker.sock"]), service(one)


def test_each_container_mounts_its_own_secrets_only(containers: list[dict[str, Any]], platform: Platform) -> None:
    for one in containers:
        mounted = {mount["Name"] for mount in one["Mounts"] if "secrets" in mount.get("Name", "")}
        whose = {name.removeprefix(f"{platform.name}_secrets-") for name in mounted}
        if service(one) in ONE_SHOTS or service(one).endswith("-secrets"):
            continue
        consumer = "dagster" if service(one).startswith("dagster-") else service(one).removesuffix("-run")
        assert whose <= {consumer}, service(one)
        assert not any(mount["RW"] for mount in one["Mounts"] if mount.get("Name") in mounted), service(one)


@pytest.mark.usefixtures("containers")
def test_no_secret_is_in_an_environment_a_command_line_or_a_log(platform: Platform) -> None:
    volumes = docker("volume", "ls", "--quiet", "--filter", f"name={platform.name}_secrets-master").split()
    read = "find /master -type f | while read -r file; do cat $file; echo; done"
    image = platform.container("secrets")["Config"]["Image"]
    text = docker("run", "--rm", "--entrypoint", "sh", "--volume", f"{volumes[0]}:/master:ro", image, "-c", read)
    secrets = {word for word in text.replace("/", " ").split() if len(word) >= 20}
    assert len(secrets) >= 8, "the master volume holds the passwords"

    for one in platform.inspected():
        logs = log(one["Id"])
        shown = ""
        if one["State"]["Running"]:
            shown = docker(
                "exec", one["Id"], "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null; true"
            )
            assert shown.count("PATH=") >= 2, f"{service(one)}: only the process that looks was seen"
            assert "execute_run" in shown or not service(one).endswith("-run")
        for secret in secrets:
            assert secret not in str(one), f"{service(one)}: docker inspect shows a secret"
            assert secret not in shown, f"{service(one)}: a process shows a secret"
            assert secret not in logs, f"{service(one)}: the log shows a secret"


def test_networks_but_three_have_no_way_out(containers: list[dict[str, Any]], platform: Platform) -> None:
    names = docker("network", "ls", "--format", "{{.Name}}", "--filter", f"name={platform.name}_").split()
    open_ones = [
        name for name in names if docker("network", "inspect", "--format", "{{.Internal}}", name).strip() == "false"
    ]

    assert sorted(name.removeprefix(f"{platform.name}_") for name in open_ones) == ["edge", "egress", "notify"]


def test_the_gate_is_reached_by_who_launches_who_stops_and_who_measures_and_by_nobody_else(
    containers: list[dict[str, Any]], platform: Platform
) -> None:
    def on(network: str) -> set[str]:
        name = f"{platform.name}_{network}"
        return {service(one) for one in containers if name in one["NetworkSettings"]["Networks"]}

    assert on("docker-launcher") == {"docker-gate", "dagster-daemon"}
    assert on("docker-webserver") == {"docker-gate", "dagster-webserver"}
    assert on("docker-exporter") == {"docker-gate", "exporter"}
    (gate,) = (one for one in containers if service(one) == "docker-gate")
    assert len(gate["NetworkSettings"]["Networks"]) == 3


# Where a connection succeeds, so that a refusal elsewhere means something.
REACHED = [("postgres", 5432), ("object-store", 9000), ("gateway", 3000)]  # the last one asks for a sign-in
CUT_OFF = [
    ("gate-launcher", 2375),
    ("gate-webserver", 2376),
    ("gate-exporter", 2377),
    ("exporter", 9405),
    ("neo4j", 7687),
    ("postgres-exporter", 9187),
    ("node-exporter", 9100),
    ("prometheus", 9090),
    ("alertmanager", 9093),
    ("dagster-webserver", 3000),
    ("webserver-ui", 3000),
    ("dagster-webserver-readonly", 3000),
    ("museum-control", 4000),
    ("platform-control", 4000),
    ("sbir-control", 4000),
]
_CONNECT = """
import socket, sys
for target in sys.argv[1:]:
    host, port = target.split(":")
    try:
        socket.create_connection((host, int(port)), 3).close()
    except OSError:
        print(target, "cut off")
    else:
        print(target, "reached")
"""


def reach(container: str, targets: list[tuple[str, int]]) -> dict[str, str]:
    asked = [f"{host}:{port}" for host, port in targets]
    lines = docker("exec", container, "python", "-c", _CONNECT, *asked).splitlines()
    return dict(line.split(" ", 1) for line in lines)


@pytest.mark.parametrize("of", ["museum", "museum-run"])
def test_a_domain_reaches_its_stores_and_nothing_else_of_the_platform(
    containers: list[dict[str, Any]], of: str
) -> None:
    (container,) = (one["Id"] for one in containers if service(one) == of and one["State"]["Running"])

    assert set(reach(container, REACHED).values()) == {"reached"}
    reached = [target for target, said in reach(container, CUT_OFF).items() if said == "reached"]

    # Code servers share a network with Dagster and with each other; runs do not.
    assert reached == ([f"{domain}-control:4000" for domain in DOMAINS] if of == "museum" else [])
