"""The files of `infra/grafana` that are made from code: dashboards, and which queries may be empty.

What belongs here: which file comes from what, and how they are compared with what lies there. What does not: what any
dashboard shows (`pages`).

The domains' dashboards follow their definitions, so this loads every installed domain, as Dagster does.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from millrace.domains import installed_domains
from millrace.location import Domain, assemble
from millrace.settings import Settings
from millrace_grafana.page import BACKFILLS, Page
from millrace_grafana.pages import fixed_pages
from millrace_grafana.pages.domain import Outline
from millrace_grafana.pages.domain import page as domain_page
from millrace_grafana.queries import EXPECTED_EMPTY, FOLDER


def all_pages() -> list[Page]:
    """Every dashboard: the fixed ones, then one for each installed domain.

    Raises:
        ConfigurationError: a domain's `config.yaml` is wrong.
    """
    domains: list[Domain] = [point.load() for point in installed_domains().values()]
    return [*fixed_pages(), *(domain_page(outline(domain)) for domain in domains)]


def outline(domain: Domain) -> Outline:
    """What a domain defines."""
    definitions = assemble(domain, Settings())
    graph = definitions.resolve_asset_graph()
    config = domain.config()
    groups: dict[str, list[str]] = {}
    for key in graph.toposorted_asset_keys:
        groups.setdefault(graph.get(key).group_name or "", []).append(key.to_user_string())
    checked = {key.asset_key.to_user_string() for key in graph.asset_check_keys}
    return Outline(
        name=domain.name,
        owner=config.owner,
        groups=list(groups.items()),
        fresh=sorted(key.to_user_string() for key in graph.toposorted_asset_keys if graph.get(key).freshness_policy),
        checked=sorted(checked),
        jobs=[(name, job.description) for name, job in config.jobs.items()],
    )


def files(pages: list[Page]) -> dict[str, str]:
    """The generated files by their path in the checkout."""
    made = {f"{FOLDER}/{page.file_name}": page.as_json() for page in pages}
    empty = {
        page.uid: {
            BACKFILLS: "no backfill goes on",
            **{" ".join(query.expr.split()): query.empty for query in page.queries() if query.empty},
        }
        for page in pages
    }
    text = json.dumps(empty, indent=2, sort_keys=True)
    return {**made, EXPECTED_EMPTY: text + "\n"}


def differing(root: Path, made: Mapping[str, str]) -> list[str]:
    """Paths of generated files that are missing, hold something else, or should not be there."""
    wrong = [name for name, text in made.items() if _text(root / name) != text]
    left = [f"{FOLDER}/{path.name}" for path in (root / FOLDER).glob("*") if f"{FOLDER}/{path.name}" not in made]
    return sorted([*wrong, *left])


def write(root: Path, made: Mapping[str, str]) -> list[str]:
    """Bring the checkout to this state; the paths that changed."""
    changed = differing(root, made)
    for name in changed:
        path = root / name
        if name in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[name], encoding="utf-8")
        else:
            path.unlink()
    return changed


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
