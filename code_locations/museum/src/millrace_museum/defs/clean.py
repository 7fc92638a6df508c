"""Clean: text becomes the model's kinds; what cannot be used, repeats a key or breaks the contract is rejected."""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from millrace.quality import Reject, RejectKind, RejectLog
from millrace.resources import RejectFiles
from millrace.runs import stage
from millrace_museum.collection import Collection
from millrace_museum.contracts import CONTRACTS
from millrace_museum.mapping import MILLIMETRES, MuseumMapping
from millrace_museum.model import KEYS
from millrace_museum.transforms.clean import cleaned, repeated_keys, unusable_values


@dg.asset(group_name="clean", kinds={"polars", "parquet"}, code_version="1")
@stage
def cleaned_objects(harvested_objects: pl.LazyFrame, collection: Collection, rejects: RejectFiles) -> pl.LazyFrame:
    """Objects in the model's dtypes, each key once, within the contract."""
    return _clean(harvested_objects, "objects", collection.museum(), rejects.log("cleaned_objects"))


@dg.asset(group_name="clean", kinds={"polars", "parquet"}, code_version="1")
@stage
def cleaned_artists(harvested_artists: pl.LazyFrame, collection: Collection, rejects: RejectFiles) -> pl.LazyFrame:
    """Artists in the model's dtypes, each key once, within the contract."""
    return _clean(harvested_artists, "artists", collection.museum(), rejects.log("cleaned_artists"))


def _clean(harvested: pl.LazyFrame, entity: str, museum: MuseumMapping, log: RejectLog) -> pl.LazyFrame:
    millimetres = _millimetres(museum, entity)
    key = KEYS[entity]
    for row in repeated_keys(harvested, entity).collect().iter_rows(named=True):
        reason = f"{key} {row[key]!r} repeats that of {row['first_place']}, which was kept"
        log.add(Reject(RejectKind.ROW, _place(row), reason, f"{key}_repeated", row[key], key))
    for row in unusable_values(harvested, entity, millimetres).collect().iter_rows(named=True):
        reason = f"{row['field']} {row['value']!r} is {row['reason']}; the record is kept without it"
        log.add(Reject(RejectKind.VALUE, _place(row), reason, f"{row['field']}_unusable", row["value"], row["field"]))
    return CONTRACTS[f"cleaned_{entity}"].split(cleaned(harvested, entity, millimetres), log, _place)


def _millimetres(museum: MuseumMapping, entity: str) -> dict[str, float]:
    """Millimetres in one unit of the source, by field of length; a length without a unit is in millimetres."""
    mapping = museum.entity(entity)
    fields = mapping.fields if mapping is not None else {}
    return {name: MILLIMETRES[field.unit] for name, field in fields.items() if field.unit is not None}


def _place(row: Mapping[str, object]) -> str:
    return f"{row['source_file']}:{row['source_line']}"
