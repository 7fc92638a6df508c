"""Launching and following a job: which one, what is told, and how it ends."""

import json
import threading
from collections.abc import Callable, Generator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from millrace.compose.commands import line_of
from millrace.compose.dagster_client import Client, Job
from millrace.errors import ConfigurationError, PlatformRefusedError, SourceUnavailableError

Answers = Callable[[Mapping[str, Any]], tuple[int, object]]
LOCATIONS = {
    "repositoriesOrError": {
        "nodes": [
            {"name": "r", "location": {"name": "museum"}, "jobs": [{"name": "nightly_job"}, {"name": "__ASSET_JOB"}]},
            {"name": "r", "location": {"name": "mill"}, "jobs": [{"name": "nightly_job"}, {"name": "grind_job"}]},
        ]
    }
}


@pytest.fixture
def client() -> Generator[Callable[[Answers], Client]]:
    """A client of a server that answers as the test says."""
    servers = []

    def make(answers: Answers) -> Client:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                code, content = answers({**asked, "authorization": self.headers["Authorization"], "path": self.path})
                body = json.dumps(content).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the base class names it
                """Say nothing."""

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return Client(f"http://127.0.0.1:{servers[-1].server_port}", "operator", "word")

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_job_is_found_by_its_name_and_where_there_are_several_by_its_domain(client: Any) -> None:
    dagster = client(lambda _: (200, {"data": LOCATIONS}))

    assert dagster.find_job("grind_job", None) == Job("mill", "r", "grind_job")
    assert dagster.find_job("nightly_job", "museum") == Job("museum", "r", "nightly_job")
    with pytest.raises(
        ConfigurationError, match="in several locations; say --domain; there are mill: nightly_job, museum"
    ):
        dagster.find_job("nightly_job", None)
    with pytest.raises(ConfigurationError, match="'dance_job': does not exist; there are mill: grind_job"):
        dagster.find_job("dance_job", None)
    with pytest.raises(ConfigurationError, match="domain musem: no such code location; those that load are mill, mus"):
        dagster.find_job("nightly_job", "musem")


def test_a_launch_signs_in_and_carries_the_runs_tags(client: Any) -> None:
    asked = []

    def answers(request: Mapping[str, Any]) -> tuple[int, object]:
        asked.append(request)
        return 200, {"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "4f"}}}}

    assert client(answers).launch(Job("mill", "r", "grind_job"), {"millrace/memory": "3GiB"}) == "4f"
    (request,) = asked
    assert (request["path"], request["authorization"]) == ("/graphql", "Basic b3BlcmF0b3I6d29yZA==")
    parameters = request["variables"]["parameters"]
    assert parameters["selector"] == {
        "repositoryLocationName": "mill",
        "repositoryName": "r",
        "jobName": "grind_job",
    }
    assert parameters["executionMetadata"] == {"tags": [{"key": "millrace/memory", "value": "3GiB"}]}


@pytest.mark.parametrize(
    ("code", "content", "error", "words"),
    [
        (
            200,
            {"data": {"launchRun": {"__typename": "PythonError", "message": "no such"}}},
            PlatformRefusedError,
            "no such",
        ),
        (200, {"errors": [{"message": "Cannot query"}]}, PlatformRefusedError, "Cannot query"),
        (401, "Sign in", PlatformRefusedError, "HTTP 401: "),
        (502, "Dagster does not answer", SourceUnavailableError, "does not answer"),
        (500, {"errors": [{"message": "no connection\n(a page of SQL)"}]}, PlatformRefusedError, "500: no connection;"),
        (500, {"data": {"launchRun": {"message": "closed\n(SQL)"}}}, PlatformRefusedError, "500: closed;"),
    ],
    ids=["refused", "misunderstood", "unsigned", "away", "stores_away", "closed"],
)
def test_what_dagster_does_not_do_is_an_error_with_its_words(
    client: Any, code: int, content: object, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        client(lambda _: (code, content)).launch(Job("mill", "r", "grind_job"))


def test_a_run_that_could_not_be_launched_may_be_queued_and_the_error_says_so(client: Any) -> None:
    with pytest.raises(PlatformRefusedError, match=r"see scripts/millrace status and http://.*/runs: it may be queued"):
        client(lambda _: (500, "")).launch(Job("mill", "r", "grind_job"))


@pytest.mark.parametrize(
    ("status", "answers", "retry"),
    [
        ("SUCCESS", [{}], None),
        ("CANCELED", [{}], None),
        ("FAILURE", [{"dagster/will_retry": "false"}], None),
        ("FAILURE", [{}, {"dagster/will_retry": "false"}], None),
        (
            "FAILURE",
            [{}, {"dagster/will_retry": "true"}, {"dagster/will_retry": "true", "dagster/auto_retry_run_id": "5a"}],
            "5a",
        ),
    ],
    ids=["succeeded", "canceled", "given_up", "given_up_a_moment_later", "retried"],
)
def test_a_retry_is_waited_for_until_it_is_announced_and_made(
    client: Any, monkeypatch: pytest.MonkeyPatch, status: str, answers: list[dict[str, str]], retry: str | None
) -> None:
    """Dagster says whether it will retry a run after it has called it failed."""
    monkeypatch.setattr("millrace.compose.dagster_client._POLL_SECONDS", 0)

    def tags(_: Mapping[str, Any]) -> tuple[int, object]:
        tags = [{"key": key, "value": value} for key, value in answers.pop(0).items()]
        return 200, {"data": {"runOrError": {"status": status, "tags": tags}}}

    assert client(tags).retry_of("4f") == retry
    assert answers == []


def test_a_failed_run_of_which_nobody_says_whether_it_is_retried_is_not(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("millrace.compose.dagster_client._ANNOUNCED_SECONDS", 0)

    assert client(lambda _: (200, {"data": {"runOrError": {"status": "FAILURE", "tags": []}}})).retry_of("4f") is None


def test_a_retry_that_never_begins_is_an_error(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.compose.dagster_client._RETRY_SECONDS", 0)
    tags = {"status": "FAILURE", "tags": [{"key": "dagster/will_retry", "value": "true"}]}

    with pytest.raises(SourceUnavailableError, match="did not begin the retry of 4f"):
        client(lambda _: (200, {"data": {"runOrError": tags}})).retry_of("4f")


def test_nobody_at_the_address_is_an_error_that_passes() -> None:
    with pytest.raises(SourceUnavailableError, match="scripts/millrace status"):
        Client("http://127.0.0.1:1", "operator", "word").jobs()


def test_a_run_is_followed_until_it_is_over_and_all_was_told(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace.compose.dagster_client._POLL_SECONDS", 0)
    event = {"__typename": "RunStartEvent", "message": "m"}
    script = [("STARTED", [event]), ("STARTED", []), ("SUCCESS", [event, event]), ("SUCCESS", [])]

    def answers(request: Mapping[str, Any]) -> tuple[int, object]:
        status, events = script.pop(0)
        return 200, {"data": {"runOrError": {"status": status}, "logsForRun": {"cursor": "c", "events": events}}}

    told = [(status, len(events)) for status, events in client(answers).follow("4f")]

    assert told == [("STARTED", 1), ("STARTED", 0), ("SUCCESS", 2), ("SUCCESS", 0)]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            {
                "__typename": "MaterializationEvent",
                "assetKey": {"path": ["a", "rows"]},
                "metadataEntries": [{"label": "seconds"}, {"label": "dagster/row_count", "intValue": 1234}],
            },
            "✓ a/rows: 1,234 rows",
        ),
        (
            {
                "__typename": "AssetCheckEvaluationEvent",
                "evaluation": {"success": False, "severity": "WARN", "checkName": "c", "description": "one"},
            },
            "warn: c: one",
        ),
        ({"__typename": "AssetCheckEvaluationEvent", "evaluation": {"success": True}}, ""),
        (
            {
                "__typename": "ExecutionStepFailureEvent",
                "stepKey": "a",
                "failureMetadata": {"description": "no file"},
                "error": {"message": "dagster.Failure"},
            },
            "failed: a: no file",
        ),
        ({"__typename": "RunFailureEvent", "message": "out of memory\n"}, "out of memory"),
        ({"__typename": "EngineEvent", "message": "Started process"}, ""),
    ],
    ids=["asset", "warning", "passed", "failure", "run", "engine"],
)
def test_what_people_wait_for_is_a_line(event: dict[str, Any], line: str) -> None:
    assert line_of(event) == line
