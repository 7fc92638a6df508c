"""The house rules of source files; each has a file that breaks it."""

from pathlib import Path

import pytest

from millrace.testing import module_problems
from millrace.testing.house_rules import MAX_LINES

DOCSTRING = '"""What it is."""\n'


def problems(folder: Path, name: str, text: str) -> list[str]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return module_problems(folder)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("reading.py", DOCSTRING + "import os\n\n\ndef read():\n    return os.environ['A']\n"),
        ("reading.py", DOCSTRING + "try:\n    x = 1\nexcept ValueError:\n    x = 2\n"),
        ("transforms/clean.py", DOCSTRING + "import polars\nfrom datetime import date\n\n\ndef f(x):\n    return x\n"),
        ("reading.py", DOCSTRING + "import dagster\nfrom pathlib import Path\nx = Path('a').read_text\n"),
        ("long.py", '"""It has 500 lines because."""\n' + "x = 1\n" * 500),
        ("just.py", DOCSTRING + "x = 1\n" * (MAX_LINES - 1)),
    ],
    ids=[
        "environment_in_a_function",
        "another_error",
        "pure_transform",
        "no_transform",
        "long_and_says_why",
        "as_long",
    ],
)
def test_a_module_that_keeps_the_rules_has_no_problem(tmp_path: Path, name: str, text: str) -> None:
    assert problems(tmp_path, name, text) == []


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("a.py", "x = 1\n", "no module docstring"),
        ("a.py", DOCSTRING + "x = 1\n" * MAX_LINES, f"{MAX_LINES + 1} lines (at most {MAX_LINES}, or the docstring"),
        ("utils.py", DOCSTRING, "a name that says nothing"),
        ("helpers/reading.py", DOCSTRING, "a name that says nothing"),
        ("a.py", DOCSTRING + "try:\n    import x\nexcept ImportError:\n    x = None\n", "line 4: catches ImportError"),
        (
            "a.py",
            DOCSTRING + "try:\n    import x\nexcept (ValueError, ModuleNotFoundError):\n    x = None\n",
            "line 4: catches ImportError",
        ),
        ("a.py", DOCSTRING + "import os\nA = os.environ['A']\n", "line 3: reads the environment at import"),
        ("a.py", DOCSTRING + "import os\nif os.getenv('A'):\n    pass\n", "line 3: reads the environment at import"),
        ("a.py", DOCSTRING + "import os\nclass A:\n    b = os.getenv('A')\n", "line 4: reads the environment"),
        ("transforms/a.py", DOCSTRING + "import dagster as dg\n", "line 2: a transform imports dagster"),
        ("transforms/a.py", DOCSTRING + "from time import time\n", "line 2: a transform imports time"),
        ("transforms/a.py", DOCSTRING + "def f():\n    return open('a')\n", "line 3: a transform calls open"),
        ("transforms/a.py", DOCSTRING + "def f(p):\n    p.read_text()\n", "line 3: a transform calls p.read_text"),
        (
            "transforms/a.py",
            DOCSTRING + "from datetime import date\ndef f():\n    return date.today()\n",
            "line 4: a transform calls date.today",
        ),
    ],
    ids=[
        "docstring", "length", "name", "folder", "import_error", "module_not_found_error", "environment",
        "getenv", "in_a_class", "dagster", "clock_module", "open", "read_text", "clock",
    ],
)  # fmt: skip
def test_a_module_that_breaks_a_rule_is_named_with_it(tmp_path: Path, name: str, text: str, problem: str) -> None:
    (found,) = problems(tmp_path, name, text)

    assert found.startswith(f"{name}: ")
    assert problem in found


def test_all_problems_of_all_modules_come_at_once(tmp_path: Path) -> None:
    problems(tmp_path, "a.py", "x = 1\n")

    found = problems(tmp_path, "utils.py", "import os\nA = os.environ\n")

    assert [line.split(":")[0] for line in found] == ["a.py", "utils.py", "utils.py", "utils.py"]
