"""The tree that the docstring of `millrace.errors` draws is the tree of classes."""

import re

import millrace.errors
from millrace.errors import MillraceError


def drawn(text: str) -> list[str]:
    """The classes of a tree, each indented by its depth."""
    lines = re.findall(r"^ {4}([│├└─ ]*)(\w+Error)\b", text, flags=re.MULTILINE)
    return ["  " * (len(branches) // 4) + name for branches, name in lines]


def tree(kind: type[MillraceError], depth: int = 0) -> list[str]:
    """A class of the kit and what is derived from it there, in the order of definition."""
    derived = [one for one in kind.__subclasses__() if one.__module__.split(".")[0] == "millrace"]
    below = [line for one in derived for line in tree(one, depth + 1)]
    return ["  " * depth + kind.__name__, *below]


def test_the_tree_is_drawn_as_it_is() -> None:
    assert drawn(millrace.errors.__doc__ or "") == tree(MillraceError)


def test_a_class_that_is_not_drawn_is_found() -> None:
    text = "\n    MillraceError\n    └── TransientError  that is retried\n"

    assert drawn(text) == ["MillraceError", "  TransientError"]
    assert drawn(text) != tree(MillraceError)
