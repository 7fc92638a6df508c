"""A whole graph into a second server, and the switch of readers to it."""

import threading
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from millrace.errors import ConfigurationError, GraphChangedError, GraphRefusedError, MillraceError
from millrace.graph.neo4j import Server
from millrace.graph.place import GraphPlace
from millrace.graph.rebuild import rebuild
from millrace.stores import Place
from millrace.testing.graphs import MILL, graph_contents, load_state, made_state, state_contents

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


def test_a_rebuild_is_served_and_the_old_graph_stays_as_it_was(place: GraphPlace) -> None:
    first, second = place.names()

    done = rebuild(place, MILL, NEW.frames())

    assert (done.server, done.before, place.served()) == (second, first, second)
    assert served(place) == state_contents(NEW)
    with place.open_server(first, MILL) as graph:
        assert graph_contents(graph) == state_contents(OLD)
    place.switch(first, since=second)
    assert served(place) == state_contents(OLD)


def test_a_second_rebuild_goes_back_to_the_first_server_and_empties_it_before(place: GraphPlace) -> None:
    first, _ = place.names()
    rebuild(place, MILL, NEW.frames())

    done = rebuild(place, MILL, NEW.frames())

    assert place.served() == first
    assert [one.added for one in done.parts] == [one.rows_in for one in done.parts]
    assert served(place) == state_contents(NEW)


def test_a_rebuild_that_fails_leaves_readers_where_they_are(place: GraphPlace) -> None:
    frames = NEW.frames()
    frames["RECEIVED"] = pl.concat([frames["RECEIVED"], pl.DataFrame({"from_key": "X", "to_key": 1, "share": 1.0})])

    with pytest.raises(GraphRefusedError, match=r"1 of .* relationships lack an end point"):
        rebuild(place, MILL, frames)

    assert place.served() == place.names()[0]
    assert served(place) == state_contents(OLD)


def test_a_rebuild_needs_every_part_and_a_server_that_is_not_served(place: GraphPlace) -> None:
    frames = NEW.frames()
    del frames["Firm"]

    with pytest.raises(ConfigurationError, match=r"there is no frame for Firm .* is served, and would be emptied"):
        rebuild(place, MILL, frames, to=place.served())
    with pytest.raises(ConfigurationError, match="has one server only"):
        rebuild(place.model_copy(update={"servers": place.servers[:1]}), MILL, NEW.frames())


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
