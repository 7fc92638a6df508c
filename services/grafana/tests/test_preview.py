"""The preview of a dashboard shows each panel, what it asks, and what a real Prometheus answers."""

import re
import subprocess
import time
from collections.abc import Mapping
from html import unescape
from pathlib import Path

import pytest

from millrace.errors import PlatformRefusedError
from millrace_grafana.preview import charts
from millrace_grafana.preview.charts import Frame, Series
from millrace_grafana.preview.field import Field, round_number, written
from millrace_grafana.preview.page import render
from millrace_grafana.queries import Asked, Prometheus, asked_in, panels

_SETTLED_SECONDS = 1  # what is scraped later has a later time, so that two questions have one answer
PLAIN = Field("none", [(None, "blue")], {}, [], {}, None)
MINUTE = Frame(0, 60, 10, 400, 200)


@pytest.fixture(scope="module")
def moment(prometheus: str) -> float:
    """The time at which everything is asked."""
    return time.time() - _SETTLED_SECONDS


@pytest.fixture(scope="module")
def pages(
    prometheus: str, moment: float, shown: dict[str, dict], expected_empty: dict[str, dict[str, str]]
) -> dict[str, str]:
    """The page of every dashboard."""
    return {
        uid: render(dashboard, Prometheus(prometheus), expected_empty[uid], moment) for uid, dashboard in shown.items()
    }


def articles(page: str) -> list[str]:
    """The panels of a page, in their order."""
    return page.split("<article ")[1:]


def without_times(expr: str) -> str:
    """A query without the lengths of its windows, which follow the time that a page shows."""
    return re.sub(r"\[\w+", "[", expr)


def queries_of(article: str) -> list[str]:
    return [unescape(found) for found in re.findall(r"<summary>(.*?)</summary>", article)]


def alone(shown: Mapping[str, dict], expr: str, **defaults: object) -> dict:
    """A dashboard with one number."""
    panel = next(panel for panel in panels(shown["stores"]) if panel["title"] == "Postgres")
    target = {**panel["targets"][0], "expr": expr}
    options = {**panel["fieldConfig"], "defaults": {**panel["fieldConfig"]["defaults"], **defaults}}
    return {**shown["stores"], "panels": [{**panel, "targets": [target], "fieldConfig": options}]}


def test_every_panel_is_on_its_page_with_the_queries_that_grafana_would_ask(
    shown: dict[str, dict], pages: dict[str, str]
) -> None:
    for uid, dashboard in shown.items():
        found = list(panels(dashboard))
        assert len(articles(pages[uid])) == len(found), uid
        for panel, article in zip(found, articles(pages[uid]), strict=True):
            asked = [without_times(one.expr) for one in asked_in(dashboard, panel)]
            assert [without_times(one) for one in queries_of(article)] == asked, panel["title"]
            assert f">{panel['title']}</h3>" in unescape(article), panel["title"]
            assert f"grid-column: {panel['gridPos']['x'] + 1} / span {panel['gridPos']['w']};" in article


def test_the_number_on_a_page_is_what_prometheus_answers(
    shown: dict[str, dict], pages: dict[str, str], prometheus: str, moment: float
) -> None:
    compared = 0
    for uid, dashboard in shown.items():
        for panel, article in zip(panels(dashboard), articles(pages[uid]), strict=True):
            if panel["type"] != "stat":
                continue
            [expr] = queries_of(article)
            answered = Prometheus(prometheus).ask(Asked(uid, "", expr, expr, instant=True), moment)
            if answered:
                said = [float(found) for found in re.findall(r'<data value="([^"]+)"', article)]
                assert said == [float(one["value"][1]) for one in answered], f"{uid}: {panel['title']}"
                compared += 1
            else:
                assert "not reporting" in article, f"{uid}: {panel['title']}"

    assert compared > 40


def test_answers_of_several_queries_with_the_same_labels_are_one_row(pages: dict[str, str]) -> None:
    [article] = [one for one in articles(pages["jobs"]) if ">Jobs</h3>" in one]
    [headings, *rows] = [re.findall(r"<t[hd]>(.*?)</t[hd]>", row) for row in article.split("<tr>")[1:]]

    assert headings == [
        "code location",
        "job",
        "last run",
        "failures in a row",
        "usual duration",
        "in flight",
        "last success",
    ]
    jobs = [row[1] for row in rows]
    assert "nightly_job" in jobs
    assert len(jobs) == len(set(jobs))
    assert all(all(row) for row in rows)


def test_a_page_needs_no_script_and_no_other_file_and_says_that_it_is_not_grafana(pages: dict[str, str]) -> None:
    for uid, page in pages.items():
        assert "<script" not in page, uid
        assert re.findall(r'(?:src|href)="(?!data:,)', page) == [], uid
        assert "url(" not in page, uid
        assert "Preview, not Grafana" in page, uid


def test_a_query_without_an_answer_says_why(shown: dict[str, dict], prometheus: str, moment: float) -> None:
    dashboard = alone(shown, "no_such_metric")

    [known] = articles(render(dashboard, Prometheus(prometheus), {"no_such_metric": "nobody has it"}, moment))
    [unknown] = articles(render(dashboard, Prometheus(prometheus), {}, moment))

    assert "not reporting" in known
    assert "<b>no data</b>: nobody has it" in known
    assert "expected_empty.json has no reason" in unknown


def test_a_number_that_was_reported_until_some_time_ago_is_not_shown(
    shown: dict[str, dict], prometheus: str, moment: float
) -> None:
    expr = f"vector(1) and on () vector(time()) < {moment - 600:.0f}"

    [article] = articles(render(alone(shown, expr), Prometheus(prometheus), {}, moment))

    over_time = Prometheus(prometheus).ask(Asked("", "", expr, expr, instant=False), moment)
    assert len(over_time) == 1
    assert "not reporting" in article


def test_a_query_that_is_refused_shows_the_words_of_prometheus(
    shown: dict[str, dict], prometheus: str, moment: float
) -> None:
    [article] = articles(render(alone(shown, "sum("), Prometheus(prometheus), {}, moment))

    assert "parse error" in article


@pytest.mark.parametrize(
    ("expr", "color", "text"), [("vector(0)", "red", "down"), ("vector(1)", "green", "up"), ("vector(3)", "green", "3")]
)
def test_a_value_has_the_word_and_colour_of_its_mapping_or_the_colour_of_its_threshold(
    shown: dict[str, dict], prometheus: str, moment: float, expr: str, color: str, text: str
) -> None:
    [article] = articles(render(alone(shown, expr), Prometheus(prometheus), {}, moment))

    assert re.search(rf'<p class="number {color}"><data value="[^"]+">{text}</data>', article)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"), (0.0123, "s", "12.3 ms"), (59, "s", "59 s"), (8928, "s", "2.48 hours"),
        (3 * 2**30, "bytes", "3 GiB"), (-1536, "bytes", "-1.5 KiB"), (2.5e6, "Bps", "2.5 MB/s"),
        (0.986, "percentunit", "98.6%"), (0, "percentunit", "0%"), (0.0027, "ops", "0.0027 ops/s"),
        (12_345, "short", "12.3 K"), (12_345, "none", "12345"), (float("inf"), "s", "+Inf"),
    ],
)  # fmt: skip
def test_a_value_is_written_in_its_unit(value: float, unit: str, text: str) -> None:
    assert written(value, unit) == text


def test_a_unit_that_is_not_known_is_an_error() -> None:
    with pytest.raises(PlatformRefusedError, match="unit 'furlong'"):
        written(1, "furlong")


@pytest.mark.parametrize(("value", "unit", "end"), [(1433, "s", 1800), (3.3 * 2**30, "bytes", 2**32), (0, "none", 1)])
def test_a_scale_ends_at_a_round_number_of_its_unit(value: float, unit: str, end: float) -> None:
    assert round_number(value, unit) == end


def test_a_line_breaks_where_nothing_was_scraped() -> None:
    whole = charts.lines([Series("a", {}, [(0, 1), (10, 2), (20, 1)])], PLAIN, MINUTE, stacked=False, bars=False)
    broken = charts.lines([Series("a", {}, [(0, 1), (10, 2), (50, 1)])], PLAIN, MINUTE, stacked=False, bars=False)

    assert whole.count('class="line"') == 1
    assert broken.count('class="line"') == 2


def test_a_bucket_is_drawn_without_those_below_it() -> None:
    buckets = [Series(le, {"le": le}, [(30, count)]) for le, count in (("+Inf", 5), ("1.0", 2), ("2.0", 2))]

    drawn = charts.spread(buckets, PLAIN, MINUTE)

    assert re.findall(r'opacity="([\d.]+)"', drawn) == ["0.75", "1.00"]


def test_equal_states_beside_each_other_are_one() -> None:
    drawn = charts.states([Series("<job>", {}, [(0, 1), (10, 1), (20, 0), (30, 1), (60, 1)])], PLAIN, MINUTE)

    assert drawn.count("<rect") == 4
    assert "&lt;job&gt;" in drawn


def test_the_command_in_the_documentation_writes_the_pages_that_it_names(
    root: Path, prometheus: str, tmp_path: Path
) -> None:
    text = (root / "docs" / "dashboards.md").read_text(encoding="utf-8")
    [documented] = re.findall(r"^scripts/millrace (grafana preview .*?)\s*#", text, flags=re.MULTILINE)

    done = preview(root, tmp_path, *documented.split(), "--prometheus", prometheus)

    assert done.returncode == 0, done.stderr
    paths = [Path(line) for line in done.stdout.splitlines()]
    assert paths == [tmp_path / ".millrace" / "preview" / name for name in ("overview.html", "jobs.html")]
    assert "<h1>Jobs</h1>" in paths[1].read_text(encoding="utf-8")


def test_a_dashboard_that_does_not_exist_is_named_with_those_that_do(root: Path, tmp_path: Path) -> None:
    refused = preview(root, tmp_path, "grafana", "preview", "mine", "--out", ".")

    assert refused.returncode == 2
    assert "there is no mine; there are assets, " in refused.stderr
    assert list(tmp_path.iterdir()) == []


def preview(root: Path, folder: Path, *order: str) -> subprocess.CompletedProcess[str]:
    """The command, called in a folder."""
    script = root / "scripts" / "millrace"
    return subprocess.run([script, *order], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
