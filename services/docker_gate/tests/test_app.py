"""Which request becomes which calls to the engine; what becomes none is in `test_refusals`."""

import json
from typing import Any
from uuid import uuid4

import pytest

ROLES = ["launcher", "webserver"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("request_line", "call"),
    [
        ("GET /_ping", "GET /_ping"),
        ("HEAD /_ping", "GET /_ping"),
        ("GET /version", "GET /version"),
        ("GET /v1.41/version", "GET /version"),
        ("GET /containers/{hold}/json", "GET /containers/id-of-mill-hold/json"),
        ("GET /containers/{hold}/logs", "GET /containers/id-of-mill-hold/logs?stdout=1&stderr=1&tail=200"),
        ("GET /containers/{hold}/logs?tail=40", "GET /containers/id-of-mill-hold/logs?stdout=1&stderr=1&tail=40"),
        ("GET /containers/{hold}/logs?tail=9999", "GET /containers/id-of-mill-hold/logs?stdout=1&stderr=1&tail=200"),
        (
            "GET /containers/{hold}/logs?follow=0&stdout=1&timestamps=0",
            "GET /containers/id-of-mill-hold/logs?stdout=1&stderr=1&tail=200",
        ),
        ("POST /containers/{hold}/stop", "POST /containers/id-of-mill-hold/stop?t=10"),
        ("POST /containers/{hold}/stop?t=3", "POST /containers/id-of-mill-hold/stop?t=3"),
        ("POST /containers/{hold}/stop?t=9999", "POST /containers/id-of-mill-hold/stop?t=60"),
        ("POST /containers/{hold}/kill", "POST /containers/id-of-mill-hold/kill"),
        ("POST /containers/{hold}/kill?signal=SIGKILL", "POST /containers/id-of-mill-hold/kill"),
    ],
)
def test_a_role_s_request_becomes_one_call(recording_gate: Any, role: str, request_line: str, call: str) -> None:
    method, _, target = request_line.partition(" ")

    answer = recording_gate.ask(method, target, role=role, body=b"" if method == "POST" else None)

    assert answer.status in (200, 204)
    assert recording_gate.engine.calls[-1] == call


def test_a_container_is_looked_at_by_name_and_touched_by_its_identifier(recording_gate: Any) -> None:
    """A container that takes the name in between is not touched."""
    recording_gate.ask("POST", "/containers/{hold}/start")

    assert recording_gate.engine.calls == ["GET /containers/mill-hold/json", "POST /containers/id-of-mill-hold/start"]


def test_a_run_is_created_under_its_name_and_connected_to_all_its_networks(recording_gate: Any) -> None:
    body = recording_gate.body(run_id := str(uuid4()))

    answer = recording_gate.create(body)

    assert (answer.status, json.loads(answer.text)["Id"]) == (201, "created")
    assert recording_gate.engine.calls == [
        f"POST /containers/create?name=mill-run-{run_id}",
        "POST /networks/mill_second/connect",
    ]
    sent, connected = recording_gate.engine.bodies
    assert sent["HostConfig"]["NetworkMode"] == "mill_first"
    assert connected == {"Container": "created"}


def test_a_run_of_a_domain_that_uses_a_store_is_connected_to_its_network_too(recording_gate: Any) -> None:
    recording_gate.create({**recording_gate.body(), "Image": "mill/sbir:dev", "Env": []})

    assert recording_gate.engine.calls[1:] == [
        "POST /networks/mill_second/connect",
        "POST /networks/mill_graph/connect",
    ]


def test_a_container_that_cannot_be_connected_is_removed(recording_gate: Any) -> None:
    recording_gate.engine.failing = "/networks/mill_second/connect"

    answer = recording_gate.create(recording_gate.body())

    assert (answer.status, "it fails" in answer.text) == (500, True)
    assert recording_gate.engine.calls[-1] == "DELETE /containers/created?v=true"


def test_what_the_engine_says_of_a_create_that_fails_is_passed_on(recording_gate: Any) -> None:
    recording_gate.engine.failing = "/containers/create"

    answer = recording_gate.create(recording_gate.body())

    assert (answer.status, "it fails" in answer.text) == (500, True)
    assert len(recording_gate.engine.calls) == 1


@pytest.mark.parametrize("role", ROLES)
def test_a_container_that_is_not_there_is_said_to_be_so(recording_gate: Any, role: str) -> None:
    answer = recording_gate.ask("GET", "/containers/none/json", role=role)

    assert (answer.status, json.loads(answer.text)) == (404, {"message": "No such container: none"})


@pytest.mark.parametrize("body", [b"", b"{}", b"null"])
def test_an_empty_body_is_none(recording_gate: Any, body: bytes) -> None:
    assert recording_gate.ask("POST", "/containers/{hold}/start", body=body).status == 204


def test_a_created_run_is_logged(recording_gate: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "docker-gate")

    recording_gate.create(recording_gate.body(run_id := str(uuid4())))

    (logged,) = [json.loads(one.getMessage()) for one in caplog.records if one.name == "docker-gate"]
    assert logged == {"event": "created", "run": run_id, "domain": "museum", "job": "museum_job"}
