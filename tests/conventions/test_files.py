"""The house rules for files: links, words, settings, scripts, the lock, decisions."""

import os
import re
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from millrace.domains import installed_domains
from millrace.location import Domain, assemble
from millrace.settings import PREFIX, Settings

TEXTS = {".py", ".md", ".toml", ".yaml", ".yml", ".sh", ""}
# Words that say that a text is not finished; this file alone may hold them.
BANNED = ["TODO", "FIXME", "XXX:"]


def texts(root: Path) -> list[Path]:
    skipped = {
        ".git",
        ".venv",
        ".venv-grafana",
        ".millrace",
        ".tools",
        ".hypothesis",
        "__pycache__",
        ".pytest_cache",
        ".ruff_cache",
    }
    return [
        path
        for path in root.rglob("*")
        if path.is_file()
        and path != Path(__file__)
        and path.suffix in TEXTS
        and not skipped & set(path.relative_to(root).parts)
    ]


def banned_words(path: Path) -> list[str]:
    content = path.read_text(encoding="utf-8", errors="replace")
    return [word for word in BANNED if word in content]


def broken_links(path: Path) -> list[str]:
    """Relative links of a Markdown file that lead nowhere."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    return [link for link in links if "://" not in link and not (path.parent / link).exists()]


def test_no_text_says_that_it_is_not_finished(root: Path) -> None:
    found = {str(path.relative_to(root)): words for path in texts(root) if (words := banned_words(path))}

    assert found == {}


def test_a_banned_word_is_found(tmp_path: Path) -> None:
    (tmp_path / "note.md").write_text("TODO: later\n")

    assert banned_words(tmp_path / "note.md") == ["TODO"]


def test_every_link_leads_somewhere(root: Path) -> None:
    found = {
        str(path.relative_to(root)): links
        for path in texts(root)
        if path.suffix == ".md" and (links := broken_links(path))
    }

    assert found == {}


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("[here](page.md) [there](nowhere.md) [out](https://example.org)\n")

    assert broken_links(tmp_path / "page.md") == ["nowhere.md"]


def settings_in_use(home: Path) -> set[str]:
    """Variables of the environment that settings and the domains' resources read, of those that are set."""
    names = {PREFIX + name.upper() for name in Settings.model_fields}
    for point in installed_domains().values():
        domain: Domain = point.load()
        for resource in (assemble(domain, Settings(home=home)).resources or {}).values():
            names |= _environment_of(resource)
    return names


# Read by Docker Compose itself, and by `scripts/millrace`.
READ_ELSEWHERE = {"COMPOSE_FILE", "MILLRACE_ADDRESS"}


def settings_of_compose(root: Path) -> set[str]:
    """Variables that the compose files take from the environment."""
    files = [
        root / "services/dagster/location.yaml",
        *root.glob("compose*.yaml"),
        *root.glob("code_locations/*/compose.yaml"),
    ]
    return {name for file in files for name in re.findall(r"\$\{([A-Z0-9_]+)", file.read_text(encoding="utf-8"))}


def _environment_of(resource: object) -> set[str]:
    return {value.env_var_name for value in vars(resource).values() if isinstance(value, dg.EnvVar)}


def test_every_setting_of_the_environment_is_documented_and_no_other(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In `.env.example`, or in the README of the domain whose setting it is: a new domain stays in its folder."""
    example = (root / ".env.example").read_text(encoding="utf-8")
    listed = set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", example, flags=re.MULTILINE))
    for name in listed - {PREFIX + name.upper() for name in Settings.model_fields}:
        monkeypatch.setenv(name, "set")  # one with a default is asked for only where it is set
    in_use = settings_in_use(tmp_path) | settings_of_compose(root) | READ_ELSEWHERE
    readmes = "".join(path.read_text(encoding="utf-8") for path in (root / "code_locations").glob("*/README.md"))

    assert {"MILLRACE_HOME", "MUSEUM_SOURCE", "MUSEUM_MAPPING"} <= in_use
    assert listed - in_use == set()
    assert {name for name in in_use - listed if f"`{name}`" not in readmes} == set()
    assert {name for name in in_use if name.startswith(PREFIX)} <= listed


SCRIPTS = [
    path
    for path in sorted((Path(__file__).parents[2] / "scripts").iterdir())
    if path.is_file() and not path.name.startswith("_") and not path.suffix
]


def named(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_every_script_can_be_run_and_says_what_it_does(script: Path) -> None:
    first, second = script.read_text(encoding="utf-8").splitlines()[:2]

    assert os.access(script, os.X_OK)
    assert first == "#!/usr/bin/env bash"
    assert second.startswith("# ")


@pytest.mark.parametrize("script", SCRIPTS, ids=named)
def test_every_script_answers_help(script: Path) -> None:
    result = subprocess.run([script, "--help"], capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stderr
    assert "usage" in result.stdout.lower()


def test_the_lock_names_public_registries_only(root: Path) -> None:
    hosts = set(re.findall(r"https?://([^/\"]+)", (root / "uv.lock").read_text(encoding="utf-8")))

    assert hosts == {"pypi.org", "files.pythonhosted.org"}


def test_every_decision_has_its_parts_and_is_listed(root: Path) -> None:
    folder = root / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    decisions = sorted(path for path in folder.glob("[0-9]*.md"))

    assert decisions
    for path in decisions:
        headings = re.findall(r"^## (\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert headings[:4] == ["Status", "Context", "Decision", "Consequences"], path.name
        assert path.name in index, f"{path.name} is not in the index"
