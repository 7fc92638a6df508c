"""What is made of what may be asked for; what may not is in `test_refusals`."""

import json
from typing import Any

import pytest

from millrace_docker_gate.create import build_body, read_asked, read_body
from millrace_docker_gate.errors import RefusedError
from millrace_docker_gate.settings import Settings

RUN = "0f7bd5b6-3a3c-4a71-9d2e-6b1f0a2f7d11"
SETTINGS = Settings(
    project="mill", domains=("museum", "pgp"), environment={"MILLRACE_BUCKET": "mill", "PGP_KEY": "the platform's"}
)


def body(**keys: Any) -> dict[str, Any]:
    return {
        "Image": "millrace/museum:dev",
        "Cmd": ["dagster", "api", "execute_run", "{}"],
        "Labels": {"millrace.run_id": RUN, "millrace.job": "museum_job"},
        **keys,
    }


def built(**keys: Any) -> dict[str, Any]:
    return build_body(read_asked(body(**keys), f"mill-run-{RUN}", SETTINGS), SETTINGS)


def test_a_run_s_container_has_no_more_than_a_run_needs() -> None:
    made = built(HostConfig={"Memory": 1 << 30, "NanoCpus": 500_000_000, "PidsLimit": 64})

    host = made.pop("HostConfig")
    assert made == {
        "Image": "millrace/museum:dev",
        "Cmd": ["dagster", "api", "execute_run", "{}"],
        "User": "10001:10001",
        "Env": [
            "PGPASSFILE=/run/secrets/pgpass",
            "MILLRACE_PROFILE=compose",
            "MILLRACE_BUCKET=mill",
            "PGP_KEY=the platform's",
        ],
        "Labels": {
            "millrace.run_id": RUN,
            "millrace.domain": "museum",
            "millrace.job": "museum_job",
            "com.docker.compose.project": "mill",
            "com.docker.compose.service": "museum-run",
            "com.docker.compose.oneoff": "False",
            "com.docker.compose.container-number": "1",
            "com.docker.compose.config-hash": "run",
        },
    }
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (
        1 << 30,
        1 << 30,
        500_000_000,
        64,
    )
    assert host["NetworkMode"] == "mill_database"
    assert {one.get("Source"): one.get("ReadOnly") for one in host["Mounts"]} == {
        "mill_secrets-museum": True,
        "mill_compute-logs": False,
        "mill_sources": True,
        None: None,
    }
    assert {one["Type"] for one in host["Mounts"]} == {"volume"}
    assert "Binds" not in host
    assert (host["Privileged"], host["ReadonlyRootfs"], host["CapDrop"]) == (False, True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("asked", [None, {}, {"Memory": 0, "NanoCpus": None}])
def test_what_asks_for_no_limit_gets_the_most(asked: Any) -> None:
    host = built(HostConfig=asked)["HostConfig"]

    assert (host["Memory"], host["NanoCpus"], host["PidsLimit"]) == (2 << 30, 2_000_000_000, 512)


def test_exactly_the_most_may_be_asked_for() -> None:
    assert built(HostConfig={"Memory": 2 << 30})["HostConfig"]["Memory"] == 2 << 30
    with pytest.raises(RefusedError, match=f"at most {2 << 30} is allowed"):
        built(HostConfig={"Memory": (2 << 30) + 1})


def test_a_variable_has_one_value_and_the_platform_s_wins() -> None:
    """Of two, the C library and Python take the first, a shell the last."""
    made = built(Image="millrace/pgp:dev", Env=["PGP_KEY=mine", "PGP_A=1", "PGP_A=2=3", "PGP_EMPTY="])

    names = [one.partition("=")[0] for one in made["Env"]]
    assert len(set(names)) == len(names)
    assert {"PGP_KEY=the platform's", "PGP_A=2=3", "PGP_EMPTY="} <= set(made["Env"])


def test_each_domain_gets_its_own_secrets() -> None:
    sources = {one.get("Source") for one in built(Image="millrace/pgp:dev")["HostConfig"]["Mounts"]}

    assert "mill_secrets-pgp" in sources
    assert "mill_secrets-museum" not in sources


def test_a_prefix_of_images_is_taken_to_the_letter() -> None:
    settings = Settings(project="mill", images="registry.example/mill", domains=("museum",))

    with pytest.raises(RefusedError, match="not one of a code location"):
        read_asked(body(Image="registryxexample/mill/museum:dev"), f"mill-run-{RUN}", settings)


def test_a_key_stands_once_in_every_object_and_in_any_case() -> None:
    assert read_body(b'{"a": {"b": 1}, "b": [{"a": 1}]}') == {"a": {"b": 1}, "b": [{"a": 1}]}
    for text in ('{"a": 1, "A": 1}', '{"x": [{"a": 1, "\\u0061": 1}]}', '{"s": 1, "\u017f": 1}'):
        with pytest.raises(RefusedError, match="twice"):
            read_body(text.encode())


def test_what_was_built_is_json_that_says_nothing_asked_for_twice() -> None:
    assert read_body(json.dumps(built()).encode()) == built()
