"""What each stage of the museum promises, as dataframely schemas.

Harvested rows hold text, so their contract only says that a key and a place are there. From the clean stage on
dtypes and ranges are those of the model; `millrace_museum.model` has the fields once, here stand the rules.
"""

from typing import Any

import dataframely as dy
import polars as pl

from millrace.quality import Contract
from millrace_museum.model import ARTIST_FIELDS, OBJECT_FIELDS, Kind, ModelField

FIRST_YEAR, LAST_YEAR = -1_000_000, 2_100
MAX_MILLIMETRES = 1_000_000.0
MAX_ID_CHARACTERS = 120


def _column(name: str, field: ModelField, *, harvested: bool, key: str) -> dy.Column:
    """The column of a field: text while harvested, then the model's kind with its range; a cleaned key is unique."""
    primary = name == key and not harvested
    nullable, about = not field.required, field.description
    match field.kind:
        case Kind.LIST:
            items = dy.Struct({item: dy.String(nullable=True) for item in field.items})
            return dy.List(items, nullable=True, description=about)
        case Kind.YEAR if not harvested:
            return dy.Int64(nullable=nullable, min=FIRST_YEAR, max=LAST_YEAR, description=about)
        case Kind.MILLIMETRES if not harvested:
            return dy.Float64(nullable=nullable, min_exclusive=0.0, max=MAX_MILLIMETRES, description=about)
        case _:
            longest = MAX_ID_CHARACTERS if primary else None
            return dy.String(nullable=nullable, primary_key=primary, max_length=longest, description=about)


def _schema(name: str, fields: dict[str, ModelField], key: str, *, harvested: bool) -> type[dy.Schema]:
    columns: dict[str, dy.Column] = {
        "source_file": dy.String(nullable=False, description="file of the source"),
        "source_line": dy.Int64(nullable=False, min=1, description="line in it, from 1"),
    }
    columns |= {field: _column(field, wanted, harvested=harvested, key=key) for field, wanted in fields.items()}
    return type(name, (dy.Schema,), columns)


HarvestedObject = _schema("HarvestedObject", OBJECT_FIELDS, "object_id", harvested=True)
HarvestedArtist = _schema("HarvestedArtist", ARTIST_FIELDS, "artist_id", harvested=True)
CleanedArtist = _schema("CleanedArtist", ARTIST_FIELDS, "artist_id", harvested=False)


CleanedObjectFields: Any = _schema("CleanedObjectFields", OBJECT_FIELDS, "object_id", harvested=False)


class CleanedObject(CleanedObjectFields):
    """An object with the model's dtypes; its years are in order if both are known."""

    @dy.rule()
    def years_in_order(cls) -> pl.Expr:  # noqa: N805  # dataframely hands in the class
        """The first year of making is not after the last."""
        return pl.col("start_year") <= pl.col("end_year")


class ReshapedObject(dy.Schema):
    """An object as it is published: its key and its JSON document."""

    object_id = dy.String(primary_key=True, max_length=MAX_ID_CHARACTERS, description="the key")
    title = dy.String(nullable=False, min_length=1, description="title, for people who look at the stage")
    document = dy.String(nullable=False, min_length=2, description="the JSON document as it is published")

    @dy.rule()
    def document_is_an_object(cls) -> pl.Expr:  # noqa: N805
        """The document looks like a JSON object."""
        return pl.col("document").str.starts_with("{") & pl.col("document").str.ends_with("}")


CONTRACTS: dict[str, Contract] = {
    "harvested_objects": Contract(HarvestedObject),
    "harvested_artists": Contract(HarvestedArtist, allow_empty=True),
    "cleaned_objects": Contract(CleanedObject),
    "cleaned_artists": Contract(CleanedArtist, allow_empty=True),
    "reshaped_objects": Contract(ReshapedObject),
}
