"""Code locations: which load, and what they define.

What belongs here: the workspace over GraphQL, a location's definitions when it has loaded anew. What does not: whether
its server answers (`code_servers`), and anything that happens in runs.

`repositoriesOrError` leaves out locations that are broken, without a word. So the list comes from `workspaceOrError`,
and what a broken location had defined stays until it loads again.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from millrace_exporter.definitions import (
    MOST_STATIC,
    Asset,
    Definitions,
    Instigator,
    Location,
    Partitions,
    Policy,
    Workspace,
)
from millrace_exporter.samples import Samples
from millrace_exporter.sources.graphql import GraphQLError, Webserver, member

WORKSPACE = """query Workspace {
  workspaceOrError { __typename
    ... on PythonError { message }
    ... on Workspace { locationEntries { name loadStatus versionKey updatedTimestamp displayMetadata { key value }
      locationOrLoadError { __typename
        ... on PythonError { message }
        ... on RepositoryLocation { repositories { name } } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required } } } }"""

REPOSITORY = """query Repository($location: String!, $repository: String!) {
  repositoriesOrError(repositorySelector: {repositoryLocationName: $location, repositoryName: $repository}) { __typename
    ... on PythonError { message }
    ... on RepositoryNotFoundError { message }
    ... on RepositoryConnection { nodes {
      jobs { name }
      schedules { name cronSchedule executionTimezone defaultStatus scheduleState { selectorId } }
      sensors { name minIntervalSeconds defaultStatus sensorState { selectorId } }
      assetNodes { assetKey { path } groupName kinds isAutoCreatedStub
        owners { __typename ... on TeamAssetOwner { team } ... on UserAssetOwner { email } }
        internalFreshnessPolicy { __typename
          ... on TimeWindowFreshnessPolicy { failWindowSeconds warnWindowSeconds }
          ... on CronFreshnessPolicy { deadlineCron lowerBoundDeltaSeconds timezone } }
        partitionDefinition { type fmt description }
        newest: partitionKeyConnection(limit: 3, ascending: false) { results } } } } } }"""

STATIC_KEYS = """query Keys($keys: [AssetKeyInput!]!, $most: Int!) {
  assetNodes(assetKeys: $keys) { assetKey { path }
    partitionKeyConnection(limit: $most, ascending: true) { results hasMore } } }"""


class WorkspaceCollector:
    """Follows the workspace."""

    name = "workspace"

    def __init__(self, webserver: Webserver, workspace: Workspace) -> None:
        self._webserver = webserver
        self._workspace = workspace

    def poll(self) -> Samples:
        """Which locations load, and their assets.

        Raises:
            GraphQLError: The webserver's answer is an error; what was known stays.
            httpx.HTTPError: It does not answer.
        """
        answer = self._webserver.ask(WORKSPACE)
        entries = member(answer["workspaceOrError"], "Workspace")["locationEntries"]
        statuses = answer["instance"]["daemonHealth"]["allDaemonStatuses"]
        required = {one["daemonType"]: bool(one["required"]) for one in statuses}
        known = self._workspace.now.locations
        locations, problems = [], []
        for entry in entries:
            before = known.get(entry["name"], Location(entry["name"]))
            try:
                locations.append(self._location(entry, before))
            except GraphQLError as error:  # of this location alone: it has loaded, and the others are taken in
                problems.append(f"{entry['name']}: {error}")
                locations.append(_with(before, loaded=True))
        self._workspace.replace(self._workspace.now.updated(locations, required))
        samples = self.samples()
        samples.problems += problems
        return samples

    def samples(self) -> Samples:
        """The series of what is known now."""
        samples, definitions = Samples(self.name), self._workspace.now
        for location in definitions.locations.values():
            samples.set("dagster_code_location_loaded", [location.name], float(location.loaded))
        for asset in definitions.assets.values():
            labels = [asset.key, asset.group, asset.location, ",".join(asset.owners), ",".join(asset.kinds)]
            samples.set("dagster_asset_info", labels, 1)
        return samples

    def dump(self) -> dict[str, Any]:
        """The definitions."""
        return self._workspace.now.dump()

    def restore(self, dumped: Mapping[str, Any] | None) -> None:
        """Take up the definitions that were known."""
        self._workspace.replace(Definitions.restored(dumped) if dumped else Definitions())

    def _location(self, entry: Mapping[str, Any], before: Location) -> Location:
        found = entry["locationOrLoadError"]
        loaded = isinstance(found, dict) and found.get("__typename") == "RepositoryLocation"
        metadata = {one["key"]: one["value"] for one in entry["displayMetadata"]}
        address = f"{metadata['host']}:{metadata['port']}" if {"host", "port"} <= set(metadata) else before.address
        version = f"{entry['versionKey']} {entry['updatedTimestamp']}"
        if not loaded:
            still_loading = found is None and entry["loadStatus"] == "LOADING"
            return _with(before, loaded=before.loaded and still_loading, address=address)
        if version == before.version:
            return _with(before, loaded=True, address=address)
        jobs: list[str] = []
        instigators: list[Instigator] = []
        assets: list[Asset] = []
        for repository in found["repositories"]:
            node = self._repository(entry["name"], repository["name"])
            jobs += [job["name"] for job in node["jobs"]]
            instigators += _instigators(node)
            assets += _assets(entry["name"], node)
        return Location(
            name=entry["name"],
            version=version,
            loaded=True,
            address=address,
            jobs=tuple(jobs),
            instigators=tuple(instigators),
            assets=tuple(self._with_static_keys(assets)),
        )

    def _repository(self, location: str, repository: str) -> dict[str, Any]:
        answer = self._webserver.ask(REPOSITORY, {"location": location, "repository": repository})
        nodes = member(answer["repositoriesOrError"], "RepositoryConnection")["nodes"]
        if len(nodes) != 1:
            raise GraphQLError(f"{len(nodes)} repositories {repository} in {location} (expected 1)")
        return nodes[0]

    def _with_static_keys(self, assets: list[Asset]) -> Iterator[Asset]:
        wanted = [one for one in assets if one.policy and one.partitions and one.partitions.kind == "STATIC"]
        if not wanted:
            yield from assets
            return
        keys = [{"path": one.key.split("/")} for one in wanted]
        answer = self._webserver.ask(STATIC_KEYS, {"keys": keys, "most": MOST_STATIC})
        found = {
            "/".join(node["assetKey"]["path"]): node["partitionKeyConnection"]
            for node in answer["assetNodes"]
            if node["partitionKeyConnection"]
        }
        for asset in assets:
            given = found.get(asset.key)
            if given and not given["hasMore"]:
                yield _with(asset, partitions=Partitions("STATIC", keys=tuple(given["results"])))
            else:
                yield asset


def _with(value: Any, **changes: Any) -> Any:
    return type(value)(**{**vars(value), **changes})


def _instigators(node: Mapping[str, Any]) -> Iterator[Instigator]:
    for one in node["schedules"]:
        yield Instigator(
            name=one["name"],
            kind="schedule",
            selector_id=one["scheduleState"]["selectorId"],
            default_running=one["defaultStatus"] == "RUNNING",
            crons=_crons(one["cronSchedule"]),
            timezone=one["executionTimezone"] or "UTC",
        )
    for one in node["sensors"]:
        yield Instigator(
            name=one["name"],
            kind="sensor",
            selector_id=one["sensorState"]["selectorId"],
            default_running=one["defaultStatus"] == "RUNNING",
            interval_seconds=float(one["minIntervalSeconds"]),
        )


def _crons(text: str) -> tuple[str, ...]:
    """A schedule of several crons comes as a list's text."""
    if text.startswith("["):
        return tuple(str(one) for one in ast.literal_eval(text))
    return (text,)


def _assets(location: str, node: Mapping[str, Any]) -> Iterator[Asset]:
    for one in node["assetNodes"]:
        if one["isAutoCreatedStub"]:  # stands for what another location may define
            continue
        yield Asset(
            key="/".join(one["assetKey"]["path"]),
            group=one["groupName"],
            location=location,
            owners=tuple(sorted(owner.get("team") or owner.get("email") or "" for owner in one["owners"])),
            kinds=tuple(sorted(one["kinds"])),
            policy=_policy(one["internalFreshnessPolicy"]),
            partitions=_partitions(one["partitionDefinition"], one["newest"]),
        )


def _policy(found: Mapping[str, Any] | None) -> Policy | None:
    if found is None:
        return None
    if found["__typename"] == "CronFreshnessPolicy":
        return Policy(float(found["lowerBoundDeltaSeconds"]), None, found["deadlineCron"], found["timezone"])
    warn = found["warnWindowSeconds"]
    return Policy(float(found["failWindowSeconds"]), None if warn is None else float(warn))


def _partitions(found: Mapping[str, Any] | None, newest: Mapping[str, Any] | None) -> Partitions | None:
    if found is None:
        return None
    if found["type"] != "TIME_WINDOW":
        return Partitions(found["type"])
    # "Daily, starting 2026-01-01 Europe/Berlin.": the time zone is in no field of its own.
    zone = re.search(r"(\S+)\.$", found["description"])
    keys = tuple(newest["results"]) if newest else ()
    return Partitions("TIME_WINDOW", found["fmt"] or "", zone[1] if zone else "UTC", keys)
