"""A whole graph into a second server, and the switch of readers to it."""

import threading
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from millrace.errors import ConfigurationError, GraphChangedError, MillraceError
from millrace.graph import PartReport
from millrace.graph.neo4j import Server
from millrace.graph.place import GraphPlace, Rebuild
from millrace.graph.resource import GraphResource
from millrace.runs.tags import FULL_REFRESH_TAG
from millrace.stores import Place
from millrace.testing.graphs import FIRM, MILL, State, graph_contents, load_state, made_state, state_contents

OLD, NEW = made_state(10, 40), made_state(10, 40, seed=4)


@pytest.fixture
def place(server: Server, kept_server: Server, tmp_path: Path) -> GraphPlace:
    """Two servers; the first is served and has the old graph."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "neo4j_password").write_text((server.secrets / "neo4j_password").read_text())
    servers = [server.address, kept_server.address]
    found = GraphPlace(
        servers=servers, secrets=str(tmp_path / "secrets"), beside=Place(address=str(tmp_path / "beside"))
    )
    with found.open(MILL) as graph:
        load_state(graph, OLD)
    return found


def served(place: GraphPlace) -> dict[str, list[object]]:
    with place.open(MILL) as graph:
        return graph_contents(graph)


def test_the_first_server_is_served_until_somebody_switches(place: GraphPlace) -> None:
    assert place.served() == place.names()[0]
    assert served(place) == state_contents(OLD)


def a_run(*, retry_of: dg.DagsterRun | None = None, anew: bool = True) -> dg.DagsterRun:
    first = retry_of.run_id if retry_of else None
    tags = {FULL_REFRESH_TAG: "true"} if anew else {}
    return dg.DagsterRun("job", tags=tags, root_run_id=first, parent_run_id=first)


def refreshed(graphs: GraphResource, run: dg.DagsterRun, state: State) -> list[PartReport]:
    """Load a state in a run and show it, as a domain's assets do."""
    with graphs.open_for(run) as graph:
        reports, whole = load_state(graph, state)
    assert whole.is_reconciled
    graphs.show(run)
    return reports


@pytest.fixture
def graphs(place: GraphPlace) -> GraphResource:
    return GraphResource(model="millrace.testing.graphs:MILL", place=place)


def test_a_refresh_is_served_at_its_end_and_the_old_graph_stays_as_it_was(graphs: GraphResource) -> None:
    place, run = graphs.place, a_run()
    first, second = place.names()
    with graphs.open_for(run) as graph:
        load_state(graph, NEW)
    assert (place.served(), served(place)) == (first, state_contents(OLD))

    assert graphs.show(run) == second

    assert (place.served(), served(place)) == (second, state_contents(NEW))
    with place.open_server(first, MILL) as graph:
        assert graph_contents(graph) == state_contents(OLD)
    assert graphs.show(run) == second  # again, after a crash at the end
    place.switch(first, since=second)
    assert served(place) == state_contents(OLD)


def test_a_second_refresh_goes_back_to_the_first_server_and_empties_it_before(graphs: GraphResource) -> None:
    first, _ = graphs.place.names()
    refreshed(graphs, a_run(), NEW)

    reports = refreshed(graphs, a_run(), NEW)

    assert graphs.place.served() == first
    assert [one.added for one in reports] == [one.rows_in for one in reports]
    assert served(graphs.place) == state_contents(NEW)


def test_the_steps_and_retries_of_a_refresh_load_one_server_and_empty_it_once(graphs: GraphResource) -> None:
    run = a_run()
    with graphs.open_for(run) as graph:
        assert graph.load_nodes(FIRM, NEW.frames()["Firm"]).added == len(NEW.frames()["Firm"])

    reports = refreshed(graphs, a_run(retry_of=run), NEW)

    assert [one.added for one in reports if one.part == "Firm"] == [0]
    assert served(graphs.place) == state_contents(NEW)


def test_a_refresh_that_failed_leaves_nothing_to_the_next(graphs: GraphResource) -> None:
    with graphs.open_for(a_run()) as graph:
        load_state(graph, OLD)  # and is killed

    reports = refreshed(graphs, a_run(), NEW)

    assert [one.added for one in reports] == [one.rows_in for one in reports]
    assert served(graphs.place) == state_contents(NEW)


def test_a_run_that_refreshes_nothing_loads_what_is_served(graphs: GraphResource) -> None:
    run = a_run(anew=False)

    reports = refreshed(graphs, run, OLD)

    assert sum(one.unchanged for one in reports) == sum(one.rows_in for one in reports)
    assert (graphs.show(run), graphs.place.served()) == (None, graphs.place.names()[0])


def test_a_refresh_with_one_server_loads_that_by_its_differences(graphs: GraphResource) -> None:
    place = graphs.place.model_copy(update={"servers": graphs.place.servers[:1]})
    alone = GraphResource(model=graphs.model, place=place)

    reports = refreshed(alone, a_run(), OLD)

    assert sum(one.unchanged for one in reports) == sum(one.rows_in for one in reports)


def test_a_refresh_is_not_shown_where_somebody_else_has_switched_since(tmp_path: Path) -> None:
    place = GraphPlace(servers=["bolt://one", "bolt://two", "bolt://three"], beside=Place(address=str(tmp_path)))
    run = a_run()
    place.note_rebuild(Rebuild(run.run_id, "two", "one"))
    place.switch("three", since="one")

    with pytest.raises(GraphChangedError, match="no longer names one"):
        GraphResource(model="millrace.testing.graphs:MILL", place=place).show(run)

    assert place.served() == "three"


@pytest.fixture(params=["folder", "bucket"])
def pointed(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], GraphPlace]:
    """Opens a place of either kind, as another process would; nothing answers behind its addresses."""
    beside = (
        Place(address=str(tmp_path / "spot"))
        if request.param == "folder"
        else request.getfixturevalue("object_store").place()
    )
    return lambda: GraphPlace(servers=["bolt://one:7687", "bolt://two", "bolt://three:7000"], beside=beside)


def test_a_server_is_named_after_its_host(pointed: Callable[[], GraphPlace]) -> None:
    assert pointed().names() == ["one", "two", "three:7000"]
    assert pointed().served() == "one"


def test_a_switch_holds_for_every_reader(pointed: Callable[[], GraphPlace]) -> None:
    pointed().switch("two", since="one")
    assert pointed().served() == "two"
    pointed().switch("three:7000", since="two")
    assert pointed().served() == "three:7000"


def test_a_switch_on_what_is_no_longer_so_is_refused(pointed: Callable[[], GraphPlace]) -> None:
    pointed().switch("two", since="one")

    with pytest.raises(GraphChangedError, match="no longer names one"):
        pointed().switch("three:7000", since="one")

    assert pointed().served() == "two"


def test_of_many_switches_at_once_one_succeeds(pointed: Callable[[], GraphPlace]) -> None:
    outcomes: list[str] = []

    def switch(to: str) -> None:
        try:
            pointed().switch(to, since="one")
            outcomes.append(to)
        except MillraceError:
            pass

    threads = [threading.Thread(target=switch, args=[to]) for to in ("two", "three:7000") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Two threads that write the same leave the same version behind in a bucket: either may be told that it wrote.
    assert set(outcomes) == {pointed().served()}


def test_a_server_that_the_setting_does_not_name_is_said(pointed: Callable[[], GraphPlace]) -> None:
    with pytest.raises(
        ConfigurationError, match="there is no server 'four'; MILLRACE_GRAPH names one, two, three:7000"
    ):
        pointed().switch("four", since="one")
    pointed().switch("two", since="one")
    with pytest.raises(ConfigurationError, match="there is no server 'two'; MILLRACE_GRAPH names one"):
        pointed().model_copy(update={"servers": ["bolt://one"]}).served()
