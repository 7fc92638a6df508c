"""The resources of the museum: the collection that is harvested, and the place where it is published."""

import os
from pathlib import Path

import dagster as dg
from pydantic import Field

from millrace.config import DomainConfig
from millrace.publication import Publisher, publisher
from millrace.settings import Settings
from millrace.stores import Place
from millrace_museum.mapping import MuseumMapping, load_mapping
from millrace_museum.sources.harvest import Harvest, open_harvest

SOURCE_VARIABLE = "MUSEUM_SOURCE"
MAPPING_VARIABLE = "MUSEUM_MAPPING"
DEFAULT_MAPPING = "tate"
OWN_MAPPING = "mapping.yaml"  # a source that brings its mapping along


class MuseumConfig(DomainConfig):
    """`config.yaml` of the museum."""

    max_record_bytes: int = Field(gt=0, description="a longer record is rejected, unread")
    keep_publications: int = Field(ge=1, description="publications that stay, the current one among them")
    site_url: str = Field(description="address under which the outputs folder is served")


class Collection(dg.ConfigurableResource):
    """Where a collection is read from, and how.

    Attributes:
        source: A folder, or the file of the objects.
        mapping: Name of a shipped mapping, or the path of a mapping file; if empty, the file `mapping.yaml` of the
            source's folder, else Tate's.
        max_record_bytes: Longest record taken.
    """

    source: str
    mapping: str
    max_record_bytes: int

    def museum(self) -> MuseumMapping:
        """The mapping, read and validated."""
        source = Path(self.source)
        own = (source if source.is_dir() else source.parent) / OWN_MAPPING
        return load_mapping(self.mapping or (str(own) if own.is_file() else DEFAULT_MAPPING))

    def harvest(self, entity: str) -> Harvest | None:
        """One entity of the source, ready to be read; None if the museum has no such entity."""
        return open_harvest(self.museum(), entity, Path(self.source), self.max_record_bytes)


class Shelf(dg.ConfigurableResource):
    """Where collections are published: one folder per museum.

    Attributes:
        place: Place of all museums.
        site_url: Address under which it is served.
        keep: Publications that stay.
    """

    place: Place
    site_url: str
    keep: int

    def publisher(self, museum: str) -> Publisher:
        """The publisher of one museum."""
        return publisher(self.place.below(museum).store(), self.keep)

    def address(self, museum: str) -> str:
        """Address under which a museum's publication is served, without a slash at its end."""
        return f"{self.site_url.rstrip('/')}/{museum}"


def museum_resources(settings: Settings, config: MuseumConfig) -> dict[str, object]:
    """The museum's resources, from settings and `config.yaml`.

    Dagster has no default for a variable that is not set, so whether the mapping's is set is asked here, when the
    location is loaded.
    """
    return {
        "collection": Collection(
            source=dg.EnvVar(SOURCE_VARIABLE),
            mapping=dg.EnvVar(MAPPING_VARIABLE) if os.environ.get(MAPPING_VARIABLE) else "",
            max_record_bytes=config.max_record_bytes,
        ),
        "shelf": Shelf(place=settings.outputs("museum"), site_url=config.site_url, keep=config.keep_publications),
    }


def given_source(path: Path, mapping: str | None) -> dict[str, str]:
    """The environment that points the museum at a source somebody gave: a file or a folder.

    Args:
        path: File of the objects, or the folder that holds the source.
        mapping: Name or path of a mapping; if None, the source's own or Tate's.

    Raises:
        SourceMissingError: there is no such mapping.
        ConfigurationError: it does not fit the model.
    """
    if mapping is not None:
        load_mapping(mapping)  # before anything runs
    return {SOURCE_VARIABLE: str(path.absolute()), MAPPING_VARIABLE: mapping or ""}
