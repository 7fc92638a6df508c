"""What readers see of the research awards, as digests; runs in the domain's container.

`python - state` prints one JSON object: digests of tables, of the graph's parts, and of each award's node.
`python - watch` prints one per look, of two tables and of the awards' nodes, until stdin ends. Of nodes those count
that two scans meet alike: Neo4j applies a commit piece by piece, and one scan may meet a node without its properties.
"""

import hashlib
import importlib.util
import json
import os
import select
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

import millrace
from millrace.graph import GraphModel
from millrace.settings import Settings
from millrace_sbir.defs.publish import TABLES
from millrace_sbir.graph import MODEL

SETTINGS = Settings.from_environment(os.environ)
# Its package needs what images do not have.
GRAPHS = Path(millrace.__file__).parent / "testing" / "graphs.py"
WATCHED = ("classified_sbir_awards", "transformed_companies")
COMMIT_SECONDS = 0.3  # longer than Neo4j takes to apply one


def digest(rows: Iterable[str]) -> str:
    """Of rows in any order."""
    return hashlib.md5("\n".join(sorted(rows)).encode(), usedforsecurity=False).hexdigest()


def loaded(path: Path) -> ModuleType:
    """A module without the package around it."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


graph_contents = loaded(GRAPHS).graph_contents


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


def lasting(model: GraphModel) -> list[str]:
    """Digests of the awards' nodes that two scans meet alike."""
    first = {digest([text]) for text in parts(model)["Award"]}
    time.sleep(COMMIT_SECONDS)
    return sorted(first & {digest([text]) for text in parts(model)["Award"]})


def say(seen: Mapping[str, object]) -> None:
    """As one line."""
    sys.stdout.write(f"{json.dumps(seen)}\n")
    sys.stdout.flush()


def main(mode: str) -> None:
    """Print what is seen."""
    if mode == "state":
        graph = parts(MODEL)
        rows = [digest([text]) for text in graph["Award"]]
        seen = {name: digest(texts) for name, texts in graph.items()}
        say({"tables": tables(TABLES), "graph": seen, "rows": rows})
        return
    awards = GraphModel(MODEL.name, nodes=(MODEL.node("Award"),), relationships=())
    while not select.select([sys.stdin], [], [], 0)[0]:
        # A store that is down answers nobody: what matters is that nobody is answered wrongly.
        try:
            seen = {"tables": tables(WATCHED), "rows": lasting(awards)}
        except Exception as error:  # noqa: BLE001
            seen = {"error": f"{type(error).__name__}: {error}"[:300]}
        say(seen)


main(sys.argv[1])
