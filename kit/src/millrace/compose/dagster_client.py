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
ENDED = frozenset({"SUCCESS", "FAILURE", "CANCELED"})

_JOBS = """query { repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } jobs { name } } } ... on PythonError { message } } }"""
_LAUNCH = """mutation ($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
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

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a query; the answer's `data`.

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
            text = error.read().decode(errors="replace")[:500]
            if error.code in (502, 503, 504):
                raise SourceUnavailableError("dagster", text, next_step="scripts/millrace status") from error
            raise PlatformRefusedError("dagster", f"HTTP {error.code}: {text}") from error
        except OSError as error:
            raise SourceUnavailableError(self.address, str(error), next_step="scripts/millrace status") from error
        if content.get("errors"):
            raise PlatformRefusedError("dagster", content["errors"][0]["message"])
        return content["data"]

    def jobs(self) -> list[Job]:
        """The jobs of every code location that loads."""
        found = self.ask(_JOBS)["repositoriesOrError"]
        if "nodes" not in found:
            raise PlatformRefusedError("dagster", found["message"])
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
        answer = self.ask(_LAUNCH, {"parameters": parameters})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise PlatformRefusedError(f"job {job.name}", answer.get("message", answer["__typename"]))
        return answer["run"]["runId"]

    def status(self, run_id: str) -> str:
        """Status of a run."""
        return self.ask(_EVENTS, {"run": run_id, "cursor": None})["runOrError"]["status"]

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
