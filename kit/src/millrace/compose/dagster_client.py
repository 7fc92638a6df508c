"""Dagster's GraphQL API through the gateway: find a job, launch it, follow it.

What belongs here: the requests and what their answers mean. What does not: printing.
"""

import base64
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from millrace.errors import ConfigurationError, PlatformRefusedError, SourceUnavailableError

_POLL_SECONDS = 1.0
_RETRY_SECONDS = 60  # in which Dagster's daemon makes the retry that it announced
_ANNOUNCED_SECONDS = 10  # in which a failed run is said to be retried or not: Dagster does it after it has failed it
_MOST_CHARACTERS = 300  # of what a server says of its error
_LOOK = "see scripts/millrace status"
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})
# Dagster's own, written here because importing Dagster takes a second.
WILL_RETRY_TAG, AUTO_RETRY_RUN_ID_TAG = "dagster/will_retry", "dagster/auto_retry_run_id"

_JOBS = """query { repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } jobs { name } } } ... on PythonError { message } } }"""
_LAUNCH = """mutation ($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
_TAGS = """query ($run: ID!) { runOrError(runId: $run) { ... on Run { status tags { key value } } } }"""
_EVENTS = """query ($run: ID!, $cursor: String) {
  runOrError(runId: $run) { ... on Run { status } }
  logsForRun(runId: $run, afterCursor: $cursor, limit: 200) { ... on EventConnection { cursor events {
    __typename ... on MessageEvent { message stepKey }
    ... on ExecutionStepFailureEvent { error { message } failureMetadata { description } }
    ... on RunFailureEvent { error { message } }
    ... on MaterializationEvent { assetKey { path } metadataEntries { label ... on IntMetadataEntry { intValue } } }
    ... on AssetCheckEvaluationEvent { evaluation { checkName success severity description } }
  } } } }"""


@dataclass(frozen=True)
class Job:
    """A job as Dagster names it."""

    location: str
    repository: str
    name: str


@dataclass(frozen=True)
class Client:
    """A signed-in client.

    Attributes:
        address: Of the gateway.
        user: `operator` or `viewer`.
        password: Its password.
    """

    address: str
    user: str
    password: str

    @property
    def authorization(self) -> str:
        """Value of the `Authorization` header."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def ask(self, query: str, variables: Mapping[str, Any] | None = None, *, look: str = _LOOK) -> dict[str, Any]:
        """Send a query; the answer's `data`. An error ends with where to `look`.

        Raises:
            SourceUnavailableError: the gateway, or Dagster behind it, does not answer.
            PlatformRefusedError: it answered with an error.
        """
        request = urllib.request.Request(  # noqa: S310 - the gateway's address, http or https
            f"{self.address}/graphql",
            json.dumps({"query": query, "variables": variables or {}}).encode(),
            {"Content-Type": "application/json", "Authorization": self.authorization},
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
                content = json.load(answer)
        except urllib.error.HTTPError as error:
            text = _reason(error.read().decode(errors="replace"))
            if error.code in (502, 503, 504):
                raise SourceUnavailableError("dagster", text, next_step=look) from error
            raise PlatformRefusedError("dagster", f"HTTP {error.code}: {text}", next_step=look) from error
        except OSError as error:
            raise SourceUnavailableError(self.address, str(error), next_step=look) from error
        if content.get("errors"):
            raise PlatformRefusedError("dagster", _first_line(content["errors"][0]["message"]), next_step=look)
        return content["data"]

    def jobs(self) -> list[Job]:
        """The jobs of every code location that loads."""
        found = self.ask(_JOBS)["repositoriesOrError"]
        if "nodes" not in found:
            raise PlatformRefusedError("dagster", _first_line(found["message"]), next_step=_LOOK)
        return [
            Job(node["location"]["name"], node["name"], job["name"])
            for node in found["nodes"]
            for job in node["jobs"]
            if not job["name"].startswith("__")
        ]

    def find_job(self, name: str, location: str | None) -> Job:
        """The job of that name.

        Raises:
            ConfigurationError: there is none, or several and no location was named.
        """
        jobs = self.jobs()
        locations = sorted({job.location for job in jobs})
        if location is not None and location not in locations:
            next_step = f"those that load are {', '.join(locations) or 'none'}"
            raise ConfigurationError(f"domain {location}", ["no such code location"], next_step=next_step)
        found = [job for job in jobs if job.name == name and location in (None, job.location)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(sorted(f"{job.location}: {job.name}" for job in found or jobs))
        problem = "is in several locations; say --domain" if found else "does not exist"
        raise ConfigurationError(f"job {name!r}", [problem], next_step=f"there are {known or 'no jobs'}")

    def launch(self, job: Job, tags: Mapping[str, str] | None = None) -> str:
        """Queue a run, with tags of its own; its identifier.

        Raises:
            PlatformRefusedError: Dagster would not.
        """
        selector = {
            "repositoryLocationName": job.location,
            "repositoryName": job.repository,
            "jobName": job.name,
        }
        parameters = {
            "selector": selector,
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in (tags or {}).items()]},
        }
        look = f"{_LOOK} and {self.address}/runs: it may be queued all the same"
        answer = self.ask(_LAUNCH, {"parameters": parameters}, look=look)["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            reason = _first_line(answer.get("message") or answer["__typename"])
            raise PlatformRefusedError(f"job {job.name}", reason, next_step=_LOOK)
        return answer["run"]["runId"]

    def status(self, run_id: str) -> str:
        """Status of a run."""
        return self.ask(_EVENTS, {"run": run_id, "cursor": None})["runOrError"]["status"]

    def retry_of(self, run_id: str) -> str | None:
        """The run that repeats a failed one; None if it is not repeated.

        Raises:
            SourceUnavailableError: one was announced and nobody made it.
        """
        begun = time.monotonic()
        deadline = begun + _RETRY_SECONDS
        while True:
            run = self.ask(_TAGS, {"run": run_id})["runOrError"]
            tags = {tag["key"]: tag["value"] for tag in run["tags"]}
            is_open = run["status"] == "FAILURE" and WILL_RETRY_TAG not in tags
            if is_open and time.monotonic() < begun + _ANNOUNCED_SECONDS:
                time.sleep(_POLL_SECONDS)
                continue
            if tags.get(WILL_RETRY_TAG) != "true":
                return None
            if retry := tags.get(AUTO_RETRY_RUN_ID_TAG):
                return retry
            if time.monotonic() > deadline:
                raise SourceUnavailableError("dagster", f"did not begin the retry of {run_id}", next_step=_LOOK)
            time.sleep(_POLL_SECONDS)

    def follow(self, run_id: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
        """Yield a run's status and its new events until it has ended and every event was yielded."""
        cursor = None
        while True:
            answer = self.ask(_EVENTS, {"run": run_id, "cursor": cursor})
            events = answer["logsForRun"]["events"]
            status = answer["runOrError"]["status"]
            yield status, events
            if status in ENDED and not events:
                return
            cursor = answer["logsForRun"]["cursor"]
            if not events:
                time.sleep(_POLL_SECONDS)


def _reason(body: str) -> str:
    """What an error's body says: the first message in it if it is an answer of GraphQL, else its text."""
    try:
        answer = json.loads(body)
    except ValueError:
        return _first_line(body)
    return _first_line(next(_messages(answer), body))


def _messages(answer: object) -> Iterator[str]:
    """Every `message` in an answer, the outer ones first."""
    if isinstance(answer, dict):
        if isinstance(found := answer.get("message"), str):
            yield found
        answer = list(answer.values())
    if isinstance(answer, list):
        for part in answer:
            yield from _messages(part)


def _first_line(text: str) -> str:
    """Of an error that quotes another's stack, SQL or page."""
    return next(iter(text.strip().splitlines()), "no reason given")[:_MOST_CHARACTERS]
