"""Mapping files: all that is wrong with one is said at once, and a mapping alone takes in another museum."""

import re
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
import yaml

from millrace.errors import ConfigurationError, SourceMissingError
from millrace_museum.mapping import MILLIMETRES, MuseumMapping, load_mapping, shipped_mappings
from millrace_museum.model import FIELDS
from millrace_museum.transforms.clean import cleaned
from millrace_museum.transforms.join import joined
from millrace_museum.transforms.reshape import reshaped

SMALL: dict[str, Any] = {
    "museum": "small",
    "title": "Small",
    "objects": {
        "files": "*.ndjson",
        "format": "ndjson",
        "fields": {"object_id": {"from": "id"}, "title": {"from": "name"}},
    },
}


def written(folder: Path, mapping: object) -> str:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(mapping), encoding="utf-8")
    return str(path)


def problems_of(folder: Path, mapping: object) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_mapping(written(folder, mapping))
    return caught.value.problems


def with_fields(**fields: Any) -> dict[str, Any]:
    objects = SMALL["objects"]
    return {**SMALL, "objects": {**objects, "fields": {**objects["fields"], **fields}}}


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_shipped_mapping_fits_the_model(name: str) -> None:
    assert load_mapping(name).museum == name


def test_a_mapping_file_is_found_by_its_path(tmp_path: Path) -> None:
    assert load_mapping(written(tmp_path, SMALL)).title == "Small"


def test_a_mapping_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match=r"no file nowhere\.yaml \(expected a path or one of: .*tate"):
        load_mapping("nowhere.yaml")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"a: [", "not YAML"),
        (b"title: Caf\xe9", "not YAML in UTF-8"),
        (b"- a", "file: Input should be a valid dictionary"),
    ],
)
def test_a_file_that_is_no_mapping_says_what_it_is(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=problem):
        load_mapping(str(path))


def test_all_problems_are_collected_at_once(tmp_path: Path) -> None:
    problems = problems_of(
        tmp_path,
        {
            **SMALL,
            "objects": {
                "files": "*",
                "format": "xml",
                "fields": {
                    "titel": {"from": "x"},
                    "title": {"from": "x", "unit": "cm"},
                    "height_mm": {"from": "h", "unit": "furlong"},
                    "artists": {"from": "people"},
                    "subjects": {"from": "s", "each": {"nam": "x"}},
                    "medium": {"from": "m", "split": ";"},
                    "movements": {"from": "m", "split": ";", "tree": "children", "each": {"name": "."}},
                },
            },
            "artists": {"files": "*", "format": "csv", "fields": {"artist_id": {"from": "id"}}},
        },
    )

    assert problems == [
        "objects.format: 'xml' is unknown; known: ndjson, json, csv",
        "objects.fields.titel: no such field; did you mean title?",
        "objects.fields.object_id: required and not mapped",
        "objects.fields.title.unit: 'cm' does not fit; lengths take mm, cm, m, in",
        "objects.fields.artists: a list needs `each` with some of: artist_id, name, role",
        "objects.fields.medium: `each`, `tree` and `split` are for lists",
        "objects.fields.height_mm.unit: 'furlong' does not fit; lengths take mm, cm, m, in",
        "objects.fields.movements: `tree` and `split` exclude each other",
        "objects.fields.subjects.each.nam: no such field; did you mean name?",
        "artists.fields.name: required and not mapped",
    ]


def test_problems_of_shape_do_not_hide_problems_of_fields(tmp_path: Path) -> None:
    mapping = with_fields(hight_mm={"from": "h"})
    mapping["museum"] = "Not A Short Name"
    mapping["artist"] = {}

    problems = problems_of(tmp_path, mapping)

    assert len(problems) == 3
    assert problems[0].startswith("museum: String should match pattern")
    assert problems[1] == "artist: Extra inputs are not permitted"
    assert problems[2] == "objects.fields.hight_mm: no such field; did you mean height_mm?"


def test_an_unknown_field_gives_a_suggestion_or_the_list(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, with_fields(mediums={"from": "x"}, xyz={"from": "x"}))

    assert problems[0] == "objects.fields.mediums: no such field; did you mean medium?"
    assert problems[1].startswith("objects.fields.xyz: no such field; known: object_id, title, ")


def test_known_names_are_the_first_steps_of_paths_and_what_is_ignored() -> None:
    mapping = MuseumMapping.model_validate(with_fields(start_year={"from": "date.from.year"})).objects

    assert mapping.known_names == {"id", "name", "date"}
    assert mapping.model_copy(update={"ignored": ("note",)}).known_names == {"id", "name", "date", "note"}


# A museum that has nothing of Tate's: German names, centimetres, makers within the object, lists in one cell.
HAUS: dict[str, Any] = {
    "museum": "haus",
    "title": "Haus der Dinge",
    "attribution": "Haus der Dinge, CC BY",
    "objects": {
        "fields": {
            "object_id": {"from": "Inventarnummer"},
            "title": {"from": "Titel"},
            "medium": {"from": "Material"},
            "date_text": {"from": "Datierung"},
            "height_mm": {"from": "Höhe", "unit": "cm"},
            "width_mm": {"from": "Breite", "unit": "cm"},
            "artists": {"from": "Künstler", "split": ";", "each": {"name": "."}},
            "subjects": {"from": "Schlagwörter", "split": ",", "each": {"name": "."}},
        },
        "ignored": ["Standort"],
    },
}
HAUS_RECORDS = (
    {
        "Inventarnummer": "H/1",
        "Titel": "Blick über die Dächer",
        "Material": "Öl",
        "Datierung": "um 1911",
        "Höhe": "41.5",
        "Breite": "30",
        "Künstler": "Anna Ritter; Emil Voß",
        "Schlagwörter": "Stadt, Dach,, Himmel ",
        "Standort": "Depot 3",
    },
    {"Inventarnummer": "H/2", "Titel": "Krug", "Höhe": "hoch", "Künstler": "", "Schlagwörter": ""},
)
HAUS_TREE = {"Titel": {"from": "Bezeichnung.de"}, "Höhe": {"from": "Maße.hoch"}}


def as_csv(folder: Path) -> dict[str, Any]:
    names = list(HAUS_RECORDS[0])
    lines = [names, *([record.get(name, "") for name in names] for record in HAUS_RECORDS)]
    text = "".join(",".join(f'"{cell}"' for cell in line) + "\r\n" for line in lines)
    (folder / "bestand.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    return {**HAUS, "objects": {**HAUS["objects"], "files": "bestand.csv", "format": "csv"}}


def as_json_files(folder: Path) -> dict[str, Any]:
    """The same records nested, with numbers where numbers are meant and lists where lists are meant."""
    for number, record in enumerate(HAUS_RECORDS):
        makers = [{"person": {"anzeige": name.strip()}} for name in record["Künstler"].split(";") if name.strip()]
        height = float(record["Höhe"]) if record["Höhe"] == "41.5" else record["Höhe"]
        nested = {
            "nr": record["Inventarnummer"],
            "bezeichnung": {"de": record["Titel"]},
            "technik": record.get("Material"),
            "zeit": record.get("Datierung"),
            "maße": {"hoch": height, "breit": int(record["Breite"]) if "Breite" in record else None},
            "personen": makers,
            "schlagwort": [word.strip() for word in record["Schlagwörter"].split(",") if word.strip()],
        }
        (folder / f"{number}.json").write_bytes(orjson.dumps(nested))
    fields = {
        "object_id": {"from": "nr"},
        "title": {"from": "bezeichnung.de"},
        "medium": {"from": "technik"},
        "date_text": {"from": "zeit"},
        "height_mm": {"from": "maße.hoch", "unit": "cm"},
        "width_mm": {"from": "maße.breit", "unit": "cm"},
        "artists": {"from": "personen", "each": {"name": "person.anzeige"}},
        "subjects": {"from": "schlagwort", "each": {"name": "."}},
    }
    return {**HAUS, "objects": {"files": "*.json", "format": "json", "fields": fields}}


@pytest.mark.parametrize("shape", [as_csv, as_json_files])
def test_a_second_museum_needs_nothing_but_a_mapping(shape: Any, harvest: Any, tmp_path: Path) -> None:
    source = tmp_path / "bestand"
    source.mkdir()
    mapping = load_mapping(written(tmp_path, shape(source)))
    frame, rejects = harvest(mapping, "objects", source)
    units = {name: MILLIMETRES[field.unit] for name, field in mapping.objects.fields.items() if field.unit}
    no_artists = pl.LazyFrame(
        schema=dict.fromkeys(("artist_id", "name", "gender", "birth_place", "death_place", "page_url"), pl.String)
        | dict.fromkeys(("birth_year", "death_year"), pl.Int64)
    )

    objects = cleaned(frame.lazy(), "objects", units)
    documents = [
        orjson.loads(document)
        for document in reshaped(joined(objects, no_artists), mapping.museum, mapping.attribution)
        .collect()["document"]
        .to_list()
    ]

    assert rejects == []
    first, second = documents
    assert (first["id"], first["museum"], first["title"]) == ("H/1", "haus", "Blick über die Dächer")
    assert first["dimensions"] == {"text": None, "height_mm": 415.0, "width_mm": 300.0, "depth_mm": None}
    assert first["dates"] == {"text": "um 1911", "start_year": 1911, "end_year": None}
    assert [artist["name"] for artist in first["artists"]] == ["Anna Ritter", "Emil Voß"]
    assert {artist["artist_id"] for artist in first["artists"]} == {None}
    assert [subject["name"] for subject in first["subjects"]] == ["Stadt", "Dach", "Himmel"]
    assert (second["artists"], second["subjects"]) == ([], [])
    assert second["dimensions"]["height_mm"] is None


def test_the_readme_lists_exactly_the_fields_of_the_model() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    sections = re.split(r"### Fields of `(\w+)`", text)

    for entity, section in zip(sections[1::2], sections[2::2], strict=True):
        listed = re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE)
        assert listed == list(FIELDS[entity])
