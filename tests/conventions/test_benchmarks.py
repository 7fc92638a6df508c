"""What a benchmark keeps: figures of a commit that can be measured again, and no others."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def figures(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`benchmarks/figures.py`, in a repository of its own with one commit."""
    specification = importlib.util.spec_from_file_location("millrace_figures", root / "benchmarks" / "figures.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setitem(sys.modules, specification.name, module)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "RESULTS", tmp_path / "benchmarks" / "results")
    module.RESULTS.mkdir(parents=True)
    (tmp_path / "code.py").write_text("x = 1\n")
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    for command in (("init", "-q"), ("add", "."), (*identity, "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return module


def kept(figures: Any) -> str:
    return figures.keep("speed", [figures.Figure("speed", 1.0, "s", 2.0, "≤ 2 s", 1.0, "made-up")])


def test_figures_of_a_commit_are_kept_with_it_again_and_again(figures: Any) -> None:
    for _ in range(2):
        assert kept(figures) == f"kept in {figures.RESULTS / 'speed.json'}"

    content = json.loads((figures.RESULTS / "speed.json").read_text())
    assert len(content["commit"]) == 12
    assert content["figures"][0]["holds"] is True


@pytest.mark.parametrize("name", ["code.py", "more.py"], ids=["changed", "new"])
def test_figures_of_an_uncommitted_tree_are_not_kept(figures: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x = 2\n")

    assert kept(figures) == "not kept: the tree has uncommitted changes"
    assert list(figures.RESULTS.iterdir()) == []
