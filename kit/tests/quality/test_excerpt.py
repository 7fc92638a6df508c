"""The start of a record, on one line, whatever it is made of."""

from collections.abc import Mapping
from typing import Any

import pytest

from millrace.quality import excerpt


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain", "plain"),
        (b"plain", "plain"),
        ("  two\n\tlines  ", "two lines"),
        ("Käthe 🎨".encode(), "Käthe 🎨"),
        (b"caf\xe9", "caf\\xe9"),
        (b"\xff\xfea\x00", "\\xff\\xfea\x00"),
        ({"a": 1, "b": None, "c": "ä"}, '{"a":1,"b":null,"c":"ä"}'),
        ({1: {2, 3}}, '{"1":"{2, 3}"}'),
        ("\ud83d half", "\\ud83d half"),
        ({"a": "\ud83d"}, "{'a': '\\ud83d'}"),
        ({"a": 2**70}, "{'a': 1180591620717411303424}"),
        ("", ""),
        ({}, "{}"),
    ],
    ids=[
        "text", "bytes", "lines", "utf8", "latin1", "utf16", "record", "odd_record",
        "surrogate", "surrogate_in_record", "long_integer", "nothing", "empty_record",
    ],
)  # fmt: skip
def test_an_excerpt_is_one_line_that_can_be_read(raw: bytes | str | Mapping[str, Any], shown: str) -> None:
    assert excerpt(raw) == shown


@pytest.mark.parametrize(
    "raw",
    ["ä" * 1_000, ("ä" * 1_000).encode(), ("x" + "🎨" * 1_000).encode(), {"a": "ä" * 1_000}],
    ids=["text", "bytes", "bytes_cut_within_a_character", "record"],
)
def test_an_excerpt_has_at_most_two_hundred_whole_characters(raw: bytes | str | Mapping[str, Any]) -> None:
    shown = excerpt(raw)

    assert len(shown) == 200
    assert "\\x" not in shown
