"""Any history of loads leads to the graph that one load of the last state leads to."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from millrace.graph import Graph
from millrace.graph.ladybug import LadybugGraph
from millrace.testing.graphs import MILL, State, graph_contents, load_state, state_contents

_NUMBERS = st.integers(0, 7)


@st.composite
def states(draw: st.DrawFn) -> State:
    """Some firms and grants of eight each, and relationships among those that there are."""
    firms = draw(st.sets(_NUMBERS))
    grants = draw(st.sets(_NUMBERS))
    pairs = [(f, g) for f in sorted(firms) for g in sorted(grants)]
    chains = [(a, b, kind) for a in sorted(grants) for b in sorted(grants) for kind in ("x", "y")]
    return State(
        [{"firm_id": f"F{n}", "name": draw(st.sampled_from("abc")), "tags": draw(st.sampled_from([None, [], ["t"]]))}
         for n in sorted(firms)],
        [{"grant_id": n, "amount_usd": draw(st.sampled_from([None, 1.0, 2.0])), "begun": None} for n in sorted(grants)],
        [{"from_key": f"F{f}", "to_key": g, "share": draw(st.sampled_from([0.5, 1.0]))}
         for f, g in (draw(st.sets(st.sampled_from(pairs), max_size=8)) if pairs else ())],
        [{"from_key": a, "to_key": b, "kind": kind}
         for a, b, kind in (draw(st.sets(st.sampled_from(chains), max_size=8)) if chains else ())],
    )  # fmt: skip


def follow(graph: Graph, history: list[State], disturb: Callable[[], Any] = lambda: None) -> None:
    for state in history:
        reports, whole = load_state(graph, state)
        assert [problem for one in (*reports, whole) for problem in one.problems] == []
        disturb()
    assert graph_contents(graph) == state_contents(history[-1])


@settings(max_examples=15, deadline=None)
@given(history=st.lists(states(), min_size=1, max_size=3))
def test_any_history_ends_in_its_last_state_in_ladybug(history: list[State]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        follow(LadybugGraph(Path(folder), MILL), history)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(states(), min_size=1, max_size=4), is_ledger_lost=st.booleans())
def test_any_history_ends_in_its_last_state_in_neo4j(
    opened: Callable[..., Any], tmp_path: Path, history: list[State], *, is_ledger_lost: bool
) -> None:
    graph = opened(batch_rows={"Firm": 2, "RECEIVED": 3})

    def lose_the_ledger() -> None:
        if is_ledger_lost:
            for file in (tmp_path / "ledger").glob("*.parquet"):
                file.unlink()

    follow(graph, history, lose_the_ledger)


def test_a_state_that_differs_is_told_apart(tmp_path: Path) -> None:
    """The comparison itself: it must not hold for everything."""
    graph = LadybugGraph(tmp_path, MILL)
    load_state(graph, State(firms=[{"firm_id": "F1", "name": "a", "tags": None}]))

    with pytest.raises(AssertionError):
        assert graph_contents(graph) == state_contents(State(firms=[{"firm_id": "F1", "name": "b", "tags": None}]))
