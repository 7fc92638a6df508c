"""The graph as a resource that assets ask for: `graph: GraphResource`.

Every domain that names a model has it (`millrace.location`). Model and database are imported when it is opened.
"""

import dagster as dg
from pydantic import Field

from millrace.errors import ConfigurationError
from millrace.graph.model import GraphModel
from millrace.graph.place import GraphPlace
from millrace.graph.port import Graph
from millrace.graph.rebuild import server_of, show


class GraphResource(dg.ConfigurableResource):
    """A domain's graph.

        with graph.open_for(context.run) as loader:
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

    def open_for(self, run: dg.DagsterRun) -> Graph:
        """The graph that a run loads; a context manager.

        That is the one that readers see, unless the run is a full refresh and there is a second server: then the
        graph in that one, which readers see after `show`.

        Raises:
            ConfigurationError: the model is not there, or the batches of unknown parts have a size.
        """
        return self.open(server=server_of(self.place, self.declared(), run))

    def show(self, run: dg.DagsterRun) -> str | None:
        """Let readers see what a full refresh has loaded, once all of it adds up.

        Returns:
            Name of the server that they read now; None for a run that loaded the one that they read.

        Raises:
            GraphChangedError: somebody else has switched since the refresh began.
        """
        return show(self.place, run)

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
