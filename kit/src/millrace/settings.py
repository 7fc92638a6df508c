"""Where a process runs and where its data lies: two profiles, one code base.

What belongs here: what differs between embedded and compose, read from the environment once, when a code
location is loaded. What does not: a domain's thresholds and schedules (`config.yaml`, see `millrace.config`)
and secrets (files, read by the resource that needs them).
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.errors import ConfigurationError
from millrace.lakehouse.warehouse import Warehouse
from millrace.stores import Place

if TYPE_CHECKING:
    from millrace.graph.place import GraphPlace

PREFIX = "MILLRACE_"


class Profile(StrEnum):
    """The two ways to run, and where each keeps its data unless told otherwise."""

    EMBEDDED = "embedded"
    COMPOSE = "compose"

    @property
    def home(self) -> Path:
        """Folder of the data: beside the checkout for one user, the volume in a container."""
        return Path("/var/lib/millrace") if self is Profile.COMPOSE else Path(".millrace")

    @property
    def catalog(self) -> str:
        """Address of the catalog of tables: the database that setup makes; embedded, a file of the domain."""
        return "postgresql+psycopg2://postgres:5432/catalog" if self is Profile.COMPOSE else ""


class Settings(BaseModel):
    """Settings of one process; each is `MILLRACE_<NAME>` in the environment and a line in `.env.example`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Profile = Field(
        default=Profile.EMBEDDED, description="embedded: no Docker, local files; compose: the whole platform"
    )
    home: Path = Field(
        default_factory=lambda values: values["profile"].home,
        description="Folder of stage files, rejects and outputs (default: .millrace, in compose /var/lib/millrace)",
    )
    object_store: str = Field(
        default="", description="Address of an S3 that holds them instead of the folder, http://object-store:9000"
    )
    bucket: str = Field(default="millrace", description="Bucket in that object store")
    graph: str = Field(
        default="",
        description="Neo4j servers, the first is the one that is served unless another was switched to: "
        "bolt://neo4j:7687,bolt://neo4j-rebuild:7687 (default: Ladybug in the home)",
    )
    secrets: Path = Field(default=Path("/run/secrets"), description="Folder of the secret files")
    catalog: str = Field(
        default_factory=lambda values: values["profile"].catalog,
        pattern=r"^$|^(postgresql\+psycopg2|sqlite|http|https)://",
        description="Address of the catalog of Iceberg tables: a SQL database or a REST catalog; see Warehouse",
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Raises:
            ConfigurationError: with every variable that is wrong, its value and what is allowed.
        """
        values = {
            name: environment[key]
            for name in cls.model_fields
            if (key := PREFIX + name.upper()) in environment and environment[key] != ""
        }
        try:
            settings = cls.model_validate(values)
        except ValidationError as error:
            problems = [
                f"{PREFIX}{str(e['loc'][0]).upper()}={e['input']!r}: {e['msg']}"
                for e in error.errors()
                if e["type"] != "default_factory_not_called"  # follows from the problem before it
            ]
            raise ConfigurationError("environment", problems, next_step="see .env.example") from error
        return settings.model_copy(update={"home": settings.home.absolute()})

    def stages(self, domain: str) -> Place:
        """Where a domain's stage files lie."""
        return self._place("stages", domain)

    def rejects(self, domain: str) -> Place:
        """Where the records lie that a domain's stages turned away, one file per asset."""
        return self._place("rejects", domain)

    def parts(self, domain: str) -> Place:
        """Where the finished chunks of a domain's long steps lie until their stage is written."""
        return self._place("parts", domain)

    def outputs(self, domain: str) -> Place:
        """Where a domain publishes."""
        return self._place("outputs", domain)

    def tables(self, domain: str) -> Warehouse:
        """A domain's Iceberg tables; unless a catalog is set, a file below the home lists them."""
        home = self.home.absolute()  # a table keeps the addresses of its files
        catalog = self.catalog or f"sqlite:///{home / 'catalogs' / domain}.db"
        place = self.model_copy(update={"home": home})._place("tables", domain)
        return Warehouse(catalog=catalog, domain=domain, place=place)

    def graph_of(self, domain: str) -> "GraphPlace":
        """Where a domain's graph is: its servers, and what lies beside them; or the folder of an embedded one."""
        from millrace.graph.place import GraphPlace

        servers = [one.strip() for one in self.graph.split(",") if one.strip()]
        beside = self._place("graph", domain) if servers else Place(address=str(self.home / "graph" / domain))
        return GraphPlace(servers=servers, secrets=str(self.secrets), beside=beside)

    def _place(self, kind: str, domain: str) -> Place:
        if not self.object_store:
            return Place(address=str(self.home / kind / domain))
        address = f"s3://{self.bucket}/{kind}/{domain}"
        return Place(address=address, endpoint=self.object_store, secrets=str(self.secrets))
