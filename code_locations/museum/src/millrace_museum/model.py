"""The collection model that every museum is mapped onto: its fields, their kinds and who must have them.

What belongs here: names and kinds, once. What does not: where a museum keeps a field (its mapping file) and
what a stage promises (`millrace_museum.contracts`). A field added here can be mapped, cleaned and published
without another change up to `transforms/reshape.py`, which decides where it stands in a document.
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Kind(StrEnum):
    """What a field holds once it is cleaned. Harvested, every scalar is text."""

    TEXT = "text"
    YEAR = "year"
    MILLIMETRES = "millimetres"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class ModelField:
    """One field: its kind, whether a record without it is turned away, and the items of a list."""

    kind: Kind
    description: str
    required: bool = False
    items: tuple[str, ...] = ()

    @property
    def harvested_dtype(self) -> pl.DataType:
        """Dtype in the harvest's stage files."""
        if self.kind is Kind.LIST:
            return pl.List(pl.Struct(dict.fromkeys(self.items, pl.String())))
        return pl.String()

    @property
    def cleaned_dtype(self) -> pl.DataType:
        """Dtype from the clean stage on."""
        match self.kind:
            case Kind.YEAR:
                return pl.Int64()
            case Kind.MILLIMETRES:
                return pl.Float64()
            case _:
                return self.harvested_dtype


OBJECT_FIELDS: dict[str, ModelField] = {
    "object_id": ModelField(Kind.TEXT, "identifier within the museum, the key", required=True),
    "title": ModelField(Kind.TEXT, "title", required=True),
    "other_title": ModelField(Kind.TEXT, "title in another language"),
    "group_title": ModelField(Kind.TEXT, "title of the group it belongs to"),
    "artist_credit": ModelField(Kind.TEXT, "who made it, as the museum words it"),
    "artists": ModelField(Kind.LIST, "who made it, in order", items=("artist_id", "name", "role")),
    "classification": ModelField(Kind.TEXT, "kind of object"),
    "medium": ModelField(Kind.TEXT, "material and technique"),
    "date_text": ModelField(Kind.TEXT, "date as the museum words it"),
    "start_year": ModelField(Kind.YEAR, "first year of making"),
    "end_year": ModelField(Kind.YEAR, "last year of making"),
    "acquisition_year": ModelField(Kind.YEAR, "year of acquisition"),
    "credit_line": ModelField(Kind.TEXT, "how it came to the museum"),
    "dimensions_text": ModelField(Kind.TEXT, "dimensions as the museum words them"),
    "height_mm": ModelField(Kind.MILLIMETRES, "height"),
    "width_mm": ModelField(Kind.MILLIMETRES, "width"),
    "depth_mm": ModelField(Kind.MILLIMETRES, "depth"),
    "inscription": ModelField(Kind.TEXT, "inscription"),
    "movements": ModelField(Kind.LIST, "art movements", items=("movement_id", "name")),
    "subjects": ModelField(Kind.LIST, "what it shows", items=("subject_id", "name")),
    "page_url": ModelField(Kind.TEXT, "the museum's page of it"),
    "image_url": ModelField(Kind.TEXT, "a picture of it"),
    "image_copyright": ModelField(Kind.TEXT, "copyright of the picture"),
}

ARTIST_FIELDS: dict[str, ModelField] = {
    "artist_id": ModelField(Kind.TEXT, "identifier within the museum, the key", required=True),
    "name": ModelField(Kind.TEXT, "name", required=True),
    "gender": ModelField(Kind.TEXT, "gender as the museum records it"),
    "dates_text": ModelField(Kind.TEXT, "dates of life as the museum words them"),
    "birth_year": ModelField(Kind.YEAR, "year of birth"),
    "death_year": ModelField(Kind.YEAR, "year of death"),
    "birth_place": ModelField(Kind.TEXT, "place of birth"),
    "death_place": ModelField(Kind.TEXT, "place of death"),
    "page_url": ModelField(Kind.TEXT, "the museum's page of the artist"),
}

FIELDS = {"objects": OBJECT_FIELDS, "artists": ARTIST_FIELDS}
KEYS = {"objects": "object_id", "artists": "artist_id"}

# Where a record came from; carried through the stages so that a later reject can still name its line.
PLACE_SCHEMA: dict[str, pl.DataType] = {"source_file": pl.String(), "source_line": pl.Int64()}


def harvested_schema(entity: str) -> pl.Schema:
    """Schema of an entity's harvest."""
    return pl.Schema(PLACE_SCHEMA | {name: f.harvested_dtype for name, f in FIELDS[entity].items()})
