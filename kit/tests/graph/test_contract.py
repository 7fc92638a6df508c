"""What the port promises, on either database."""

from pathlib import Path

import polars as pl
import pytest

from millrace.errors import ConfigurationError, GraphRefusedError
from millrace.graph import Graph, GraphModel, Node, Parameter, Property, Query
from millrace.quality import RejectLog, read_rejects
from millrace.stores import FolderStore
from millrace.testing.graphs import (
    FIRM,
    GRANT,
    LEADS_TO,
    RECEIVED,
    State,
    graph_contents,
    load_state,
    made_state,
    state_contents,
)

SOME = made_state()


def asked(cypher: str, **fields: object) -> Query:
    return Query.model_validate({"name": "asked", "title": "t", "description": "d", "cypher": cypher, **fields})


def test_a_graph_is_what_was_loaded(graph: Graph) -> None:
    reports, whole = load_state(graph, SOME)

    assert graph_contents(graph) == state_contents(SOME)
    assert [report.problems for report in reports] == [[]] * 4
    assert whole.problems == []
    assert graph.counts() == whole.counted == {"Firm": 4, "Grant": 9, "RECEIVED": 9, "LEADS_TO": len(SOME.leads_to)}


def test_loading_the_same_again_changes_nothing(graph: Graph) -> None:
    load_state(graph, SOME)
    before = graph_contents(graph)

    reports, whole = load_state(graph, SOME)

    assert [(one.added, one.changed, one.removed, one.unchanged == one.rows_in) for one in reports] == [
        (0, 0, 0, True)
    ] * 4
    assert whole.is_reconciled
    assert graph_contents(graph) == before


def test_the_order_of_rows_does_not_matter(graph: Graph) -> None:
    load_state(graph, SOME)
    frames = SOME.frames()

    report = graph.load_relationships(RECEIVED, frames["RECEIVED"].reverse())

    assert (report.unchanged, report.changed) == (9, 0)


def test_a_load_reports_what_it_added_changed_and_removed(graph: Graph) -> None:
    load_state(graph, SOME)
    grants = [{**SOME.grants[0], "amount_usd": 7.0}, *SOME.grants[2:], {**SOME.grants[0], "grant_id": 99}]
    received = [{**one, "share": 0.5} if one["to_key"] == 3 else one for one in SOME.received if one["to_key"] != 1]
    leads_to = [one for one in SOME.leads_to if 1 not in (one["from_key"], one["to_key"])]
    state = State(SOME.firms, grants, received, leads_to)

    reports, whole = load_state(graph, state)

    figures = {one.part: (one.added, one.changed, one.unchanged, one.removed) for one in reports}
    assert figures["Firm"] == (0, 0, 4, 0)
    assert figures["Grant"] == (1, 1, 7, 1)
    assert figures["RECEIVED"] == (0, 1, 7, 1)
    assert figures["LEADS_TO"][3] == len(SOME.leads_to) - len(leads_to) > 0
    assert all(one.is_reconciled for one in (*reports, whole))
    assert graph_contents(graph) == state_contents(state)


def test_several_relationships_between_two_nodes_are_told_apart_by_their_key(graph: Graph) -> None:
    rows = [{"from_key": 0, "to_key": 1, "kind": kind} for kind in ("money", "idea", "people")]
    load_state(graph, State(SOME.firms, SOME.grants, [], rows))

    load_state(graph, State(SOME.firms, SOME.grants, [], rows[1:]))

    assert [one["kind"] for one in graph_contents(graph)["LEADS_TO"]] == ["idea", "people"]


def test_what_is_gone_takes_its_relationships_along_when_the_graph_is_finished(graph: Graph) -> None:
    load_state(graph, SOME)

    graph.load_nodes(GRANT, SOME.frames()["Grant"].filter(pl.col("grant_id") != 2))
    whole = graph.finish()

    assert whole.is_reconciled
    assert whole.swept["RECEIVED"] == 1
    assert graph.counts()["Grant"] == 8
    assert all(one["to_key"] != 2 for one in graph_contents(graph)["RECEIVED"])


def test_a_node_that_returns_before_it_was_swept_stays(graph: Graph) -> None:
    load_state(graph, SOME)
    frame = SOME.frames()["Grant"]
    graph.load_nodes(GRANT, frame.filter(pl.col("grant_id") != 2))

    graph.load_nodes(GRANT, frame)
    whole = graph.finish()

    assert whole.is_reconciled
    assert graph_contents(graph) == state_contents(SOME)


def test_an_empty_frame_empties_its_part(graph: Graph) -> None:
    load_state(graph, SOME)

    _, whole = load_state(graph, State())

    assert whole.counted == {"Firm": 0, "Grant": 0, "RECEIVED": 0, "LEADS_TO": 0}
    assert whole.is_reconciled


def test_a_finish_without_loads_is_an_empty_graph(graph: Graph) -> None:
    whole = graph.finish()

    assert whole.is_reconciled
    assert set(graph.counts().values()) == {0}


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pl.DataFrame({"firm_id": ["a", "b", "a", "b", "a"]}), "2 keys stand more than once: a in 3 rows; b in 2 rows"),
        (pl.DataFrame({"firm_id": ["a", None, None]}), "2 rows have no firm_id"),
    ],
    ids=["twice", "null"],
)
def test_keys_that_collide_or_are_null_are_refused_before_anything_is_written(
    graph: Graph, frame: pl.DataFrame, words: str
) -> None:
    load_state(graph, SOME)
    before = graph_contents(graph)
    rows = frame.with_columns(name=pl.lit("x"), tags=pl.lit(None, pl.List(pl.String)))

    with pytest.raises(GraphRefusedError, match=words):
        graph.load_nodes(FIRM, rows)

    graph.finish()
    assert graph_contents(graph) == before


def test_columns_that_do_not_fit_are_named_all_at_once(graph: Graph) -> None:
    with pytest.raises(GraphRefusedError) as refused:
        graph.load_nodes(GRANT, pl.DataFrame({"grant_id": ["1"], "begun": [2]}))

    text = str(refused.value)
    assert "column amount_usd is missing" in text
    assert "column grant_id is String, not Int64" in text
    assert "column begun is Int64, not Date" in text


def test_a_part_of_another_model_is_refused(graph: Graph) -> None:
    other = Node("Other", "k", "d", (Property("k", pl.String, "d"),))

    with pytest.raises(ConfigurationError, match="Other is not in its model"):
        graph.load_nodes(other, pl.DataFrame({"k": ["a"]}))


def test_relationships_without_their_ends_are_refused_with_examples(graph: Graph) -> None:
    load_state(graph, SOME)
    before = graph_contents(graph)
    lost = pl.DataFrame(
        [{"from_key": "F000000", "to_key": 77, "share": 1.0}, {"from_key": "X", "to_key": 78, "share": 1}]
    )
    frame = pl.concat([SOME.frames()["RECEIVED"], lost])

    with pytest.raises(GraphRefusedError) as refused:
        graph.load_relationships(RECEIVED, frame)

    text = str(refused.value)
    assert "2 of 11 relationships lack an end point" in text
    assert "F000000->77 (there is no Grant)" in text
    assert "X->78 (there is no Firm and there is no Grant)" in text
    graph.finish()
    assert graph_contents(graph) == before


def test_relationships_without_their_ends_are_rejected_where_some_are_allowed(graph: Graph, tmp_path: Path) -> None:
    load_state(graph, SOME)
    lost = pl.DataFrame([{"from_key": "X", "to_key": 1, "share": 1.0}])
    store = FolderStore(tmp_path / "rejects")

    with RejectLog(store, "loaded.ndjson") as log:
        report = graph.load_relationships(
            RECEIVED, pl.concat([SOME.frames()["RECEIVED"], lost]), rejects=log, max_rejected_share=0.1
        )

    assert (report.rows_in, report.rejected, report.unchanged) == (10, 1, 9)
    assert report.is_reconciled
    (reject,) = read_rejects(store, "loaded.ndjson")
    assert (reject.place, reject.reason, reject.rule) == ("RECEIVED:X->1", "there is no Firm", "end_point")


def test_a_relationship_to_a_node_that_is_gone_and_not_yet_swept_is_refused(graph: Graph) -> None:
    load_state(graph, SOME)
    graph.load_nodes(GRANT, SOME.frames()["Grant"].filter(pl.col("grant_id") != 2))

    with pytest.raises(GraphRefusedError, match="there is no Grant"):
        graph.load_relationships(RECEIVED, SOME.frames()["RECEIVED"])


def test_a_named_query_takes_parameters(graph: Graph) -> None:
    load_state(graph, SOME)
    query = asked(
        "MATCH (f:Firm)-[:RECEIVED]->(g:Grant) WHERE g.amount_usd >= $least "
        "RETURN f.firm_id AS firm, count(g) AS grants ORDER BY firm",
        parameters={"least": Parameter.model_validate({"type": "number", "default": 9, "description": "US dollars"})},
    )

    answer = graph.ask(query)

    assert list(answer.columns) == ["firm", "grants"]
    assert sum(row[1] for row in answer.rows) == sum(one["amount_usd"] >= 9 for one in SOME.grants)
    assert graph.ask(query, {"least": "1e9"}).rows == []


def test_rows_above_the_cap_are_left_out_and_that_is_said(graph: Graph) -> None:
    load_state(graph, SOME)

    answer = graph.ask(asked("MATCH (g:Grant) RETURN g.grant_id AS id", row_cap=3))

    assert (len(answer.rows), answer.is_cut) == (3, True)
    assert not graph.ask(asked("MATCH (g:Grant) RETURN g.grant_id AS id", row_cap=9)).is_cut


@pytest.mark.parametrize(
    "cypher",
    ["CREATE (:Firm {firm_id: 'new'})", "MATCH (f:Firm) SET f.name = 'mine'", "MATCH ()-[r:RECEIVED]->() DELETE r"],
)
def test_a_query_that_writes_is_refused_by_the_database(graph: Graph, cypher: str) -> None:
    load_state(graph, SOME)
    before = graph_contents(graph)

    with pytest.raises(GraphRefusedError):
        graph.ask(asked(cypher))

    assert graph_contents(graph) == before


def test_a_query_that_takes_too_long_is_ended(graph: Graph) -> None:
    load_state(graph, SOME)
    endless = "UNWIND range(1, 100000) AS a UNWIND range(1, 1000000) AS b WITH a * b AS c WHERE c < 0 RETURN count(c)"

    with pytest.raises(GraphRefusedError):
        graph.ask(asked(endless, timeout_seconds=0.5))


def test_an_answer_shows_nodes_by_their_properties_only(graph: Graph) -> None:
    load_state(graph, SOME)

    ((node,),) = graph.ask(asked("MATCH (f:Firm) WHERE f.firm_id = 'F000001' RETURN f")).rows

    assert node == {"firm_id": "F000001", "name": "Firm 1 0", "tags": ["a", "t1"]}


def test_a_neighbourhood_has_a_share_of_every_type(graph: Graph) -> None:
    load_state(graph, SOME)

    seen = graph.neighbourhood("Firm", "F000001", depth=2)

    assert (seen.centre.label, seen.centre.title) == ("Firm", "Firm 1 0")
    assert {one.key for one in seen.nodes if one.label == "Grant"} >= {1, 5}
    assert {one.type for one in seen.arrows} == {"RECEIVED", "LEADS_TO"}
    assert not seen.is_cut


def test_a_neighbourhood_that_is_too_large_is_cut_and_says_so(graph: Graph) -> None:
    load_state(graph, made_state(firms=1, grants=30))

    seen = graph.neighbourhood("Firm", "F000000", limit=10)

    assert (len(seen.nodes), seen.is_cut) == (11, True)


def test_a_node_that_is_not_there_is_said(graph: Graph) -> None:
    load_state(graph, SOME)

    with pytest.raises(GraphRefusedError, match="there is no Firm with firm_id 'nobody'"):
        graph.neighbourhood("Firm", "nobody")
    with pytest.raises(GraphRefusedError, match="there are Firm, Grant"):
        graph.neighbourhood("Nothing", "nobody")


def test_values_that_need_quoting_survive(graph: Graph) -> None:
    name = 'O\'Brien "& Söhne" \\ {x: $c0[i]} `; DROP\nline'
    rows = [{"firm_id": "it's", "name": name, "tags": ["", "ä'\""]}]

    load_state(graph, State(firms=rows))

    assert graph_contents(graph)["Firm"] == rows


def test_a_property_that_the_model_gains_is_loaded(graph: Graph) -> None:
    load_state(graph, SOME)
    richer = Node("Firm", "firm_id", "d", (*FIRM.properties, Property("city", pl.String, "Where")))
    graph.model = GraphModel("mill", (richer, GRANT), (RECEIVED, LEADS_TO))

    report = graph.load_nodes(richer, SOME.frames()["Firm"].with_columns(city=pl.lit(None, pl.String)))
    graph.finish()

    assert report.changed == 4  # also where the new property is null: it might have been something else before
