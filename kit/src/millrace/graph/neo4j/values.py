"""Values of an answer as plain Python: what a table can show and JSON can say."""

from collections.abc import Mapping
from typing import Any

from millrace.graph.frames import HASH


def plain(value: Any) -> Any:
    """A value of the driver's without its classes; a node or relationship becomes its properties, without our hash."""
    from neo4j.graph import Entity, Path

    if isinstance(value, Path):
        return [plain(node) for node in value.nodes]
    if isinstance(value, Entity):
        return {name: plain(one) for name, one in sorted(value.items()) if name != HASH}
    if isinstance(value, Mapping):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if hasattr(value, "iso_format"):
        return value.iso_format()
    return value
