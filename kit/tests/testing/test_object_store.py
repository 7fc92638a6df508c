"""Where the object store of tests comes from, and what is said where there is none."""

from pathlib import Path
from typing import Any

import pytest

from millrace.testing.object_store import object_store_server
from millrace.testing.programs import NoProgramError


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all of PATH, with no program in it."""
    for name in ("MILLRACE_MINIO", "MILLRACE_IMAGES", "MILLRACE_VERSION"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(NoProgramError) as caught, object_store_server(folder):
        raise AssertionError("it began")
    return str(caught.value)


def test_a_server_that_stops_keeps_what_it_holds(object_store: Any) -> None:
    store = object_store.place().store()
    store.put("a", b"x")

    object_store.stop()
    object_store.start()
    object_store.wait()

    assert store.read("a") == b"x"
    assert not object_store.place().store().has("a")  # each place is a new one


def test_without_any_the_reason_says_where_it_was_looked_for(bare: Path, tmp_path: Path) -> None:
    assert refusal(tmp_path) == "MILLRACE_MINIO is not set, and there is neither minio nor docker on PATH"


def test_a_variable_that_names_no_program_is_said(bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare / "minio", "exit 0")
    monkeypatch.setenv("MILLRACE_MINIO", "/nowhere/minio")

    assert refusal(tmp_path) == "MILLRACE_MINIO='/nowhere/minio' is no program"


@pytest.mark.parametrize(
    ("environment", "image"),
    [
        ({}, "millrace/object-store:dev"),
        ({"MILLRACE_IMAGES": "here", "MILLRACE_VERSION": "1.2"}, "here/object-store:1.2"),
    ],
    ids=["default", "named"],
)
def test_an_engine_without_the_image_is_said(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], image: str
) -> None:
    program(bare / "docker", f'echo "$@" >{tmp_path}/asked; exit 1')
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert refusal(tmp_path) == (
        f"MILLRACE_MINIO is not set, there is no minio on PATH, and no Docker Engine here has the image {image}"
    )
    assert (tmp_path / "asked").read_text() == f"create --pull never {image}\n"
