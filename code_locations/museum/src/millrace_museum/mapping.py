"""A museum's mapping file: where its source keeps each field of the collection model.

    objects:
      files: "artworks.ndjson*"             # below the source folder
      format: ndjson                        # one of millrace_museum.sources.FORMATS
      fields:
        title: {from: titel.de}             # a path; dots step into objects
        height_mm: {from: hoehe, unit: cm}  # converted to the model's millimetres
        artists: {from: people, each: {name: label}}           # a list of objects
        subjects: {from: tree, tree: children, each: {name: label}}  # the leaves of a tree
        movements: {from: schools, split: ";", each: {name: .}}      # a text to be split
      ignored: [internal_note]              # known, and left out on purpose

What belongs here: reading and refusing mapping files. What does not: taking records apart
(`millrace_museum.sources.extract`).
"""

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError, SourceMissingError
from millrace_museum.model import FIELDS, Kind

SHIPPED = Path(__file__).parent / "mappings"
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FieldMapping(_Strict):
    """Where one field comes from."""

    source: str = Field(alias="from", min_length=1, description="path in the source's record")
    unit: str | None = Field(default=None, description="unit of a length in the source: mm, cm, m, in")
    each: dict[str, str] = Field(default_factory=dict, description="item field: path in each item; '.' is the item")
    tree: str | None = Field(default=None, description="name of the children; the leaves become the list")
    split: str | None = Field(default=None, min_length=1, description="separator of a text that holds a list")


class EntityMapping(_Strict):
    """One entity of a museum: its files, their format, its fields."""

    files: str = Field(description="file name or glob below the source folder")
    format: str = Field(description="ndjson, json or csv")
    fields: dict[str, FieldMapping]
    ignored: tuple[str, ...] = ()

    @property
    def known_names(self) -> frozenset[str]:
        """Top-level names of the source that somebody has thought of."""
        return frozenset({mapped.source.split(".")[0] for mapped in self.fields.values()} | set(self.ignored))


class MuseumMapping(_Strict):
    """A whole museum; `artists` is absent if objects carry all that is known of their makers."""

    museum: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", description="short name, also of its outputs folder")
    title: str
    attribution: str = ""
    objects: EntityMapping
    artists: EntityMapping | None = None

    def entity(self, name: str) -> EntityMapping | None:
        """The mapping of `objects` or `artists`."""
        return self.objects if name == "objects" else self.artists


def shipped_mappings() -> list[str]:
    """Names of the mappings that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_mapping(name_or_path: str) -> MuseumMapping:
    """Read a mapping: the name of a shipped one, or the path of a file.

    Raises:
        SourceMissingError: there is no such mapping.
        ConfigurationError: it does not fit the model; every problem at once.
    """
    path = Path(name_or_path)
    if not path.suffix and name_or_path in shipped_mappings():
        path = SHIPPED / f"{name_or_path}.yaml"
    if not path.is_file():
        raise SourceMissingError(
            "museum mapping",
            f"no file {name_or_path}",
            expected=f"a path or one of: {', '.join(shipped_mappings())}",
            next_step="see code_locations/museum/README.md for how to write one",
        )
    subject = f"museum mapping {path.name}"
    raw = read_yaml(path, subject)
    mapping: MuseumMapping | None = None
    problems: list[str] = []
    try:
        mapping = MuseumMapping.model_validate(raw)
    except ValidationError as error:
        problems = problems_of(error)
    for entity in FIELDS:
        problems += _entity_problems(entity, raw)
    if mapping is None or problems:
        raise ConfigurationError(subject, problems, next_step="fields are listed in code_locations/museum/README.md")
    return mapping


def _entity_problems(entity: str, raw: Any) -> Iterator[str]:
    """How an entity fits the model; nothing if it has not the shape, whatever the rest of the mapping has."""
    from millrace_museum.sources import FORMATS

    try:
        mapping = EntityMapping.model_validate(raw[entity])
    except (KeyError, TypeError, ValidationError):
        return
    model = FIELDS[entity]
    if mapping.format not in FORMATS:
        yield f"{entity}.format: {mapping.format!r} is unknown; known: {', '.join(FORMATS)}"
    for name in mapping.fields:
        if name not in model:
            yield f"{entity}.fields.{name}: no such field{_suggestion(name, model)}"
    for name, wanted in model.items():
        mapped = mapping.fields.get(name)
        if mapped is None:
            if wanted.required:
                yield f"{entity}.fields.{name}: required and not mapped"
            continue
        if wanted.kind is Kind.LIST:
            unknown = [item for item in mapped.each if item not in wanted.items]
            if not mapped.each:
                yield f"{entity}.fields.{name}: a list needs `each` with some of: {', '.join(wanted.items)}"
            for item in unknown:
                yield f"{entity}.fields.{name}.each.{item}: no such field{_suggestion(item, wanted.items)}"
            if mapped.tree and mapped.split:
                yield f"{entity}.fields.{name}: `tree` and `split` exclude each other"
        elif mapped.each or mapped.tree or mapped.split:
            yield f"{entity}.fields.{name}: `each`, `tree` and `split` are for lists"
        if mapped.unit is not None and (wanted.kind is not Kind.MILLIMETRES or mapped.unit not in MILLIMETRES):
            yield f"{entity}.fields.{name}.unit: {mapped.unit!r} does not fit; lengths take {', '.join(MILLIMETRES)}"


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(known)}"
