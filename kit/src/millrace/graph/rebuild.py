"""A full refresh of a graph: its run loads a server that nobody reads, and readers are sent there once all adds up.

    beside/rebuild.json           which run loads which server

A refresh that fails at any point leaves readers where they are; the server that they leave keeps what it has, so that
one can switch back. What belongs here: the server of a run, and the end. What does not: loading (`neo4j`), the pointer
(`place`), which runs are refreshes (`millrace.runs.refresh`).
"""

from dagster import DagsterRun

from millrace.graph.model import GraphModel
from millrace.graph.place import GraphPlace, Rebuild
from millrace.runs.failures import first_run_id
from millrace.runs.refresh import makes_everything_anew


def server_of(place: GraphPlace, model: GraphModel, run: DagsterRun) -> str | None:
    """The server that a run loads instead of the one that is served; None: it loads that one.

    A full refresh has the next server to itself. It is emptied when the run first asks; a retry goes on with what its
    first run has loaded. Where there is one server only, a refresh loads that by its differences, like any other run.
    """
    if not makes_everything_anew(run) or len(place.names()) < 2:
        return None
    first = first_run_id(run)
    found = place.rebuild()
    if found is not None and found.run == first:
        return found.server
    served = place.served()
    server = next(name for name in place.names() if name != served)
    with place.open_server(server, model) as graph:
        graph.remove_all()
    place.note_rebuild(Rebuild(first, server, served))
    return server


def show(place: GraphPlace, run: DagsterRun) -> str | None:
    """Send readers to the server that a full refresh has loaded; done again it changes nothing.

    Returns:
        Name of the server; None for a run that has none of its own.

    Raises:
        GraphChangedError: somebody else has switched since the refresh began.
    """
    found = place.rebuild()
    if found is None or found.run != first_run_id(run):
        return None
    if place.served() != found.server:
        place.switch(found.server, since=found.served)
    return found.server
