"""Where the domain's sources lie, as a resource; one setting for each.

What belongs here: settings and what they are made into. What does not: reading (`sources`), thresholds (`rules`).
"""

import os
import tempfile
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

from millrace.errors import ConfigurationError, SourceUnavailableError
from millrace.settings import Settings
from millrace.stores import Store
from millrace_sbir.rules import Rules, SbirConfig, SourcesConfig
from millrace_sbir.sample import given_sources
from millrace_sbir.sources.allowance import TokenBucket
from millrace_sbir.sources.api import Service
from millrace_sbir.sources.download import Patience
from millrace_sbir.sources.figures import SourceFigures
from millrace_sbir.sources.opening import (
    AWARDS_VARIABLE,
    COMPANIES_VARIABLE,
    PATENTS_VARIABLE,
    SAM_VARIABLE,
    OpenedSource,
    Opening,
)
from millrace_sbir.sources.patents_api import PATENTS_URL, patents_service
from millrace_sbir.sources.remote import shown_url
from millrace_sbir.sources.sam_api import SAM_URL, sam_service

_VARIABLES = {
    "awards": AWARDS_VARIABLE,
    "companies": COMPANIES_VARIABLE,
    "sam": SAM_VARIABLE,
    "patents": PATENTS_VARIABLE,
}


_API_VARIABLES = {"sam": "SBIR_SAM_API", "patents": "SBIR_PATENTS_API"}
API = "api"


class Sources(dg.ConfigurableResource):
    """A path, an address or a key for each source; empty for one that is not used, `api` for one that is asked.

    Attributes:
        awards: The award file.
        companies: The company file.
        sam: SAM.gov's entities.
        patents: USPTO's patents and their assignees.
        sam_api: Address of SAM.gov's API; empty for the public one.
        patents_api: Address of PatentSearch; empty for the public one.
        cache: Folder for what is downloaded.
        endpoint: Address of the object store, for `s3://` keys.
        secrets: Folder with its keys and those of the APIs.
        limits: How long a source is waited for, how often it is asked, what it may unpack to.
    """

    awards: str
    companies: str
    sam: str
    patents: str
    sam_api: str
    patents_api: str
    cache: str
    endpoint: str
    secrets: str
    limits: SourcesConfig

    def asks_api(self, name: str) -> bool:
        """Whether a source is its API.

        Raises:
            ConfigurationError: it has none.
        """
        is_asked = getattr(self, name) == API
        if is_asked and name not in _API_VARIABLES:
            raise ConfigurationError(
                f"{_VARIABLES[name]}={API}", ["has no API"], next_step="give a path, https://… or s3://bucket/key"
            )
        return is_asked

    def shown(self, name: str) -> str:
        """Where a source lies, without what may be secret in it; "" for one that is not used."""
        place: str = getattr(self, name)
        return shown_url(self._api(name) if self.asks_api(name) else place)

    def open(self, name: str, figures: SourceFigures) -> OpenedSource | None:
        """One of the sources, on this machine; None if it is not used.

        Args:
            name: Of the attribute.
            figures: Gets how a server answered that it came from.

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
        self.asks_api(name)

        def sleep(seconds: float) -> None:  # after each attempt but the last
            figures.failure("no answer", 0.0)
            figures.retries += 1
            figures.waited_seconds += seconds
            time.sleep(seconds)

        patience = self._patience(sleep)
        opening = Opening(Path(self.cache), self.endpoint, Path(self.secrets), self.limits.max_unpacked_bytes, patience)
        if "://" not in place:
            return opening.open(place)
        figures.name, begun = self.shown(name), time.monotonic()
        try:
            opened = opening.open(place)
        except SourceUnavailableError:
            figures.failure("no answer", time.monotonic() - begun - figures.waited_seconds)
            raise
        figures.answer(time.monotonic() - begun - figures.waited_seconds)
        return opened

    @contextmanager
    def service(self, name: str, figures: SourceFigures, store: Store) -> Generator[Service]:
        """The API of a source, with the key in the file of its name; closed at the end.

        Args:
            name: sam or patents.
            figures: Gets how it answers.
            store: Keeps its pages, and how often it was asked today.
        """
        secrets, url = Path(self.secrets), self._api(name)
        if name == "sam":
            service = sam_service(secrets, store, per_day=self.limits.sam_requests_per_day, url=url)
            service.rate = TokenBucket(self.limits.sam_requests_per_second)
        else:
            service = patents_service(secrets, store, url=url)
        service.patience = self._patience(time.sleep)
        figures.name, service.figures = service.name, figures
        service.cache.sweep()
        try:
            yield service
        finally:
            service.close()

    def _api(self, name: str) -> str:
        given: str = getattr(self, f"{name}_api")
        return given or {"sam": SAM_URL, "patents": PATENTS_URL}[name]

    def _patience(self, sleep: Callable[[float], None]) -> Patience:
        return Patience(self.limits.attempts, self.limits.first_wait_seconds, self.limits.longest_wait_seconds, sleep)


def sbir_resources(settings: Settings, config: SbirConfig) -> dict[str, object]:
    """The domain's resources, from settings and `config.yaml`.

    Dagster has no default for a variable that is not set, so whether one is set is asked here, when the location is
    loaded.
    """
    variables = _VARIABLES | {f"{name}_api": variable for name, variable in _API_VARIABLES.items()}
    places = {name: dg.EnvVar(variable) if os.environ.get(variable) else "" for name, variable in variables.items()}
    cache = settings.home / "downloads" / "sbir" if not settings.object_store else Path(tempfile.gettempdir()) / "sbir"
    return {
        "sources": Sources(
            **places,
            cache=str(cache),
            endpoint=settings.object_store,
            secrets=str(settings.secrets),
            limits=config.sources,
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
