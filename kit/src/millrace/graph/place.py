"""Where a graph is, as resources are configured with it, and which server of several is served.

    beside/served.json            the server that readers are sent to; none: the first that the setting names
    beside/rebuild.json           the full refresh that began last: its run and its server
    beside/ledger/<server>/       what was loaded there last

Without servers the graph is a Ladybug in the folder `beside`. What belongs here: opening, and the pointer. What does
not: loading.
"""

import fcntl
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import orjson
from pydantic import Field

from millrace.errors import ConfigurationError, GraphChangedError
from millrace.graph.model import GraphModel
from millrace.graph.port import Graph
from millrace.stores import BucketStore, FolderStore, Place, Store

if TYPE_CHECKING:
    from millrace.graph.neo4j import Neo4jGraph, Tuning

_POINTER, _REBUILD = "served.json", "rebuild.json"


@dataclass(frozen=True)
class Rebuild:
    """A full refresh into a server of its own.

    Attributes:
        run: Id of its first run.
        server: Name of the server that it loads.
        served: The one that readers had when it began.
    """

    run: str
    server: str
    served: str


class GraphPlace(dg.Config):
    """A graph's servers and the place beside them; its password stays in its file.

    Attributes:
        servers: Addresses, the first is the one by default; none: Ladybug.
        secrets: Folder with the file of the password.
        beside: Where pointer and ledgers lie, or Ladybug's files.
    """

    servers: list[str] = Field(default_factory=list)
    secrets: str = ""
    beside: Place

    def open(self, model: GraphModel, tuning: "Tuning | None" = None) -> Graph:
        """The graph that readers see, and that loads go to.

        Raises:
            ConfigurationError: the pointer names a server that the setting does not.
        """
        if self.servers:
            return self.open_server(self.served(), model, tuning)
        from millrace.graph.ladybug import LadybugGraph

        if self.beside.address.startswith("s3://"):
            raise ConfigurationError(f"graph {model.name}", ["Ladybug needs a folder"], next_step="set MILLRACE_GRAPH")
        return LadybugGraph(Path(self.beside.address), model)

    def open_server(self, name: str, model: GraphModel, tuning: "Tuning | None" = None) -> "Neo4jGraph":
        """The graph in one server, served or not.

        Raises:
            ConfigurationError: there is no such server.
        """
        from millrace.graph.neo4j import Neo4jGraph, Server

        address = self._addresses.get(name)
        if address is None:
            raise self._unknown(name)
        ledgers = self.beside.below(f"ledger/{name}")
        return Neo4jGraph(Server(address, Path(self.secrets)), model, ledgers, tuning)

    def names(self) -> list[str]:
        """Names of the servers, the default first."""
        return list(self._addresses)

    def served(self) -> str:
        """Name of the server that readers are sent to.

        Raises:
            ConfigurationError: there is none, or the pointer names one that the setting does not.
        """
        name = _pointed(self._read())
        if name is None:
            if not self.servers:
                raise ConfigurationError("graph", ["has no server"], next_step="set MILLRACE_GRAPH")
            return next(iter(self._addresses))
        if name not in self._addresses:
            raise self._unknown(name)
        return name

    def switch(self, to: str, *, since: str) -> None:
        """Send readers to another server; what is in either stays as it is.

        Args:
            to: Its name.
            since: The server that was served when the decision was made.

        Raises:
            ConfigurationError: there is no such server.
            GraphChangedError: somebody else has switched meanwhile.
        """
        if to not in self._addresses:
            raise self._unknown(to)
        content = orjson.dumps({"server": to}, option=orjson.OPT_APPEND_NEWLINE)
        default = next(iter(self._addresses))
        if not _replace(self.beside.store(), content, lambda found: (_pointed(found) or default) == since):
            raise GraphChangedError(f"{self.beside.address}/{_POINTER}", f"no longer names {since}")

    def rebuild(self) -> Rebuild | None:
        """The full refresh that began last, ended or not.

        Raises:
            ConfigurationError: the note of it cannot be read.
        """
        content = _content(self.beside.store(), _REBUILD)
        if content is None:
            return None
        try:
            return Rebuild(**orjson.loads(content))
        except (orjson.JSONDecodeError, TypeError) as error:
            problem = f"names no refresh: {error}"
            raise ConfigurationError(f"{self.beside.address}/{_REBUILD}", [problem], next_step="remove it") from error

    def note_rebuild(self, rebuild: Rebuild) -> None:
        """Keep which refresh began last."""
        self.beside.store().put(_REBUILD, orjson.dumps(asdict(rebuild), option=orjson.OPT_APPEND_NEWLINE))

    @property
    def _addresses(self) -> dict[str, str]:
        from millrace.graph.neo4j.server import server_name

        return {server_name(address): address for address in self.servers}

    def _read(self) -> bytes | None:
        return _content(self.beside.store(), _POINTER)

    def _unknown(self, name: str) -> ConfigurationError:
        known = ", ".join(self._addresses) or "none"
        return ConfigurationError("graph", [f"there is no server {name!r}"], next_step=f"MILLRACE_GRAPH names {known}")


def _content(store: Store, name: str) -> bytes | None:
    try:
        return store.read(name)
    except FileNotFoundError:
        return None


def _pointed(content: bytes | None) -> str | None:
    if content is None:
        return None
    try:
        return str(orjson.loads(content)["server"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(_POINTER, ["names no server"], next_step="restore it, or remove it") from error


def _replace(store: Store, content: bytes, is_expected: Callable[[bytes | None], bool]) -> bool:
    """Replace the pointer if what it says now is what was expected; say whether it was."""
    if isinstance(store, BucketStore):
        version = store.version(_POINTER)
        return is_expected(_content(store, _POINTER)) and store.replace_version(_POINTER, content, version)
    assert isinstance(store, FolderStore)  # noqa: S101  # there is no third kind
    store.root.mkdir(parents=True, exist_ok=True)
    with (store.root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_expected(_content(store, _POINTER)):
            return False
        store.put(_POINTER, content)
        return True
