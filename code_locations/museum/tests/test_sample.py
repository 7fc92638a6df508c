"""The sample: the same bytes for the same request, and a truth that a run over it must count."""

import gzip
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest

from millrace.errors import ConfigurationError
from millrace.quality import Reject, RejectKind, RejectLog, read_rejects
from millrace.stores import FolderStore
from millrace_museum import sample
from millrace_museum.collection import given_source
from millrace_museum.contracts import CONTRACTS
from millrace_museum.mapping import load_mapping
from millrace_museum.sample import write_sample
from millrace_museum.transforms.clean import cleaned, repeated_keys, unusable_values
from millrace_museum.transforms.join import joined, unknown_artists, unused_artists
from millrace_museum.transforms.reshape import reshaped

Harvest = Callable[..., tuple[pl.DataFrame, list[Reject]]]

FILES = ("artworks.ndjson.gz", "artist_data.csv", "mapping.yaml", "truth.json")
MAX_REJECTED_SHARE = 0.05  # of config.yaml


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def truth_of(folder: Path) -> dict[str, Any]:
    return orjson.loads((folder / "truth.json").read_bytes())


def rules(rejects: list[Reject], kind: RejectKind) -> Counter[str]:
    return Counter(reject.rule for reject in rejects if reject.kind is kind)


def clean(frame: pl.DataFrame, entity: str, folder: Path) -> tuple[pl.LazyFrame, Counter[str], Counter[str]]:
    """What the clean stage keeps, the rules that cost a row, and the fields that lost a value."""
    lazy = frame.lazy()
    repeated = repeated_keys(lazy, entity).collect().height
    unusable = Counter(unusable_values(lazy, entity, {}).collect()["field"].to_list())
    with RejectLog(FolderStore(folder), f"cleaned_{entity}.ndjson") as log:
        kept = CONTRACTS[f"cleaned_{entity}"].split(cleaned(lazy, entity, {}), log, lambda row: str(row["source_line"]))
        kept = kept.collect().lazy()
    broken = rules(list(read_rejects(FolderStore(folder), f"cleaned_{entity}.ndjson")), RejectKind.ROW)
    if repeated:
        broken["object_id_repeated" if entity == "objects" else "artist_id_repeated"] = repeated
    return kept, broken, unusable


@pytest.mark.parametrize(("rows", "seed"), [(1, 0), (10, 7), (50, 1), (333, 2), (6_000, 3)])
def test_the_truth_is_what_a_run_counts(rows: int, seed: int, harvest: Harvest, tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    write_sample(folder, rows, seed)
    truth, mapping = truth_of(folder), load_mapping("tate")

    objects, object_rejects = harvest(mapping, "objects", folder)
    artists, artist_rejects = harvest(mapping, "artists", folder)
    kept_objects, broken_objects, unusable_objects = clean(objects, "objects", tmp_path)
    kept_artists, broken_artists, unusable_artists = clean(artists, "artists", tmp_path)
    documents = reshaped(joined(kept_objects, kept_artists), "tate", "").collect()
    unused = unused_artists(kept_objects, kept_artists).collect().height
    unmapped = {reject.place: reject.reason for reject in object_rejects if reject.rule == "unmapped_field"}

    assert truth["rows"] == rows
    assert truth["objects_harvested"] == objects.height
    assert truth["objects_published"] == documents.height
    assert truth["objects_rejects"] == rules(object_rejects, RejectKind.ROW) + broken_objects
    assert truth["objects_unreadable"] + truth["objects_missing_required"] == rows - objects.height
    assert truth["objects_repeated_ids"] == broken_objects["object_id_repeated"]
    assert truth["objects_unusable_values"] == unusable_objects
    assert truth["objects_unmapped_fields"].keys() == unmapped.keys()
    for field, count in truth["objects_unmapped_fields"].items():
        assert unmapped[field].startswith(f"in {count:,} of ")
    assert truth["artists_harvested"] == artists.height
    assert truth["artists_rejects"] == rules(artist_rejects, RejectKind.ROW) + broken_artists
    assert truth["artists_unusable_values"] == unusable_artists
    assert truth["artists"] == kept_artists.collect().height
    assert truth["artists_without_objects"] == unused
    assert truth["artists_joined"] == truth["artists"] - unused
    assert truth["unknown_artist_ids"] == unknown_artists(kept_objects, kept_artists).collect().height
    assert not rules(object_rejects + artist_rejects, RejectKind.SOURCE)


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sample(tmp_path / name, 2_000, 5)

    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert set(contents(tmp_path / "a")) == set(FILES)
    assert (tmp_path / "a" / FILES[0]).read_bytes()[4:8] == b"\0\0\0\0"


@pytest.mark.parametrize("seed", [6, -5])
def test_another_seed_gives_other_bytes(tmp_path: Path, seed: int) -> None:
    write_sample(tmp_path / "a", 100, 5)
    write_sample(tmp_path / "b", 100, seed)

    assert contents(tmp_path / "a")[FILES[0]] != contents(tmp_path / "b")[FILES[0]]


@pytest.mark.parametrize("rows", [*range(50, 60), 99, 100, 150, 499, 1_000, 5_000])
def test_the_mess_closes_no_gate(rows: int, tmp_path: Path) -> None:
    for seed in range(3):
        write_sample(tmp_path, rows, seed)
        truth = truth_of(tmp_path)
        artist_rows = truth["artists"] + sum(truth["artists_rejects"].values())
        for rejected, came in (
            (rows - truth["objects_harvested"], rows),
            (truth["objects_harvested"] - truth["objects_published"], truth["objects_harvested"]),
            (artist_rows - truth["artists_harvested"], artist_rows),
            (truth["artists_harvested"] - truth["artists"], truth["artists_harvested"]),
        ):
            assert rejected / came < MAX_REJECTED_SHARE


@pytest.mark.parametrize("rows", [1, 10, 24])
def test_a_small_sample_rejects_nothing(rows: int, tmp_path: Path) -> None:
    for seed in range(20):
        write_sample(tmp_path, rows, seed)

        assert truth_of(tmp_path)["objects_published"] == rows


def test_the_mess_is_that_of_real_data(tmp_path: Path) -> None:
    write_sample(tmp_path, 6_000, 1)
    truth = truth_of(tmp_path)
    records = []
    for line in gzip.decompress((tmp_path / FILES[0]).read_bytes()).splitlines():
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(record, dict):
            records.append(record)

    def levels(node: dict[str, Any]) -> int:
        return 1 + max(map(levels, node["children"])) if "children" in node else 0

    assert {type(record["height"]) for record in records} == {str, int, float}
    assert any(record["height"] == "" for record in records)
    assert {type(record["acquisitionYear"]) for record in records} == {str, int, type(None)}
    assert {levels(record["subjects"]) for record in records if "subjects" in record} == {1, 2, 3}
    assert any("subjects" not in record for record in records)
    assert {len(record["contributors"]) for record in records} == {1, 2, 3}
    assert {"absent" if "dateRange" not in record else type(record["dateRange"]) for record in records} == {
        "absent", dict, type(None),
    }  # fmt: skip
    assert any(not (record["foreignTitle"] or "").isascii() for record in records)
    assert any("id" not in credit for record in records for credit in record["contributors"])
    assert {"not_json", "not_utf8", "missing_title", "missing_object_id", "object_id_repeated"} <= set(
        truth["objects_rejects"]
    )
    assert len(truth["objects_unusable_values"]) >= 4
    assert truth["unknown_artist_ids"] > 0
    assert truth["artists_without_objects"] > 0
    assert (tmp_path / FILES[1]).read_bytes().startswith(b"\xef\xbb\xbfid,name,")


@pytest.mark.parametrize("rows", [0, -1])
def test_a_sample_without_rows_is_refused_before_anything_is_written(rows: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=f"rows is {rows}, at least 1 is needed"):
        write_sample(tmp_path / "sample", rows, 1)

    assert not (tmp_path / "sample").exists()


def test_the_environment_is_that_of_a_given_source_that_brings_its_mapping(tmp_path: Path) -> None:
    assert write_sample(tmp_path, 1, 1) == given_source(tmp_path, None)


def test_a_sample_is_never_published_as_the_collection_whose_mapping_it_borrows(tmp_path: Path) -> None:
    write_sample(tmp_path, 1, 1)

    assert load_mapping(str(tmp_path / "mapping.yaml")).museum == "sample"
    assert load_mapping("tate").museum == "tate"


def stamps(folder: Path) -> dict[str, int]:
    return {name: (folder / name).stat().st_ino for name in FILES}


def test_a_complete_sample_is_not_written_again(tmp_path: Path) -> None:
    write_sample(tmp_path, 30, 1)
    before = stamps(tmp_path)

    write_sample(tmp_path, 30, 1)

    assert stamps(tmp_path) == before


@pytest.mark.parametrize(
    ("rows", "seed", "generator"), [(31, 1, sample.GENERATOR), (30, 2, sample.GENERATOR), (30, 1, 0)]
)
def test_a_sample_of_another_request_is_replaced(
    rows: int, seed: int, generator: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sample(tmp_path, 30, 1)
    before = stamps(tmp_path)
    monkeypatch.setattr(sample, "GENERATOR", generator)

    write_sample(tmp_path, rows, seed)

    assert stamps(tmp_path) != before
    assert {name: truth_of(tmp_path)[name] for name in ("rows", "seed", "generator")} == {
        "rows": rows,
        "seed": seed,
        "generator": generator,
    }


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["gone", "short"])
def test_an_incomplete_sample_is_written_again(name: str, damage: str, tmp_path: Path) -> None:
    write_sample(tmp_path, 30, 1)
    whole = contents(tmp_path)
    if damage == "gone":
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(whole[name][:-5])

    write_sample(tmp_path, 30, 1)

    assert contents(tmp_path) == whole


def test_an_interrupted_call_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sample(tmp_path, 30, 1)
    before = contents(tmp_path)

    def interrupted(*_: object) -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    monkeypatch.setattr(sample, "_artist_rows", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_sample(tmp_path, 40, 1)

    assert contents(tmp_path) == before


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    for rows in (2_000, 8_000):
        tracemalloc.start()
        write_sample(tmp_path / str(rows), rows, 1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < peaks[0] + (1 << 19)
