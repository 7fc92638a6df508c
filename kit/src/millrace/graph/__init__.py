"""The graph room: a declared model, a port of frames over it, and two databases behind the port.

Declare a model, in a domain's `graph.py`:

    COMPANY = Node(
        label="Company",
        key="company_id",
        description="A firm that received an award.",
        title="name",
        properties=(
            Property("company_id", pl.String, "UEI, else DUNS, else a hash of name and state"),
            Property("name", pl.String, "Name as the registry has it", is_indexed=True),
            Property("award_total_usd", pl.Float64, "Sum of its awards, in US dollars"),
        ),
    )
    RECEIVED = Relationship(
        type="RECEIVED", from_label="Company", to_label="Award", description="The company received the award."
    )
    MODEL = GraphModel("sbir", nodes=(COMPANY, AWARD), relationships=(RECEIVED,), queries=Path(...))

Name it in the domain: `Domain(name="sbir", ..., graph="millrace_sbir.graph:MODEL")`. Then assets ask for it:

    @dg.asset(group_name="graph_construction")
    @stage
    def loaded_companies(transformed_companies: pl.LazyFrame, graph: GraphResource) -> dg.MaterializeResult:
        with graph.open() as loader:
            report = loader.load_nodes(COMPANY, transformed_companies)
        return dg.MaterializeResult(metadata=report.figures())

    @dg.asset(group_name="graph_construction", deps=["loaded_companies", "loaded_sbir_awards"])
    @stage
    def loaded_relationships(received: pl.LazyFrame, graph: GraphResource, rejects: RejectFiles) -> ...:
        log = rejects.log("loaded_relationships")
        with graph.open() as loader:
            report = loader.load_relationships(RECEIVED, received, rejects=log, max_rejected_share=0.01)
            whole = loader.finish()

A frame of nodes has one column per property. A frame of relationships has `from_key`, `to_key` and one column per
property. A frame is the whole of its part: what it lacks is removed. `report.problems` and `whole.problems` are empty
where everything reconciles.

What belongs here: models, loads, queries, pictures of any graph. What does not: a domain's own labels.
`GraphResource` lies in `millrace.graph.resource`. Neither database is imported before a graph is opened.
"""

from millrace.graph.model import FROM_KEY, TO_KEY, GraphModel, Node, Part, Property, Relationship
from millrace.graph.port import Graph
from millrace.graph.queries import Answer, Parameter, Query
from millrace.graph.reports import Arrow, GraphReport, Neighbourhood, PartReport, Seen

__all__ = [
    "FROM_KEY",
    "TO_KEY",
    "Answer",
    "Arrow",
    "Graph",
    "GraphModel",
    "GraphReport",
    "Neighbourhood",
    "Node",
    "Parameter",
    "Part",
    "PartReport",
    "Property",
    "Query",
    "Relationship",
    "Seen",
]
