from pathlib import Path

import pytest

from millrace_docker_gate.settings import Settings, quantity_bytes


def test_what_is_unset_or_empty_keeps_its_default() -> None:
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"GATE_RUN_MEMORY": "", "GATE_RUN_NETWORKS": "", "PATH": "/bin"}) == Settings()


def test_no_image_is_a_code_location_s_unless_it_is_said_to_be() -> None:
    assert Settings().domains == ()


def test_every_setting_is_read(tmp_path: Path) -> None:
    (tmp_path / "domains").write_text("museum \nsbir graph\n")

    assert Settings.from_environment(
        {
            "COMPOSE_PROJECT_NAME": "mill",
            "MILLRACE_IMAGES": "registry.example/mill",
            "MILLRACE_VERSION": "1.2.3",
            "GATE_DOMAINS": str(tmp_path / "domains"),
            "GATE_RUN_NETWORKS": "database,egress",
            "GATE_RUN_ENVIRONMENT": '{"MILLRACE_BUCKET": "mill"}',
            "GATE_RUN_MEMORY": "1.5GiB",
            "GATE_RUN_CPUS": "0.5",
            "GATE_RUN_PIDS": "64",
            "GATE_KEEP_SECONDS": "5",
            "GATE_SOCKET": "/x.sock",
            "GATE_LISTENERS": "launcher=127.0.0.1:1,webserver=[::1]:2",
        }
    ) == Settings(
        project="mill",
        images="registry.example/mill",
        version="1.2.3",
        domains=("museum", "sbir"),
        networks=("database", "egress"),
        uses={"museum": (), "sbir": ("graph",)},
        environment={"MILLRACE_BUCKET": "mill"},
        memory_bytes=3 << 29,
        cpus=0.5,
        pids=64,
        keep_seconds=5,
        socket="/x.sock",
        listeners={"launcher": "127.0.0.1:1", "webserver": "[::1]:2"},
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GATE_DOMAINS", "/not/there"),
        ("GATE_RUN_ENVIRONMENT", "x"),
        ("GATE_RUN_ENVIRONMENT", "[]"),
        ("GATE_RUN_ENVIRONMENT", '{"A": 1}'),
        ("GATE_RUN_MEMORY", "2GB"),
        ("GATE_RUN_MEMORY", "-1"),
        ("GATE_RUN_MEMORY", "0"),  # no limit, to the engine
        ("GATE_RUN_CPUS", "0"),
        ("GATE_RUN_CPUS", "nan"),
        ("GATE_RUN_CPUS", "inf"),
        ("GATE_RUN_PIDS", "-1"),  # no limit, to the engine
        ("GATE_RUN_PIDS", "1.5"),
        ("GATE_KEEP_SECONDS", "ten"),
        ("GATE_KEEP_SECONDS", "-1"),
        ("GATE_LISTENERS", "launcher"),
        ("GATE_LISTENERS", "launcher=gate"),
        ("GATE_LISTENERS", "anybody=gate:2375"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        Settings.from_environment({variable: value})

    assert f"{variable}={value!r}" in str(stopped.value)
    assert "expected" in str(stopped.value)


def test_all_wrong_values_are_said_at_once() -> None:
    with pytest.raises(SystemExit) as stopped:
        Settings.from_environment({"GATE_RUN_CPUS": "many", "GATE_RUN_PIDS": "few"})

    assert len(str(stopped.value).splitlines()) == 2


@pytest.mark.parametrize("names", ["", "museum ../x", "Museum", "museum:dev", "museum postgres"])
def test_a_name_that_is_no_domain_s_is_refused(tmp_path: Path, names: str) -> None:
    (tmp_path / "domains").write_text(names)

    with pytest.raises(SystemExit, match="GATE_DOMAINS") as stopped:
        Settings.from_environment({"GATE_DOMAINS": str(tmp_path / "domains")})

    assert len(str(stopped.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GiB", 2 << 30), ("512MiB", 512 << 20), ("1.5 KiB", 1536), ("100", 100), (" 1GiB ", 1 << 30)],
)
def test_quantities_are_read(text: str, expected: int) -> None:
    assert quantity_bytes(text) == expected


@pytest.mark.parametrize("text", ["", "2G", "GiB", "-1GiB", "1e3", "1,5GiB", "2GiB x"])
def test_what_is_no_quantity_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="2GiB"):
        quantity_bytes(text)
