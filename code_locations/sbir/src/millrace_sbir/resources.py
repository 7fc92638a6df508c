"""Where the domain's sources lie, as a resource; one setting for each.

What belongs here: settings and what they are made into. What does not: reading (`sources`), thresholds (`rules`).
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from millrace.errors import ConfigurationError
from millrace.settings import Settings
from millrace_sbir.rules import Rules, SbirConfig
from millrace_sbir.sample import given_sources
from millrace_sbir.sources.opening import (
    AWARDS_VARIABLE,
    COMPANIES_VARIABLE,
    PATENTS_VARIABLE,
    SAM_VARIABLE,
    OpenedSource,
    Opening,
)

_VARIABLES = {
    "awards": AWARDS_VARIABLE,
    "companies": COMPANIES_VARIABLE,
    "sam": SAM_VARIABLE,
    "patents": PATENTS_VARIABLE,
}


class Sources(dg.ConfigurableResource):
    """A path, an address or a key for each source; empty for one that is not used.

    Attributes:
        awards: The award file.
        companies: The company file.
        sam: SAM.gov's entities.
        patents: USPTO's patents and their assignees.
        cache: Folder for what is downloaded.
        endpoint: Address of the object store, for `s3://` keys.
        secrets: Folder with its keys.
        max_unpacked_bytes: What an archive may unpack to.
    """

    awards: str
    companies: str
    sam: str
    patents: str
    cache: str
    endpoint: str
    secrets: str
    max_unpacked_bytes: int

    def open(self, name: str) -> OpenedSource | None:
        """One of the sources, on this machine; None if it is not used.

        Raises:
            ConfigurationError: it is the award file, without which there is nothing to do.
            SourceMissingError, SourceUnreadableError, SourceUnavailableError: see `Opening.open`.
        """
        place: str = getattr(self, name)
        if not place:
            if name == "awards":
                raise ConfigurationError(
                    "sbir source",
                    ["no award file is named"],
                    next_step=f"set {_VARIABLES[name]} to a path or an address",
                )
            return None
        opening = Opening(Path(self.cache), self.endpoint, Path(self.secrets), self.max_unpacked_bytes)
        return opening.open(place)


def sbir_resources(settings: Settings, config: SbirConfig) -> dict[str, object]:
    """The domain's resources, from settings and `config.yaml`.

    Dagster has no default for a variable that is not set, so whether one is set is asked here, when the location is
    loaded.
    """
    places = {name: dg.EnvVar(variable) if os.environ.get(variable) else "" for name, variable in _VARIABLES.items()}
    cache = settings.home / "downloads" / "sbir" if not settings.object_store else Path(tempfile.gettempdir()) / "sbir"
    return {
        "sources": Sources(
            **places,
            cache=str(cache),
            endpoint=settings.object_store,
            secrets=str(settings.secrets),
            max_unpacked_bytes=config.max_unpacked_bytes,
        ),
        "rules": Rules(config),
    }


def given_source(path: Path, mapping: str | None) -> Mapping[str, str]:
    """The environment that points the domain at a source somebody gave: a folder, or the award file alone.

    Raises:
        ConfigurationError: a mapping came, or the folder has no award file.
    """
    if mapping is not None:
        raise ConfigurationError("domain sbir", ["takes no --mapping"], next_step="leave it out")
    named = given_sources(path) if path.is_dir() else {AWARDS_VARIABLE: str(path.absolute())}
    if AWARDS_VARIABLE not in named:
        raise ConfigurationError(
            str(path), ["has no awards.csv"], next_step="give a folder with it, or the file itself"
        )
    return dict.fromkeys(_VARIABLES.values(), "") | named
