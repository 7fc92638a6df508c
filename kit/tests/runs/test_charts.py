"""Charts travel as SVG inside Markdown."""

import base64
import re
from xml.etree import ElementTree as ET

import dagster as dg
import pytest

from millrace.runs.charts import bar_chart, completeness_chart

SVG = "{http://www.w3.org/2000/svg}"


def picture(value: dg.MetadataValue) -> tuple[str, ET.Element]:
    """Alternative text and root element of a chart."""
    found = re.fullmatch(r"!\[(.*)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", str(value.value))
    assert found is not None
    root = ET.fromstring(base64.b64decode(found[2], validate=True))  # noqa: S314  # our own picture
    assert root.tag == f"{SVG}svg"
    return found[1], root


def bars(root: ET.Element) -> int:
    return sum(path.get("aria-roledescription") == "bar" for path in root.iter(f"{SVG}path"))


def texts(root: ET.Element) -> list[str]:
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_a_chart_is_well_formed_and_says_in_words_what_it_shows() -> None:
    alt_text, root = picture(bar_chart({"b": 2, "a": 1}, category="letter", value="times", title="Letters"))

    assert alt_text == "Letters"
    assert bars(root) == 2
    assert {"Letters", "letter", "times", "a", "b"} <= set(texts(root))


@pytest.mark.parametrize("name", ["<b>&amp;</b>", 'it\'s "quoted"', "Käthe 🎨", "a" * 300, "]()"])
def test_a_chart_is_well_formed_whatever_a_category_is_called(name: str) -> None:
    _, root = picture(bar_chart({name: 1, "other": 2}, category="x", value="y", title="Names"))

    assert bars(root) == 2


@pytest.mark.parametrize(("given", "drawn"), [(39, 39), (40, 40), (41, 40), (500, 40)])
def test_at_most_forty_bars_are_drawn_and_they_are_the_first(given: int, drawn: int) -> None:
    _, root = picture(bar_chart({f"n{i:03}": i + 1 for i in range(given)}, category="x", value="y", title="Many"))

    assert bars(root) == drawn
    assert f"n{drawn - 1:03}" in texts(root)
    assert f"n{drawn:03}" not in texts(root)


def test_bars_keep_their_order_unless_they_are_to_be_sorted() -> None:
    values = {"middle": 2.0, "short": 1.0, "long": 3.0}

    def order(*, sort: bool) -> list[str]:
        _, root = picture(bar_chart(values, category="x", value="y", title="Order", sort=sort))
        return [text for text in texts(root) if text in values]

    assert order(sort=False) == ["middle", "short", "long"]
    assert order(sort=True) == ["long", "middle", "short"]


def test_a_chart_without_bars_is_a_chart() -> None:
    assert bars(picture(bar_chart({}, category="x", value="y", title="None"))[1]) == 0


def test_completeness_runs_from_nought_to_a_hundred_per_cent() -> None:
    _, root = picture(completeness_chart({"title": 0.25}))

    assert {"0%", "100%", "title"} <= set(texts(root))
