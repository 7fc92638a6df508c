"""The one door, before the real services: nothing without sign-in, and who may only look changes nothing."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
from tests.integration.platform.conftest import Platform
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

PAGES = [
    "/",
    "/graphql",
    "/server_info",
    "/runs",
    "/logs/x/y/out",
    "/prometheus/api/v1/query?query=up",
    "/prometheus/metrics",
    "/alertmanager/api/v2/alerts",
    "/alertmanager/metrics",
    "/grafana/api/health",
    "/files/museum/current.json",
    "//graphql",
    "/prometheus/../graphql",
    "/%67raphql",
]
LAUNCH = """launchRun(executionParams: {selector: {repositoryLocationName: "museum", repositoryName: "__repository__",
  jobName: "harvest_job"}, runConfigData: {}}) { __typename }"""
MUTATIONS = {
    "launch": f"mutation {{ {LAUNCH} }}",
    "named": f"mutation Query {{ {LAUNCH} }}",
    "aliased": f"mutation {{ runsOrError: {LAUNCH} }}",
    "after_a_query": f"query Harmless {{ version }} mutation Other {{ {LAUNCH} }}",
    "commented": f"# query\nmutation {{ {LAUNCH} }}",
    "through_a_fragment": f"mutation {{ ...F }} fragment F on Mutation {{ {LAUNCH} }}",
    "terminate": 'mutation { terminateRun(runId: "x", terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) { __typename } }',
    "delete": 'mutation { deletePipelineRun(runId: "x") { __typename } }',
    "wipe": 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["published_objects"]}}]) { __typename } }',
    "reload": 'mutation { reloadRepositoryLocation(repositoryLocationName: "museum") { __typename } }',
    "stop_the_location": 'mutation { shutdownRepositoryLocation(repositoryLocationName: "museum") { __typename } }',
}
# Of a run that goes on; none of them may come to anything.
AGAINST_A_RUN = {
    "stop": 'mutation { terminateRun(runId: "%s", terminatePolicy: SAFE_TERMINATE) { __typename } }',
    "stop_by_force": """mutation { terminateRun(runId: "%s", terminatePolicy: MARK_AS_CANCELED_IMMEDIATELY) {
      __typename } }""",
    "stop_many": 'mutation { terminateRuns(runIds: ["%s"]) { __typename } }',
    "delete": 'mutation { deletePipelineRun(runId: "%s") { __typename } }',
    "run_again": """mutation { launchRunReexecution(reexecutionParams: {parentRunId: "%s", strategy: ALL_STEPS}) {
      __typename } }""",
    "wipe": 'mutation { wipeAssets(assetPartitionRanges: [{assetKey: {path: ["harvested_objects"]}}]) { __typename } }'
    " # %s",
}
REFUSALS = {"UnauthorizedError"}
_MATERIALIZED = """query { assetOrError(assetKey: {path: ["harvested_objects"]}) { ... on Asset {
  assetMaterializations(limit: 1) { runId } } } }"""


def sent(platform: Platform, user: str, path: str, body: bytes, **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(f"http://127.0.0.1:{platform.port}{path}", body or None, headers)
    request.add_header("Authorization", platform.client(user).authorization)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def runs(platform: Platform) -> int:
    return platform.client().ask("query { runsOrError { ... on Runs { count } } }")["runsOrError"]["count"]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_answers_without_sign_in(platform: Platform, page: str) -> None:
    code, body = platform.get(page, user=None)

    assert code == 401
    assert body == b"Sign in as operator or viewer; scripts/millrace credentials prints the passwords."


@pytest.mark.parametrize(
    "page", ["/", "/server_info", "/prometheus/api/v1/query?query=up", "/alertmanager/api/v2/alerts"]
)
@pytest.mark.parametrize("user", ["operator", "viewer"])
def test_who_is_signed_in_sees(platform: Platform, user: str, page: str) -> None:
    assert platform.get(page, user)[0] == 200


@pytest.mark.parametrize("disguise", MUTATIONS)
@pytest.mark.parametrize("form", ["json", "batch", "graphql", "form", "address", "get_with_body"])
def test_the_viewer_changes_nothing_in_any_disguise(platform: Platform, disguise: str, form: str) -> None:
    before = runs(platform)
    query = MUTATIONS[disguise]
    named: dict[str, Any] = {"query": query}
    if disguise == "after_a_query":
        named["operationName"] = "Other"
    encoded = urllib.parse.urlencode(named)
    match form:
        case "json":
            answer = sent(
                platform, "viewer", "/graphql", json.dumps(named).encode(), **{"Content-Type": "application/json"}
            )
        case "batch":
            answer = sent(
                platform, "viewer", "/graphql", json.dumps([named]).encode(), **{"Content-Type": "application/json"}
            )
        case "graphql":
            answer = sent(platform, "viewer", "/graphql", query.encode(), **{"Content-Type": "application/graphql"})
        case "form":
            answer = sent(platform, "viewer", "/graphql", encoded.encode())
        case "address":
            answer = sent(platform, "viewer", f"/graphql?{encoded}", b"")
        case _:
            answer = sent(platform, "viewer", f"/graphql?{encoded}", json.dumps(named).encode())

    code, content = answer
    if form == "json":
        assert refused(content), answer
    else:
        assert code >= 400 or refused(content), answer
    assert runs(platform) == before


def test_the_viewer_does_nothing_to_a_run_that_goes_on(sampled: Platform) -> None:
    run = sampled.launch()
    sampled.wait_for_step(run, "reshaped_objects")
    before = runs(sampled)

    for mutation in AGAINST_A_RUN.values():
        body = json.dumps({"query": mutation % run}).encode()
        code, content = sent(sampled, "viewer", "/graphql", body, **{"Content-Type": "application/json"})
        assert code == 200, content
        assert set(content) == {"data"}, "Dagster knows the mutation"
        say_over_a_websocket(sampled, "viewer", mutation % run)

    assert sampled.ended(run) == "SUCCESS"
    assert runs(sampled) == before
    (latest,) = sampled.client().ask(_MATERIALIZED)["assetOrError"]["assetMaterializations"]
    assert latest["runId"] == run


def say_over_a_websocket(platform: Platform, user: str, query: str) -> None:
    """Start an operation as the UI starts a subscription, and wait for an answer to it."""
    headers = {"Authorization": platform.client(user).authorization}
    address = f"ws://127.0.0.1:{platform.port}/graphql"
    with connect(
        address,
        additional_headers=headers,
        subprotocols=[Subprotocol("graphql-ws")],
        origin=Origin(f"http://127.0.0.1:{platform.port}"),
    ) as socket:
        socket.send(json.dumps({"type": "connection_init"}))
        socket.send(json.dumps({"id": "1", "type": "start", "payload": {"query": query}}))
        assert json.loads(socket.recv(timeout=20))["type"] == "connection_ack"
        said = json.loads(socket.recv(timeout=20))
        assert said["id"] == "1"
        assert not said.get("payload", {}).get("data"), said


@pytest.mark.parametrize("disguise", MUTATIONS)
def test_what_the_viewer_tries_is_a_mutation_that_dagster_knows(platform: Platform, disguise: str) -> None:
    """Dagster validates the whole document, and executes the operation that is named."""
    document = MUTATIONS[disguise].replace("mutation {", "mutation Tried {")
    if "query Harmless" not in document:
        document += " query Harmless { version }"
    body = json.dumps({"query": document, "operationName": "Harmless"}).encode()

    code, content = sent(platform, "operator", "/graphql", body, **{"Content-Type": "application/json"})

    assert code == 200, content
    assert set(content) == {"data"}, content
    assert content["data"]["version"]


def refused(content: Any) -> bool:
    if content.get("errors"):
        return True
    return all(value["__typename"] in REFUSALS for value in content["data"].values())


def test_what_is_not_published_has_no_address(sampled: Platform) -> None:
    for path in (
        "/files/../stages/museum/harvested_objects.parquet",
        "/files/%2e%2e/stages",
        "/files/",
        "/files?list-type=2",
    ):
        code, _ = sampled.get(path)
        assert code in (400, 404), path
