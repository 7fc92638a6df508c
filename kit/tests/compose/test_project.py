"""What `docker compose` answers, and what is made of it; a program `docker` of the test's own stands for it."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from millrace.compose.project import Project, Service
from millrace.errors import PlatformRefusedError

Answering = Callable[[str], Project]


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
        row("postgres", "running", health="healthy"),
        row("daemon", "running"),
        row("broken", "exited", 1),
        row("looping", "restarting", 1),
        row("slow", "running", health="starting"),
        row("museum-run", "exited", 137, labels="a=b,millrace.run_id=4f,c=d"),
    ]
    text = json.dumps(rows) if form == "array" else "\n".join(map(json.dumps, rows))

    services = answering(f"cat <<'END'\n{text}\nEND").services()

    assert [(service.name, service.state, service.fine) for service in services] == [
        ("broken", "exited, exit code 1", False),
        ("daemon", "running", True),
        ("looping", "restarting", False),
        ("postgres", "healthy", True),
        ("setup", "done", True),
        ("slow", "starting", False),
    ]


def test_nothing_that_was_started_is_no_service(answering: Answering) -> None:
    assert answering("true").services() == []


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
        with pytest.raises(PlatformRefusedError, match=r"gateway: does not run; docker compose up -d --wait"):
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
    volumes = json.dumps({"volumes": {"sources": {"name": "mill_sources"}}})
    script = f"case $2 in config) echo '{volumes}' ;; *) echo \"$@\" > {tmp_path}/asked; cat > {tmp_path}/sent ;; esac"

    answering(script).put_source("museum", given / "objects.csv" if kind == "file" else given)

    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("compose run --rm --no-deps -T --volume mill_sources:/sources museum sh -c ")
    assert asked.rstrip().endswith("sh museum tar -x --no-same-owner -C"), "the folder to fill comes last"
    with tarfile.open(tmp_path / "sent") as archive:
        assert {name.removeprefix("./") for name in archive.getnames() if name != "."} == {"objects.csv"}


def test_service_states_that_are_fine() -> None:
    assert [state for state in ("healthy", "running", "done", "unhealthy", "dead") if Service("a", state).fine] == [
        "healthy",
        "running",
        "done",
    ]
