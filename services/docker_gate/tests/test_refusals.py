"""What is refused is refused with 403 and a line in the log, and changes nothing: before a double and a real engine."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Body = dict[str, Any]
Attack = Callable[[Body], Body | bytes]
SOCKET = "/var/run/docker.sock"


def top(**keys: Any) -> Attack:
    return lambda body: {**body, **keys}


def host(**keys: Any) -> Attack:
    return lambda body: {**body, "HostConfig": {**body["HostConfig"], **keys}}


def without(key: str) -> Attack:
    return lambda body: {name: value for name, value in body.items() if name != key}


def labels(**keys: Any) -> Attack:
    def attack(body: Body) -> Body:
        return {**body, "Labels": {**body["Labels"], **{name.replace("__", "."): keys[name] for name in keys}}}

    return attack


def image(change: Callable[[str], Any]) -> Attack:
    """Another image, without the variables that another domain may not set."""
    return lambda body: {**body, "Image": change(body["Image"]), "Env": []}


def env(*variables: Any) -> Attack:
    return lambda body: {**body, "Env": list(variables)}


def beside(text: str) -> Attack:
    """Members written behind those of the body, as they stand."""
    return lambda body: json.dumps(body)[:-1].encode() + b", " + text.encode() + b"}"


def in_host(text: str) -> Attack:
    """Members written behind those of its HostConfig, as they stand."""
    return lambda body: json.dumps(body)[:-2].encode() + b", " + text.encode() + b"}}"


BODIES: dict[str, Attack] = {
    # What a container may reach
    "privileged": host(Privileged=True),
    "the root": host(Binds=["/:/host"]),
    "the root, read-only": host(Binds=["/:/host:ro"]),
    "the socket": host(Binds=[f"{SOCKET}:{SOCKET}"]),
    "a named volume": host(Binds=["millrace_secrets-master:/master"]),
    "a mount of the root": host(Mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}]),
    "a mount of the socket": host(Mounts=[{"Type": "bind", "Source": SOCKET, "Target": SOCKET}]),
    "a mount of a volume": host(Mounts=[{"Type": "volume", "Source": "millrace_secrets-master", "Target": "/x"}]),
    "no mounts": host(Mounts=[]),
    "another's volumes": host(VolumesFrom=["millrace-postgres-1"]),
    "volumes": top(Volumes={"/x": {}}),
    "a volume driver": host(VolumeDriver="local"),
    "a capability": host(CapAdd=["SYS_ADMIN"]),
    "fewer dropped": host(CapDrop=[]),
    "a device": host(Devices=[{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda", "CgroupPermissions": "rwm"}]),
    "a device rule": host(DeviceCgroupRules=["a *:* rwm"]),
    "a device request": host(DeviceRequests=[{"Driver": "nvidia", "Count": -1}]),
    "the host's processes": host(PidMode="host"),
    "another's processes": host(PidMode="container:millrace-postgres-1"),
    "the host's network": host(NetworkMode="host"),
    "another's network": host(NetworkMode="container:millrace-postgres-1"),
    "a network": host(NetworkMode="millrace_control"),
    "the host's memory": host(IpcMode="host"),
    "the host's name": host(UTSMode="host"),
    "the host's users": host(UsernsMode="host"),
    "the host's cgroups": host(CgroupnsMode="host"),
    "a parent cgroup": host(CgroupParent="/"),
    "no seccomp": host(SecurityOpt=["seccomp=unconfined"]),
    "no AppArmor": host(SecurityOpt=["apparmor=unconfined"]),
    "new privileges": host(SecurityOpt=["no-new-privileges:false"]),
    "nothing masked": host(MaskedPaths=[]),
    "nothing read-only": host(ReadonlyPaths=[]),
    "a writable root": host(ReadonlyRootfs=False),
    "kernel settings": host(Sysctls={"kernel.core_pattern": "|/x"}),
    "a group": host(GroupAdd=["0"]),
    "a runtime": host(Runtime="runc"),
    "a runtime beside": top(Runtime="runc"),
    "a file system in memory": host(Tmpfs={"/x": "exec"}),
    "a port": host(PortBindings={"80/tcp": [{"HostPort": "80"}]}),
    "all ports": host(PublishAllPorts=True),
    "a host's name for another": host(ExtraHosts=["postgres:10.0.0.1"]),
    "a name server": host(Dns=["10.0.0.1"]),
    "a link": host(Links=["millrace-postgres-1:postgres"]),
    "a log driver": host(LogConfig={"Type": "syslog", "Config": {"syslog-address": "tcp://10.0.0.1"}}),
    "a restart": host(RestartPolicy={"Name": "always"}),
    "its own removal": host(AutoRemove=True),
    "a file for its identifier": host(ContainerIDFile="/etc/x"),
    "unknown to Docker": host(Whatever=1),
    "root": top(User="0"),
    "an entrypoint": top(Entrypoint=["sh"]),
    "an empty entrypoint": top(Entrypoint=[]),
    "a folder": top(WorkingDir="/"),
    "a health check": top(Healthcheck={"Test": ["CMD-SHELL", "id"]}),
    "networks": top(NetworkingConfig={"EndpointsConfig": {"millrace_control": {}}}),
    "a host name": top(Hostname="postgres"),
    "a domain name": top(Domainname="example.org"),
    "a MAC address": top(MacAddress="02:42:ac:11:00:02"),
    "a signal": top(StopSignal="SIGKILL"),
    "a terminal": top(Tty=True),
    "an input": top(OpenStdin=True, AttachStdin=True),
    "exposed ports": top(ExposedPorts={"80/tcp": {}}),
    "a shell": top(Shell=["sh"]),
    "unknown": top(Whatever=1),
    # Spelling
    "hostconfig": beside('"hostconfig": {"Privileged": true}'),
    "HOSTCONFIG": beside('"HOSTCONFIG": {"Privileged": true}'),
    "HostConfig twice": beside('"HostConfig": {"Privileged": true}'),
    "HostConfig twice, the first bare": lambda body: b'{"HostConfig": {}, ' + json.dumps(body)[1:].encode(),
    "HostConfig with an escape": beside('"Host\\u0043onfig": {"Privileged": true}'),
    "hostconfig alone": lambda body: {**without("HostConfig")(body), "hostconfig": {"Privileged": True}},  # ty: ignore[invalid-argument-type]
    "an escape alone": lambda body: json.dumps(host(Privileged=True)(body)).replace("HostC", "Host\\u0043").encode(),
    "a long s": beside('"Ho\u017ftConfig": {"Privileged": true}'),
    "a Kelvin sign": in_host('"Networ\u212aMode": "host"'),
    "privileged in lower case": in_host('"privileged": true'),
    "privileged with an escape": in_host('"\\u0050rivileged": true'),
    "Binds twice": in_host('"Binds": null, "Binds": ["/:/host"]'),
    "binds beside Binds": in_host('"Binds": null, "binds": ["/:/host"]'),
    "image beside Image": beside('"image": "debian:trixie-slim"'),
    "cmd beside Cmd": beside('"cmd": ["sh"]'),
    "a list of host configurations": top(HostConfig=[{"Privileged": True}]),
    "a text of a host configuration": top(HostConfig='{"Privileged": true}'),
    "harmless keys in lower case": top(user=None),
    # Images
    "another image": image(lambda _: "debian:trixie-slim"),
    "an image of the platform": image(lambda name: name.replace("museum", "dagster")),
    "an image with secrets": image(lambda name: name.replace("museum", "postgres")),
    "another version": image(lambda name: name.replace(":dev", ":latest")),
    "no version": image(lambda name: name.removesuffix(":dev")),
    "a digest": image(lambda name: f"{name}@sha256:{'0' * 64}"),
    "a registry": image(lambda name: f"docker.io/{name}"),
    "upper case": image(lambda name: name.replace("museum", "MUSEUM")),
    "a line's end": image(lambda name: f"{name}\n"),
    "a climb": image(lambda name: name.replace("museum", "../museum")),
    "a list with an image": image(lambda name: [name]),
    "no image": without("Image"),
    # Commands
    "a shell command": top(Cmd=["sh", "-c", "id"]),
    "a shell behind": top(Cmd=["dagster", "api", "execute_run", "end", "sh"]),
    "another command of Dagster": top(Cmd=["dagster", "api", "execute_step", "end"]),
    "an option": top(Cmd=["dagster", "api", "execute_run", "--help"]),
    "a command without its run": top(Cmd=["dagster", "api", "execute_run"]),
    "a command as text": top(Cmd="dagster api execute_run end"),
    "a command in a command": top(Cmd=["dagster", "api", "execute_run", ["end"]]),
    "no command": without("Cmd"),
    # Labels
    "another project": labels(com__docker__compose__project="millrace"),
    "another label": labels(traefik__enable="true"),
    "another run": labels(millrace__run_id="00000000-0000-0000-0000-000000000000"),
    "no run": labels(millrace__run_id="none"),
    "no job": labels(millrace__job=""),
    "a job with a space": labels(millrace__job="a job"),
    "a list of labels": top(Labels=["millrace.run_id"]),
    "no labels": without("Labels"),
    # Variables
    "a variable of another domain": env("SBIR_SOURCE=/x"),
    "a variable of Dagster": env("DAGSTER_HOME=/tmp"),
    "a variable that begins as one that may": env("DAGSTER_RUN_JOB_NAME_X=1"),
    "LD_PRELOAD": env("LD_PRELOAD=/tmp/x.so"),
    "LD_LIBRARY_PATH": env("LD_LIBRARY_PATH=/tmp"),
    "PYTHONPATH": env("PYTHONPATH=/tmp"),
    "PYTHONSTARTUP": env("PYTHONSTARTUP=/tmp/x.py"),
    "PATH": env("PATH=/tmp"),
    "PGPASSFILE": env("PGPASSFILE=/tmp/x"),
    "a setting of the platform": env("MILLRACE_PROFILE=embedded"),
    "a prefix without its end": env("MUSEUMS=1"),
    "a variable in lower case": env("museum_mapping=1"),
    "a variable to be removed": env("MUSEUM_MAPPING"),
    "a second line": env("MUSEUM_MAPPING=tate\nLD_PRELOAD=/tmp/x.so"),
    "a zero byte": env("MUSEUM_MAPPING=tate\0LD_PRELOAD=/tmp/x.so"),
    "a long variable": env(f"MUSEUM_MAPPING={'x' * 2000}"),
    "a number as a variable": env(1),
    "an object of variables": top(Env={"MUSEUM_MAPPING": "tate"}),
    "half a surrogate pair": lambda body: json.dumps(env("MUSEUM_MAPPING=\ud800")(body)).encode(),
    "half a surrogate pair as a key": beside('"\\ud800": 1'),
    # Limits
    "too much memory": host(Memory=(2 << 30) + 1),
    "less than no memory": host(Memory=-1),
    "memory in words": host(Memory="1g"),
    "memory in fractions": host(Memory=1.5),
    "memory as a truth": host(Memory=True),
    "memory without end": lambda body: json.dumps(body).replace(str(64 << 20), "1e999").encode(),
    "memory that is none": lambda body: json.dumps(body).replace(str(64 << 20), "NaN").encode(),
    "memory of many digits": lambda body: json.dumps(body).replace(str(64 << 20), "9" * 5000).encode(),
    "swap": host(MemorySwap=-1),
    "too many CPUs": host(NanoCpus=3_000_000_000),
    "a quota": host(CpuQuota=-1),
    "too many processes": host(PidsLimit=513),
    "processes without limit": host(PidsLimit=-1),
    "never killed for memory": host(OomKillDisable=True),
    "shared memory": host(ShmSize=1 << 40),
    "limits of files": host(Ulimits=[{"Name": "nofile", "Soft": 1 << 20, "Hard": 1 << 20}]),
    # No JSON object
    "nothing": lambda _: b"",
    "null": lambda _: b"null",
    "a list": lambda body: json.dumps([body]).encode(),
    "two objects": lambda body: json.dumps(body).encode() * 2,
    "half an object": lambda body: json.dumps(body)[:-1].encode(),
    "a byte order mark": lambda body: b"\xef\xbb\xbf" + json.dumps(body).encode(),
    "UTF-16": lambda body: json.dumps(body).encode("utf-16"),
    "no UTF-8": lambda body: json.dumps(body).encode() + b"\xff",
    "deep": lambda _: b"[" * 60_000 + b"]" * 60_000,
    "giant": lambda body: json.dumps({**body, "Domainname": "x" * (128 << 10)}).encode(),
}


def refusals(caplog: pytest.LogCaptureFixture) -> list[dict[str, str]]:
    return [json.loads(one.getMessage()) for one in caplog.records if one.name == "docker-gate"]


def test_what_is_attacked_is_otherwise_allowed_and_leaves_its_mark(gate: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Without this, a body that is refused for another reason, or a state that never changes, would prove nothing."""
    body = gate.body()
    before = gate.state()

    answer = gate.create(body)

    assert answer.status == 201, answer.text
    assert gate.state() != before
    assert refusals(caplog) == []


@pytest.mark.parametrize("attack", BODIES.values(), ids=BODIES)
def test_a_container_that_is_more_than_a_run_is_refused(
    gate: Any, attack: Attack, caplog: pytest.LogCaptureFixture
) -> None:
    body = gate.body()
    attacked = attack(body)
    before = gate.state()

    answer = gate.create(body, attacked if isinstance(attacked, bytes) else json.dumps(attacked).encode())

    assert answer.status == 403, answer.text
    assert gate.state() == before
    (logged,) = refusals(caplog)
    assert (logged["event"], logged["role"], logged["from"]) == ("refused", "launcher", "127.0.0.1")
    assert logged["reason"] in json.loads(answer.text)["message"]


@pytest.mark.parametrize(
    "name",
    ["{name}x", "x{name}", "postgres", "/{name}", "{name}\n", "../{name}", " {name}", "{name}&name={name}", "{NAME}"],
)
def test_a_container_of_another_name_is_refused(gate: Any, name: str) -> None:
    body = gate.body()
    before = gate.state()

    answer = gate.create(body, name=name.format(name=gate.name(body), NAME=gate.name(body).upper()))

    assert answer.status == 403
    assert gate.state() == before


@pytest.mark.parametrize(
    "query", ["", "?", "?name=", "?Name={name}", "?name={name}&name={name}", "?name={name}&platform=linux"]
)
def test_a_container_is_named_once_and_nothing_is_said_beside(gate: Any, query: str) -> None:
    body = gate.body()
    before = gate.state()

    answer = gate.ask("POST", f"/containers/create{query.format(name=gate.name(body))}", body=json.dumps(body).encode())

    assert answer.status == 403
    assert gate.state() == before


ENDPOINTS = [
    "GET /containers/json",
    "GET /containers/json?all=1",
    "POST /containers/prune",
    "POST /containers/{hold}/exec",
    "POST /exec/some/start",
    "GET /exec/some/json",
    "POST /containers/{hold}/attach?stream=1&stdin=1",
    "GET /containers/{hold}/attach/ws",
    "GET /containers/{hold}/archive?path=/run/secrets",
    "HEAD /containers/{hold}/archive?path=/run/secrets",
    "PUT /containers/{hold}/archive?path=/",
    "GET /containers/{hold}/export",
    "GET /containers/{hold}/changes",
    "GET /containers/{hold}/top",
    "GET /containers/{hold}/stats",
    "POST /containers/{hold}/update",
    "POST /containers/{hold}/rename?name={project}-renamed",
    "POST /containers/{hold}/restart",
    "POST /containers/{hold}/pause",
    "POST /containers/{hold}/unpause",
    "POST /containers/{hold}/resize?h=1&w=1",
    "POST /containers/{hold}/wait",
    "DELETE /containers/{hold}?force=1",
    "GET /images/json",
    "GET /images/{project}/museum:dev/json",
    "GET /images/{project}/museum:dev/get",
    "POST /images/create?fromImage=debian",
    "POST /images/load",
    "POST /images/{project}/museum:dev/tag?repo={project}/stolen&tag=dev",
    "POST /images/{project}/museum:dev/push",
    "DELETE /images/{project}/museum:latest",
    "POST /build?t={project}/built:dev",
    "POST /build/prune",
    "POST /commit?container={hold}&repo={project}/committed",
    "GET /networks",
    "POST /networks/create",
    "POST /networks/{project}_first/connect",
    "POST /networks/{project}_first/disconnect",
    "DELETE /networks/{project}_first",
    "GET /volumes",
    "POST /volumes/create",
    "DELETE /volumes/{project}_sources",
    "POST /swarm/init",
    "POST /services/create",
    "GET /secrets",
    "GET /configs",
    "GET /nodes",
    "GET /tasks",
    "GET /plugins",
    "POST /plugins/pull?remote=x",
    "GET /distribution/debian/json",
    "GET /info",
    "GET /events",
    "GET /system/df",
    "POST /auth",
    "POST /session",
    "POST /grpc",
    "POST /_ping",
    "POST /version",
    "GET /",
    "GET /containers/create",
    "PUT /containers/{hold}/json",
    "OPTIONS /containers/{hold}/json",
    "TRACE /containers/{hold}/json",
    "OPTIONS *",
    "CONNECT engine:80",
    "GET /favicon.ico",
]
PATHS = [
    "GET /containers/{hold}/../json",
    "GET /containers/../json",
    "GET /containers/./json",
    "GET /containers/%2e%2e/json",
    "GET /containers/%2E%2E%2Fimages/json",
    "GET /containers/{hold}%2f..%2fjson/json",
    "GET /containers/{hold}%00/json",
    "GET /containers/{hold}%20/json",
    "GET /containers/{hold}/json/",
    "GET /containers/{hold}//json",
    "GET /containers//{hold}/json",
    "GET //containers/{hold}/json",
    "GET /containers/{hold}/json;x",
    "GET /containers/{hold}/json%3fsize=1",
    "GET /containers/{hold}/json#x",
    "GET /containers/{hold}/%6ason",
    "GET /%63ontainers/{hold}/json",
    "GET /CONTAINERS/{hold}/json",
    "GET /./containers/{hold}/json",
    "GET /x/../containers/{hold}/json",
    "GET \\containers\\{hold}\\json",
    "GET /v1.41//containers/{hold}/json",
    "GET /v1.41/../containers/{hold}/json",
    "GET /v1.41/v1.41/containers/{hold}/json",
    "GET /v1.41/v1.41/version",
    "GET /v1/containers/{hold}/json",
    "GET /v1.411/containers/{hold}/json",
    "GET /V1.41/containers/{hold}/json",
    "GET /v1.41%2fcontainers/{hold}/json",
    "GET /v1.41",
    "GET http://engine/containers/{hold}/json",
    "GET https://engine/version",
    "GET //engine/version",
    "POST /containers/{hold}/stop/../../x/exec",
    "POST /containers/create/../{hold}/exec",
    "POST /containers/{hold}%2fexec%3f/stop",
]
QUERIES = [
    "GET /containers/{hold}/json?size=1",
    "GET /containers/{hold}/json?x",
    "GET /version?x=1",
    "POST /containers/{hold}/start?detachKeys=x",
    "POST /containers/{hold}/stop?t=1&t=2",
    "POST /containers/{hold}/stop?t=1&%74=2",
    "POST /containers/{hold}/stop?T=1",
    "POST /containers/{hold}/stop?signal=SIGUSR1",
    "POST /containers/{hold}/stop?t=-1",
    "POST /containers/{hold}/stop?t=1.5",
    "POST /containers/{hold}/stop?t=",
    "POST /containers/{hold}/stop?t=%D9%A3",
    "POST /containers/{hold}/stop?t=99999999999",
    "POST /containers/{hold}/kill?signal=SIGUSR1",
    "POST /containers/{hold}/kill?signal=SIGKILL&signal=SIGKILL",
    "GET /containers/{hold}/logs?follow=1",
    "GET /containers/{hold}/logs?follow=true",
    "GET /containers/{hold}/logs?since=0",
    "GET /containers/{hold}/logs?tail=-1",
    "GET /containers/{hold}/logs?tail=x",
]
OTHERS = [
    f"{call.replace('{hold}', name)}"
    for name in ("{project}-other", "{project}-foreign", "{project}-unlabelled")
    for call in (
        "GET /containers/{hold}/json",
        "GET /containers/{hold}/logs",
        "POST /containers/{hold}/start",
        "POST /containers/{hold}/stop?t=0",
        "POST /containers/{hold}/kill",
    )
]


@pytest.mark.parametrize("request_line", [*ENDPOINTS, *PATHS, *QUERIES, *OTHERS])
@pytest.mark.parametrize("role", ["launcher", "webserver"])
def test_a_request_beside_the_few_is_refused(
    gate: Any, role: str, request_line: str, caplog: pytest.LogCaptureFixture
) -> None:
    method, _, target = request_line.partition(" ")
    before = gate.state()

    answer = gate.ask(method, target, role=role, body=b"" if method in ("POST", "PUT") else None)

    assert answer.status == 403, answer.text
    assert gate.state() == before
    assert [(one["event"], one["role"], one["method"]) for one in refusals(caplog)] == [("refused", role, method)]


@pytest.mark.parametrize("call", ["create", "start"])
def test_the_webserver_launches_nothing(gate: Any, call: str) -> None:
    """What it asks is refused to it alone: the launcher may do the same."""
    body = gate.body()
    target = f"/containers/create?name={gate.name(body)}" if call == "create" else "/containers/{hold}/start"
    content = json.dumps(body).encode() if call == "create" else b""
    before = gate.state()

    refused = gate.ask("POST", target, role="webserver", body=content)

    assert (refused.status, "refused for the webserver" in refused.text) == (403, True)
    assert gate.state() == before
    assert gate.ask("POST", target, role="launcher", body=content).status in (201, 204, 304)


@pytest.mark.parametrize(
    "headers",
    [
        ("Connection: Upgrade", "Upgrade: tcp"),
        ("Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA"),
        (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ),
    ],
    ids=["tcp", "h2c", "websocket"],
)
@pytest.mark.parametrize("target", ["/containers/{hold}/json", "/containers/{hold}/attach/ws", "/version"])
def test_a_connection_is_not_handed_over(
    gate: Any, target: str, headers: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    answer = gate.ask("GET", target, headers=headers)

    assert answer.status == 403
    assert [one["event"] for one in refusals(caplog)] == ["refused"]


def test_a_body_at_start_is_refused(gate: Any) -> None:
    """Docker once took a host's configuration there."""
    before = gate.state()

    answer = gate.ask("POST", "/containers/{hold}/start", body=b'{"Binds": ["/:/host"]}')

    assert answer.status == 403
    assert gate.state() == before


@pytest.mark.parametrize(
    "headers",
    [
        ("Transfer-Encoding: chunked",),
        ("Transfer-Encoding: chunked", "Content-Length: 5"),
        ("Content-Length: 1000000000",),
        ("Content-Length: 131073",),
    ],
)
def test_a_body_of_unknown_or_giant_length_is_refused_unread(gate: Any, headers: tuple[str, ...]) -> None:
    body = gate.body()
    content = json.dumps(body).encode()
    before = gate.state()

    answer = gate.ask(
        "POST",
        f"/containers/create?name={gate.name(body)}",
        headers=headers,
        body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content),
    )

    assert answer.status == 403
    assert gate.state() == before


@pytest.mark.parametrize(
    "headers",
    [
        ("Content-Length: 5", "Content-Length: 6"),
        ("Content-Length: 5, 6",),
        ("Content-Length: -1",),
        ("Content-Length: 0x5",),
        (f"Content-Length: {'9' * 5000}",),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
        ("Content-Length : 5",),
    ],
    ids=lambda headers: headers[0][:40],
)
def test_what_is_no_http_goes_no_further(gate: Any, headers: tuple[str, ...]) -> None:
    body = gate.body()
    before = gate.state()

    answer = gate.ask(
        "POST", f"/containers/create?name={gate.name(body)}", headers=headers, body=json.dumps(body).encode()
    )

    assert answer.status in (400, 501)
    assert gate.state() == before


def test_a_request_hidden_behind_another_is_judged_by_itself(gate: Any) -> None:
    before = gate.state()
    hidden = f"DELETE /containers/{gate.hold}?force=1 HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n"

    answer = gate.ask(
        "GET", "/_ping", headers=("Content-Length: 0",), body=hidden.encode(), connection_header="keep-alive"
    )

    assert answer.status == 200
    assert answer.text.count("HTTP/1.1 ") == 1
    assert "HTTP/1.1 403" in answer.text
    assert gate.state() == before
