"""What readers see of the research awards, as digests; runs in the domain's container.

python - state      one JSON object: {"tables": {name: digest}, "graph": {part: digest}, "rows": [digest of each node]}
python - watch      the same once a look, one per line, of two tables and of the awards' nodes, until it is killed
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Mapping

from millrace.graph import GraphModel
from millrace.settings import Settings
from millrace.testing.graphs import graph_contents
from millrace_sbir.defs.publish import TABLES
from millrace_sbir.graph import MODEL

SETTINGS = Settings.from_environment(os.environ)
WATCHED = ("classified_sbir_awards", "transformed_companies")


def digest(rows: Iterable[str]) -> str:
    """Of rows in any order."""
    return hashlib.md5("\n".join(sorted(rows)).encode(), usedforsecurity=False).hexdigest()


def tables(names: Iterable[str]) -> dict[str, str]:
    """Digest of each table."""
    found = {}
    for name in names:
        frame = SETTINGS.tables("sbir").table(name).scan().collect()
        found[name] = digest(map(repr, frame.select(sorted(frame.columns)).iter_rows(named=True)))
    return found


def parts(model: GraphModel) -> Mapping[str, list[str]]:
    """Texts of every node and relationship, by label or type."""
    with SETTINGS.graph_of("sbir").open(model) as graph:
        return {name: [repr(row) for row in rows] for name, rows in graph_contents(graph).items()}


def main(mode: str) -> None:
    """Print what is seen."""
    if mode == "state":
        graph = parts(MODEL)
        rows = [digest([text]) for text in graph["Award"]]
        seen = {name: digest(texts) for name, texts in graph.items()}
        print(json.dumps({"tables": tables(TABLES), "graph": seen, "rows": rows}))
        return
    awards = GraphModel(MODEL.name, nodes=(MODEL.node("Award"),), relationships=())
    while True:
        # A store that is down answers nobody: what matters is that nobody is answered wrongly.
        try:
            seen = {"tables": tables(WATCHED), "rows": [digest([text]) for text in parts(awards)["Award"]]}
        except Exception as error:  # noqa: BLE001
            seen = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(seen), flush=True)


main(sys.argv[1])
