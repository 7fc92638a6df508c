"""A declared model for people: Markdown with a Mermaid diagram."""

from collections.abc import Iterator, Sequence

from millrace.graph.model import GraphModel, Part


def markdown(model: GraphModel) -> str:
    """A diagram of the graph, then a table of properties for each node and each relationship."""
    return "\n".join([f"# The graph of `{model.name}`", "", *_diagram(model), "", *_parts(model)])


def mermaid(model: GraphModel) -> str:
    """The diagram alone: labels, and types as arrows between them."""
    lines = ["flowchart LR"]
    lines += [f"    {node.label}(({node.label}))" for node in model.nodes]
    lines += [f"    {one.from_label} -->|{one.type}| {one.to_label}" for one in model.relationships]
    return "\n".join(lines)


def _diagram(model: GraphModel) -> list[str]:
    return ["```mermaid", mermaid(model), "```"]


def _parts(model: GraphModel) -> Iterator[str]:
    for node in model.nodes:
        yield from (f"## {node.label}", "", node.description, "", *_table(node, [node.key]), "")
    for one in model.relationships:
        yield from (f"## {one.type}", "", f"`{one.arrow}` {one.description}", "")
        if one.properties:
            yield from (*_table(one, one.key), "")


def _table(part: Part, key: Sequence[str]) -> Iterator[str]:
    yield "| property | type | meaning |"
    yield "| --- | --- | --- |"
    for one in part.properties:
        marks = " (key)" if one.name in key else " (indexed)" if one.is_indexed else ""
        meaning = one.description.replace("|", "\\|")
        yield f"| `{one.name}`{marks} | {one.dtype} | {meaning} |"
