"""The page: whole in itself, readable without colours, and nothing in it acts."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from millrace.health.judgement import judge
from millrace.health.monitoring import Policy
from millrace.health.page import render
from millrace.health.words import ago, duration


class Outline(HTMLParser):
    """Elements and attributes of a page; complains of what does not close."""

    VOID = frozenset({"meta", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


@pytest.fixture
def page(month: Any, now: float) -> str:
    month.run(2, assets=("cleaned", "published"))
    month.run(1, "FAILURE", assets=("cleaned", "published"), made=("cleaned",), reason="published: <b>no</b> & space")
    month.check(1, passed=False, description='<script>alert("x")</script>')
    return render(judge(month.history(), now, policies={"published": Policy(3600.0, 7200.0)}), base="")


def test_a_page_is_well_formed_and_loads_nothing(page: str) -> None:
    outline = Outline(page)

    assert outline.open == []
    kinds = {tag for tag, _ in outline.elements}
    assert not kinds & {"script", "img", "iframe", "object", "embed", "form", "base"}
    addresses = [value for _, given in outline.elements for name, value in given.items() if name in ("href", "src")]
    assert {address for address in addresses if address and not address.startswith("/")} == {"data:,"}
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", page)


def test_what_data_says_is_shown_and_does_not_act(page: str) -> None:
    assert "<script>" not in page
    assert "&lt;script&gt;alert(" in page
    assert "published: &lt;b&gt;no&lt;/b&gt; &amp; space" in page


def test_every_picture_says_what_it_shows_and_no_state_is_told_by_colour_alone(page: str) -> None:
    outline = Outline(page)
    pictures = [given for tag, given in outline.elements if tag == "svg"]

    assert len(pictures) >= 4
    assert all(given["role"] == "img" and given["aria-label"] for given in pictures)
    assert "<title>published, Wed 2026-05-27: failed once</title>" in page
    assert '<path class="on"' in page  # a cross
    assert "<summary>As a table</summary>" in page
    assert "prefers-color-scheme: dark" in page


def test_the_head_says_how_much_needs_somebody(page: str, a_month: Any, now: float) -> None:
    assert "<h1>3 things need somebody</h1>" in page
    assert "<title>Millrace: 3 wrong</title>" in page

    well = render(judge(a_month().history(), now, policies={}), base="")
    assert "<h1>All is well</h1>" in well

    unknown = render(judge(a_month().history(), now, policies={}, unknown=["Prometheus is away"]), base="")
    assert "All is well" not in unknown
    assert "Prometheus is away" in unknown


def test_links_lead_to_dagster_or_are_left_out(month: Any, now: float) -> None:
    run = month.run(1, assets=("cleaned",))
    health = judge(month.history(), now, policies={})

    assert f'href="http://127.0.0.1:3000/runs/{run}"' in render(health, base="http://127.0.0.1:3000")
    assert "<a " not in render(health, base=None)


def test_the_same_health_gives_the_same_bytes(month: Any, now: float) -> None:
    month.run(1, assets=("cleaned",))
    health = judge(month.history(), now, policies={})

    assert render(health, base="") == render(health, base="")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.2 s"), (42, "42 s"), (90, "1.5 min"), (3600, "1 h"), (86400 * 12.4, "12 d")],
)
def test_times_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert ago(seconds) == ("just now" if seconds < 60 else f"{text} ago")
