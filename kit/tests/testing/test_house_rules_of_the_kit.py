"""The kit keeps the rules that it sets."""

from pathlib import Path

import millrace
from millrace.testing import module_problems


def test_the_kit_keeps_its_own_rules() -> None:
    assert module_problems(Path(millrace.__file__).parent) == []
