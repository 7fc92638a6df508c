"""What `docker compose` answers, and what is made of it; a program `docker` of the test's own stands for it."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from millrace.compose.project import Project, Service
from millrace.errors import ConfigurationError, PlatformRefusedError

Answering = Callable[[str], Project]
# What `docker compose config` says of a platform with two domains.
_READS = {"volumes": [{"source": "sources", "target": "/sources"}]}
SOURCES = json.dumps(
    {
        "services": {"museum": _READS, "mill": _READS, "gateway": {"volumes": [{"target": "/data"}]}, "setup": {}},
        "volumes": {"sources": {"name": "mill_sources"}},
    }
)


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answering:
    """A project whose `docker compose` is a shell script."""

    def make(script: str) -> Project:
        docker = tmp_path / "bin" / "docker"
        docker.parent.mkdir()
        docker.write_text(f"#!/bin/sh\n{script}\n")
        docker.chmod(0o755)
        monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
        return Project(tmp_path)

    return make


def row(service: str, state: str, code: int = 0, health: str = "", labels: str = "") -> dict[str, object]:
    return {"Service": service, "State": state, "ExitCode": code, "Health": health, "Labels": labels}


@pytest.mark.parametrize("form", ["lines", "array"])
def test_services_say_in_a_word_how_they_are(answering: Answering, form: str) -> None:
    rows = [
        row("setup", "exited"),
        row("secrets", "exited", 1),
        row("gateway", "exited"),
        row("postgres", "running", health="healthy"),
        row("daemon", "running"),
        row("broken", "exited", 1),
        row("barred", "created"),
        row("looping", "restarting", 1),
        row("slow", "running", health="starting"),
        row("again", "running"),
        row("museum-run", "exited", 137, labels="a=b,millrace.run_id=4f,c=d"),
    ]
    text = json.dumps(rows) if form == "array" else "\n".join(map(json.dumps, rows))

    names = ("gateway", "postgres", "daemon", "broken", "barred", "looping", "slow", "removed")
    services = {name: {"restart": "unless-stopped"} for name in names} | {"setup": {"restart": "no"}, "secrets": {}}
    services["again"] = {"restart": "unless-stopped", "healthcheck": {"test": ["CMD", "true"]}}
    project = answering(f"case $2 in config) echo '{json.dumps({'services': services})}' ;; *) echo '{text}' ;; esac")

    assert [(service.name, service.state, service.up, service.fine) for service in project.services()] == [
        ("again", "starting", True, False),
        ("barred", "created", False, False),
        ("broken", "stopped, exit code 1", False, False),
        ("daemon", "running", True, True),
        ("gateway", "stopped, exit code 0", False, False),
        ("looping", "restarting", False, False),
        ("postgres", "healthy", True, True),
        ("removed", "absent", False, False),
        ("secrets", "failed, exit code 1", False, False),
        ("setup", "done", False, True),
        ("slow", "starting", True, False),
    ]


def test_nothing_that_was_started_is_no_service(answering: Answering) -> None:
    configuration = json.dumps({"services": {"gateway": {}}})
    assert answering(f"case $2 in config) echo '{configuration}' ;; esac").services() == []


def test_a_platform_that_is_not_there_is_not_made_by_asking_for_it(answering: Answering, tmp_path: Path) -> None:
    project = answering(f"case $2 in config) echo '{SOURCES}' ;; ps) ;; *) touch {tmp_path}/made ;; esac")

    with pytest.raises(PlatformRefusedError, match="the platform: is not there; start it with: docker compose up -d"):
        project.sign_in()
    with pytest.raises(PlatformRefusedError, match="the platform: is not there"):
        project.put_sample("museum", None)
    assert not (tmp_path / "made").exists()


def test_a_domain_that_reads_no_sources_is_none(answering: Answering) -> None:
    project = answering(f"case $2 in config) echo '{SOURCES}' ;; esac")

    for name in ("musem", "gateway"):
        with pytest.raises(ConfigurationError, match=f"domain {name}: no such code location; there are mill, museum"):
            project.put_sample(name, None)


def test_what_compose_says_last_is_the_reason(answering: Answering) -> None:
    with pytest.raises(PlatformRefusedError, match=r"^docker compose ps: no configuration file provided: not found$"):
        answering("echo warning >&2; echo 'no configuration file provided: not found' >&2; exit 14").services()


def test_without_docker_the_next_step_is_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PlatformRefusedError, match="docker is not on PATH; install Docker Engine"):
        Project(tmp_path).services()


@pytest.mark.parametrize(
    ("published", "tls", "address"),
    [
        ("127.0.0.1:3100", "off", "http://127.0.0.1:3100"),
        ("0.0.0.0:3100", "", "http://127.0.0.1:3100"),
        ("127.0.0.1:3100", "internal", "https://localhost:3100"),
        ("0.0.0.0:443", "data.example.org", "https://data.example.org"),
        ("0.0.0.0:8443", "data.example.org", "https://data.example.org:8443"),
        ("", "off", None),
        (":0", "off", None),
    ],
)
def test_the_address_is_the_port_that_the_gateway_publishes(
    answering: Answering, published: str, tls: str, address: str | None
) -> None:
    configuration = json.dumps({"services": {"gateway": {"environment": {"MILLRACE_TLS": tls}}}})
    project = answering(f"case $2 in config) echo '{configuration}' ;; *) echo '{published}' ;; esac")

    if address is None:
        with pytest.raises(PlatformRefusedError, match=r"gateway: does not run; start it with: docker compose up -d"):
            project.address()
    else:
        assert project.address() == address


def test_an_address_that_was_set_is_taken(answering: Answering) -> None:
    environment = {"MILLRACE_TLS": "off", "MILLRACE_ADDRESS": "https://data.example.org/"}
    configuration = json.dumps({"services": {"gateway": {"environment": environment}}})
    project = answering(f"case $2 in config) echo '{configuration}' ;; *) exit 1 ;; esac")

    assert project.address() == "https://data.example.org"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_source_travels_as_an_archive_into_the_domains_container(
    answering: Answering, tmp_path: Path, kind: str
) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "objects.csv").write_text("id\n1\n")
    run = f'echo "$@" > {tmp_path}/asked; cat > {tmp_path}/sent'

    answering(f"case $2 in config) echo '{SOURCES}' ;; ps) echo 4f ;; *) {run} ;; esac").put_source(
        "museum", given / "objects.csv" if kind == "file" else given
    )

    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("compose run --rm --no-deps -T --volume mill_sources:/sources museum sh -c ")
    assert asked.rstrip().endswith("sh museum tar -x --no-same-owner -C"), "the folder to fill comes last"
    with tarfile.open(tmp_path / "sent") as archive:
        assert {name.removeprefix("./") for name in archive.getnames() if name != "."} == {"objects.csv"}


def test_what_a_command_in_a_container_says_is_said_once(answering: Answering) -> None:
    project = answering(
        f"case $2 in config) echo '{SOURCES}' ;; ps) echo 4f ;; *) echo 'millrace: domain mill: no' >&2; exit 1 ;; esac"
    )

    with pytest.raises(PlatformRefusedError, match=r"^docker compose run: domain mill: no$"):
        project.put_sample("mill", None)


def test_a_gateway_that_does_not_run_has_a_next_step(answering: Answering) -> None:
    gateway = json.dumps({"services": {"gateway": {"environment": {}}}})
    script = f"case $2 in config) echo '{gateway}' ;; *) echo 'service gateway is not running' >&2; exit 1 ;; esac"

    with pytest.raises(PlatformRefusedError, match="is not running; start it with: docker compose up -d --wait"):
        answering(script).address()


def test_service_states_that_are_fine() -> None:
    assert [state for state in ("healthy", "running", "done", "unhealthy", "dead") if Service("a", state).fine] == [
        "healthy",
        "running",
        "done",
    ]
