"""The house rules that can be read off definitions and source files; each returns what breaks them.

`tests/conventions` applies them to every installed domain. A domain that lives elsewhere applies them in its own
tests:

    assert asset_problems(defs()) == []
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dagster as dg

from millrace.runs.stage import STAGE_MARK

MAX_LINES = 400
BANNED_NAMES = frozenset({"utils", "helpers", "common", "manager", "misc"})
_IMPURE_METHODS = (
    *(".now", ".today", ".utcnow"),
    *(".open", ".read_text", ".read_bytes", ".write_text", ".write_bytes"),
)
_ASSET_NAME = re.compile(r"^[a-z]+(_[a-z0-9]+)+$")


def asset_problems(definitions: dg.Definitions) -> list[str]:
    """Assets that lack what every asset carries, and checks that are not named after theirs."""
    problems: list[str] = []
    for asset in definitions.assets or ():
        if isinstance(asset, dg.AssetsDefinition):
            problems += _asset_problems(asset)
    for check in definitions.asset_checks or ():
        for spec in check.check_specs:
            name = spec.asset_key.to_user_string()
            if not (spec.name.startswith(f"{name}_") and spec.name.endswith("_check")):
                problems.append(f"check {spec.name}: expected {name}_<purpose>_check")
            if not spec.description:
                problems.append(f"check {spec.name}: no description")
    return problems


def _asset_problems(asset: dg.AssetsDefinition) -> list[str]:
    problems = []
    for spec in asset.specs:
        name = spec.key.to_user_string()
        carried = {
            "code_version": spec.code_version,
            "kinds": spec.kinds,
            "group": spec.group_name if spec.group_name != "default" else None,
            "owner": spec.owners,
            "description": spec.description,
        }
        problems += [f"asset {name}: no {what}" for what, value in carried.items() if not value]
        if not _ASSET_NAME.match(name):
            problems.append(f"asset {name}: expected <stage>_<entity>")
    if asset.is_executable and not _is_staged(asset):
        names = ", ".join(sorted(key.to_user_string() for key in asset.keys))
        problems.append(f"asset {names}: its function is not decorated with @stage")
    return problems


def _is_staged(asset: dg.AssetsDefinition) -> bool:
    compute = getattr(asset.op, "compute_fn", None)
    return hasattr(getattr(compute, "decorated_fn", compute), STAGE_MARK)


def module_problems(folder: Path) -> list[str]:
    """Modules below a folder that are too long, badly named, undocumented, or impure where they must be pure.

    A module below `transforms/` is pure: it imports no Dagster and no clock and opens nothing.
    """
    problems: list[str] = []
    for path in sorted(folder.rglob("*.py")):
        name = str(path.relative_to(folder))
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        docstring = ast.get_docstring(tree) or ""
        if not docstring:
            problems.append(f"{name}: no module docstring")
        if len(text.splitlines()) > MAX_LINES and "lines" not in docstring:
            problems.append(f"{name}: {len(text.splitlines())} lines (at most {MAX_LINES}, or the docstring says why)")
        if BANNED_NAMES & set(path.with_suffix("").relative_to(folder).parts):
            problems.append(f"{name}: a name that says nothing ({', '.join(sorted(BANNED_NAMES))})")
        problems += [f"{name}: {problem}" for problem in _import_problems(tree)]
        if "transforms" in path.parts:
            problems += [f"{name}: {problem}" for problem in _impurities(tree)]
    return problems


def _import_problems(tree: ast.Module) -> list[str]:
    """What a module does when it is imported and must not: read the environment or settings, swallow ImportError."""
    problems = []
    for node in _at_import(tree.body):
        for part in ast.walk(node):
            if isinstance(part, ast.ExceptHandler) and _catches_import_error(part):
                problems.append(f"line {part.lineno}: catches ImportError at import")
            if isinstance(part, ast.Attribute) and ast.unparse(part) in ("os.environ", "os.getenv"):
                problems.append(f"line {part.lineno}: reads the environment at import")
    return problems


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    caught = ast.unparse(handler.type) if handler.type is not None else ""
    return "ImportError" in caught or "ModuleNotFoundError" in caught


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when a module is imported; those of a class do, those of a function do not."""
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _at_import(node.body)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _impurities(tree: ast.Module) -> list[str]:
    problems = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            names = [module] if module else [alias.name for alias in node.names]
            problems += [
                f"line {node.lineno}: a transform imports {name}"
                for name in names
                if name.split(".")[0] in ("dagster", "time", "os", "requests")
            ]
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "open" or called.endswith(_IMPURE_METHODS):
                problems.append(f"line {node.lineno}: a transform calls {called}")
    return problems
