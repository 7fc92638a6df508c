"""Extraction: paths, lists and trees of any JSON become text columns, as a plain reading would have it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from millrace.quality import RejectLog
from millrace.stores import FolderStore
from millrace_museum.mapping import FieldMapping, MuseumMapping
from millrace_museum.sources.extract import as_text, compile_path, leaves
from millrace_museum.sources.harvest import open_harvest


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("a", {"a": 1}, 1),
        ("a", {}, None),
        ("a.b.c", {"a": {"b": {"c": "x"}}}, "x"),
        ("a.b.c", {"a": {"b": None}}, None),
        ("a.b", {"a": "text"}, None),
        ("a.b", {"a": [{"b": 1}]}, None),
        ("a", "text", None),
        ("a", None, None),
        (".", "text", "text"),
        (".", {"a": 1}, {"a": 1}),
    ],
)
def test_a_path_steps_into_objects_and_a_missing_step_is_nothing(path: str, value: Any, expected: Any) -> None:
    assert compile_path(path)(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x", "x"),
        (None, None),
        (1922, "1922"),
        (0, "0"),
        (73.5, "73.5"),
        (True, "true"),
        ([1, "a"], '[1,"a"]'),
        ({"a": None}, '{"a":null}'),
    ],
)
def test_every_scalar_is_text_the_way_json_writes_it(value: Any, expected: str | None) -> None:
    assert as_text(value) == expected


def test_leaves_are_the_nodes_without_children_in_reading_order() -> None:
    tree = {"c": [{"n": 1, "c": [{"n": 2}, {"n": 3, "c": []}]}, {"n": 4}, {"n": 5, "c": [{"n": 6, "c": [{"n": 7}]}]}]}

    assert [node["n"] for node in leaves(tree, "c")] == [2, 3, 4, 7]


@pytest.mark.parametrize("tree", [None, "text", [], {}, {"c": None}, {"c": []}, {"c": "text"}, {"n": 1}])
def test_what_is_no_tree_has_no_leaves(tree: Any) -> None:
    assert leaves(tree, "c") == []


def test_a_tree_as_deep_as_json_may_be_is_walked() -> None:
    depth = 500  # orjson refuses 1,024 levels, and a node with its list takes two
    tree = orjson.loads(b'{"c":[' * depth + b'{"n":"deep"}' + b"]}" * depth)

    assert leaves(tree, "c") == [{"n": "deep"}]


PATHS = {"title": "t.de", "medium": "m", "height_mm": "m.h"}
LISTS: dict[str, dict[str, Any]] = {
    "artists": {"from": "people", "each": {"artist_id": "id", "name": "name.full"}},
    "movements": {"from": "schools", "split": ";", "each": {"name": "."}},
    "subjects": {"from": "tree", "tree": "c", "each": {"subject_id": "id", "name": "name"}},
}
MAPPING = MuseumMapping.model_validate(
    {
        "museum": "made",
        "title": "Made",
        "objects": {
            "files": "made.ndjson",
            "format": "ndjson",
            "fields": {
                "object_id": {"from": "key"},
                "title": {"from": "key"},
                "other_title": {"from": PATHS["title"]},
                "medium": {"from": PATHS["medium"]},
                "height_mm": {"from": PATHS["height_mm"]},
                **LISTS,
            },
        },
    }
)


def extracted(folder: Path, records: list[dict[str, Any]]) -> pl.DataFrame:
    """What a harvest makes of records; each gets a key, so that none is rejected."""
    lines = b"".join(orjson.dumps({**record, "key": f"k{n}"}) + b"\n" for n, record in enumerate(records))
    (folder / "made.ndjson").write_bytes(lines)
    opened = open_harvest(MAPPING, "objects", folder, 1 << 20)
    assert opened is not None
    with RejectLog(FolderStore(folder), "rejects.ndjson") as log:
        return opened.frame(log).collect()


def naive_path(value: Any, path: str) -> Any:
    for step in [] if path == "." else path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def naive_text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, str):
        return value
    return str(value) if type(value) in (int, float) else orjson.dumps(value).decode()


def naive_leaves(nodes: Any) -> Iterable[Any]:
    for node in nodes:
        inner = node.get("c") if isinstance(node, dict) else None
        if isinstance(inner, list) and inner:
            yield from naive_leaves(inner)
        else:
            yield node


def naive_items(record: dict[str, Any], mapped: FieldMapping) -> Iterable[Any]:
    value = naive_path(record, mapped.source)
    if mapped.split:
        return [part.strip() for part in (naive_text(value) or "").split(mapped.split) if part.strip()]
    if mapped.tree:
        items = naive_leaves(value["c"]) if isinstance(value, dict) and isinstance(value.get("c"), list) else []
    else:
        items = value if isinstance(value, list) else [value]
    return [item for item in items if item is not None]


# Blanks are blanks to Python and to Polars alike; U+001C and its like are that to Python only.
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | texts | st.just(" ")
things = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "full", "c", "h", "de"]), inner, max_size=4)
    ),
    max_leaves=12,
)
trees = st.recursive(
    st.fixed_dictionaries({"id": scalars, "name": scalars}),
    lambda inner: st.fixed_dictionaries({"id": scalars, "c": st.lists(inner, max_size=3)}),
    max_leaves=8,
)
people = st.fixed_dictionaries({"id": scalars, "name": st.fixed_dictionaries({"full": scalars}) | scalars})
records = st.fixed_dictionaries(
    {},
    optional={
        "t": st.fixed_dictionaries({"de": scalars}) | things,
        "m": st.fixed_dictionaries({"h": scalars}) | things,
        "people": st.lists(people, max_size=3) | things,
        "schools": st.sampled_from(["a;b", ";", " a ; ;b", ""]) | things,
        "tree": trees | things,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(records, min_size=1, max_size=6))
@example([{"tree": {"c": [None]}}])
def test_columns_hold_what_a_plain_reading_gives(tmp_path: Path, made: list[dict[str, Any]]) -> None:
    frame = extracted(tmp_path, made)

    for field, path in (("other_title", "t.de"), ("medium", "m"), ("height_mm", "m.h")):
        assert frame[field].to_list() == [naive_text(naive_path(record, path)) for record in made]
    for field in LISTS:
        mapped = MAPPING.objects.fields[field]
        names = frame.schema[field].inner.to_schema()  # ty: ignore[missing-attribute]
        expected = [
            [
                {
                    name: naive_text(naive_path(item, mapped.each[name])) if name in mapped.each else None
                    for name in names
                }
                for item in naive_items(record, mapped)
            ]
            or None
            for record in made
        ]
        assert frame[field].to_list() == expected


def test_a_column_of_many_types_keeps_each_value_as_it_was_written(tmp_path: Path) -> None:
    made = [{"m": value} for value in ("419", 419, 419.5, True, "", "  ", None, [1], {"h": 2}, 2**64 - 1)]

    frame = extracted(tmp_path, made)

    assert frame["medium"].to_list() == [
        "419", "419", "419.5", "true", None, None, None, "[1]", '{"h":2}', "18446744073709551615",
    ]  # fmt: skip


def test_integers_beyond_64_bits_keep_their_digits(tmp_path: Path) -> None:
    long = "9" * 25
    (tmp_path / "made.ndjson").write_text(
        f'{{"key":{long},"m":{long}}}\n{{"key":1,"m":[-{long}, "é"]}}\n', encoding="utf-8"
    )
    opened = open_harvest(MAPPING, "objects", tmp_path, 1 << 20)
    assert opened is not None

    with RejectLog(FolderStore(tmp_path), "rejects.ndjson") as log:
        frame = opened.frame(log).collect()

    assert frame["object_id"].to_list() == [long, "1"]
    assert frame["medium"].to_list() == [long, f'[-{long},"é"]']


def test_a_field_without_a_mapping_is_null_throughout(tmp_path: Path) -> None:
    frame = extracted(tmp_path, [{"m": 1}, {"m": 2}])

    assert frame["inscription"].to_list() == [None, None]
    assert frame.schema["inscription"] == pl.String


def test_batches_follow_each_other_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("millrace_museum.sources.harvest.BATCH_ROWS", 3)
    made = [{"people": [{"id": n, "name": {"full": str(n)}}] * (n % 3)} for n in range(10)]

    frame = extracted(tmp_path, made)

    assert frame["source_line"].to_list() == list(range(1, 11))
    assert frame["artists"].list.len().to_list() == [n % 3 or None for n in range(10)]
