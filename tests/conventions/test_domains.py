"""The house rules, applied to every installed domain; each has a fixture that must fail."""

import ast
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from millrace.domains import installed_domains
from millrace.location import Domain, assemble
from millrace.settings import PREFIX, Settings
from millrace.testing import asset_problems, module_problems

DOMAINS = sorted(installed_domains())


def load(name: str) -> Domain:
    return installed_domains()[name].load()


@pytest.fixture
def definitions(request: pytest.FixtureRequest, tmp_path: Path) -> dg.Definitions:
    return assemble(load(request.param), Settings(home=tmp_path))


def imported(folder: Path) -> set[str]:
    """Top-level packages that the modules below a folder import."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names


def freshness_problems(definitions: dg.Definitions) -> list[str]:
    """Published assets without a freshness policy."""
    return [
        spec.key.to_user_string()
        for asset in definitions.assets or ()
        if isinstance(asset, dg.AssetsDefinition)
        for spec in asset.specs
        if spec.key.to_user_string().startswith("published_") and spec.freshness_policy is None
    ]


def test_every_folder_of_a_code_location_is_an_installed_domain(root: Path) -> None:
    folders = {path.parent.name for path in (root / "code_locations").glob("*/pyproject.toml")}

    assert folders == set(DOMAINS)


@pytest.mark.parametrize("definitions", DOMAINS, indirect=True)
def test_every_asset_and_check_carries_what_the_house_asks_for(definitions: dg.Definitions) -> None:
    assert asset_problems(definitions) == []
    assert freshness_problems(definitions) == []


def test_an_asset_that_lacks_everything_is_found() -> None:
    @dg.asset
    def published_things() -> None: ...

    bare = dg.Definitions(assets=[published_things])

    problems = "\n".join(asset_problems(bare))
    for lack in ("no code_version", "no kinds", "no group", "no owner", "no description", "@stage"):
        assert lack in problems
    assert freshness_problems(bare) == ["published_things"]


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domains_modules_keep_the_house_rules(name: str) -> None:
    domain = load(name)

    assert module_problems(domain.root / "src") == []
    for file in ("README.md", "config.yaml", "tests"):
        assert (domain.root / file).exists(), f"{name} has no {file}"


def test_the_kits_modules_keep_the_house_rules(root: Path) -> None:
    assert module_problems(root / "kit" / "src") == []


def test_a_module_that_breaks_the_rules_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "transforms"
    folder.mkdir()
    (folder / "utils.py").write_text("import dagster\nimport os\nhome = os.environ['HOME']\n" + "x = 1\n" * 400)

    problems = "\n".join(module_problems(tmp_path))

    for found in ("no module docstring", "403 lines", "says nothing", "imports dagster", "reads the environment"):
        assert found in problems


@pytest.mark.parametrize("name", DOMAINS)
def test_a_domain_imports_no_other_domain(name: str) -> None:
    packages = {load(other).package for other in DOMAINS}

    assert imported(load(name).root / "src") & packages <= {load(name).package}


def test_the_kit_imports_no_domain(root: Path) -> None:
    packages = {load(name).package for name in DOMAINS}

    assert packages
    assert imported(root / "kit" / "src") & packages == set()


# Reads of our own settings are told apart from those of libraries by their names: the kit's prefix and each domain's.
_PREFIXES = (PREFIX, *(f"{name.upper()}_" for name in DOMAINS))
_IMPORT_QUIETLY = """
import importlib, os, sys
class Watched(dict):
    def _note(self, key):
        if str(key).startswith(tuple(sys.argv[2:])):
            raise SystemExit(f"read {key} at import")
    def __getitem__(self, key):
        self._note(key); return super().__getitem__(key)
    def get(self, key, default=None):
        self._note(key); return super().get(key, default)
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        raise SystemExit(f"{event} {arguments} at import")
os.environ = Watched(os.environ)
sys.addaudithook(hook)
importlib.import_module(sys.argv[1])
"""


def import_quietly(module: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _IMPORT_QUIETLY, module, *_PREFIXES],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )


@pytest.mark.parametrize("name", DOMAINS)
def test_importing_a_domain_reads_no_setting_and_opens_no_connection(name: str, tmp_path: Path) -> None:
    result = import_quietly(f"{load(name).package}.definitions", tmp_path)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("setting", ["MILLRACE_HOME", "MUSEUM_SOURCE"])
def test_a_module_that_reads_a_setting_at_import_is_found(tmp_path: Path, setting: str) -> None:
    (tmp_path / "eager.py").write_text(f"import os\nos.environ.get('{setting}')\n")

    result = import_quietly("eager", tmp_path)

    assert f"read {setting} at import" in result.stderr
