"""Loads again, unasked, a code location that was down when the webserver last looked.

    python -m millrace_dagster.reload http://webserver-ui:3000 -- dagster-webserver --host webserver-ui …

Dagster watches a location that it has loaded, and notices when its server restarts. One that failed to load it leaves
alone until somebody clicks on "Reload": a domain that is broken while the webserver starts would stay away when mended.
A read-only webserver takes no such click, so it is ended, for its restart policy, once the location's server answers.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

_EVERY_SECONDS = 10
_PORT = 4000  # of every location's server, at the address that the workspace has
_FAILED = """{ workspaceOrError { ... on Workspace { locationEntries {
    name loadStatus locationOrLoadError { __typename } } } } }"""
_RELOAD = """mutation ($name: String!) {
    reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"""


def ask(address: str, query: str, **variables: str) -> dict:
    """Send a GraphQL query.

    Raises:
        OSError: the webserver does not answer.
    """
    request = urllib.request.Request(  # noqa: S310  # the address is the webserver's own
        f"{address}/graphql",
        json.dumps({"query": query, "variables": variables}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        return json.load(response)["data"]


def failed_locations(address: str) -> list[str]:
    """Names of the locations that could not be loaded."""
    entries = ask(address, _FAILED)["workspaceOrError"].get("locationEntries", [])
    return [
        entry["name"]
        for entry in entries
        if entry["loadStatus"] == "LOADED" and (entry["locationOrLoadError"] or {}).get("__typename") == "PythonError"
    ]


def answers(host: str) -> bool:
    """Whether a location's server listens."""
    try:
        socket.create_connection((host, _PORT), 5).close()
    except OSError:
        return False
    return True


def watch(address: str, is_read_only: bool) -> None:
    """Load again what failed, over and over; this process is the webserver's child."""
    while True:
        time.sleep(_EVERY_SECONDS)
        try:
            for name in failed_locations(address):
                if not is_read_only:
                    ask(address, _RELOAD, name=name)
                elif answers(f"{name}-control"):
                    os.kill(os.getppid(), signal.SIGTERM)
        except (OSError, ValueError, KeyError) as error:  # it starts, or it is busy: the next round comes
            print(f"reload: {error}", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Start the watch beside this process, and become the webserver."""
    address, separator, *command = sys.argv[1:]
    if separator != "--" or not command:
        raise SystemExit("usage: python -m millrace_dagster.reload ADDRESS -- COMMAND …")
    call = f"from millrace_dagster.reload import watch; watch({address!r}, {'--read-only' in command})"
    subprocess.Popen([sys.executable, "-c", call])
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main()
