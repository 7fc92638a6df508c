"""The graph as a resource that assets ask for: `graph: GraphResource`.

Every domain that names a model has it (`millrace.location`). Model and database are imported when it is opened.
"""

import dagster as dg
from pydantic import Field

from millrace.errors import ConfigurationError
from millrace.graph.model import GraphModel
from millrace.graph.place import GraphPlace
from millrace.graph.port import Graph


class GraphResource(dg.ConfigurableResource):
    """A domain's graph.

        with graph.open() as loader:
            report = loader.load_nodes(COMPANY, companies)

    Attributes:
        model: Where it is declared, "millrace_sbir.graph:MODEL".
        place: Where it is.
        workers: Transactions at once, in a server.
        batch_rows: Rows of a transaction, by label or type.
    """

    model: str
    place: GraphPlace
    workers: int = 2
    batch_rows: dict[str, int] = Field(default_factory=dict)

    def declared(self) -> GraphModel:
        """The model."""
        return declared_model(self.model)

    def open(self, *, server: str | None = None) -> Graph:
        """The graph that readers see, or the one in a server that they do not see yet; a context manager.

        Raises:
            ConfigurationError: the model or the server is not there, or the batches of unknown parts have a size.
        """
        from millrace.graph.neo4j import Tuning

        model = self.declared()
        unknown = sorted(self.batch_rows.keys() - {part.name for part in model.parts})
        if unknown:
            problems = [f"graph.batch_rows names {name}, which is not in the model" for name in unknown]
            raise ConfigurationError(f"graph {model.name}", problems, next_step="see the domain's config.yaml")
        tuning = Tuning(workers=self.workers, batch_rows=self.batch_rows)
        if server is not None:
            return self.place.open_server(server, model, tuning)
        return self.place.open(model, tuning)


def declared_model(reference: str) -> GraphModel:
    """The model that a reference names, "millrace_sbir.graph:MODEL".

    Raises:
        ConfigurationError: there is none.
    """
    import importlib

    module, _, name = reference.partition(":")
    try:
        model = getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ConfigurationError(
            f"graph model {reference}", [str(error)], next_step="say package.graph:MODEL"
        ) from error
    if not isinstance(model, GraphModel):
        raise ConfigurationError(f"graph model {reference}", [f"is a {type(model).__name__}, not a GraphModel"])
    return model
