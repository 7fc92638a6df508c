"""`docs/add-a-quality-gate.md`, followed to the letter on the domain of `docs/add-a-domain.md`, in this process."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from millrace.location import assemble
from millrace.runs.failures import failure_reason
from millrace.settings import Settings
from millrace.testing import embedded_instance
from millrace.testing.house_rules import asset_problems
from millrace.thresholds import DataQuality

DOMAIN = "code_locations/weather"
GOOD = ["Kew,9.5", "Kew,8.0", "Fair Isle,7.5", "Zugspitze,-3.0"] * 50
HOT = ["Kew,55.0"] * 10  # within the contract, outside of the threshold
LOST = ["Valentia,n/a"]


def blocks(root: Path, name: str, mark: str) -> list[tuple[str, str]]:
    """File and content of each block of a recipe that has such a mark."""
    text = (root / "docs" / name).read_text(encoding="utf-8")
    return re.findall(rf"```\w+ {mark}=(\S+)\n(.*?)```", text, flags=re.DOTALL)


def patched(text: str, change: str) -> str:
    """A text after a change in the form of a diff; where it does not fit, nothing is left to guess."""
    lines = change.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, before
    return text.replace(before, after)


@pytest.fixture(scope="module")
def package(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The recipe followed: the domain's folder."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name, content in blocks(root, "add-a-domain.md", "file"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(content, encoding="utf-8")
    for name, content in blocks(root, "add-a-quality-gate.md", "add-to"):
        with (checkout / name).open("a", encoding="utf-8") as file:
            file.write(f"\n\n{content}")
    for name, change in blocks(root, "add-a-quality-gate.md", "file"):
        (checkout / name).write_text(patched((checkout / name).read_text(encoding="utf-8"), change), encoding="utf-8")
    source = str(checkout / DOMAIN / "src")
    sys.path.insert(0, source)
    importlib.invalidate_caches()
    yield checkout / DOMAIN
    sys.path.remove(source)
    for name in [one for one in sys.modules if one.split(".")[0] == "millrace_weather"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with embedded_instance(tmp_path_factory.mktemp("home")) as made:
        yield made


class Weather:
    """The domain with a source of the test's."""

    def __init__(self, home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
        self.source = home / "readings.csv"
        monkeypatch.setenv("WEATHER_SOURCE", str(self.source))
        domain = importlib.import_module("millrace_weather.definitions").DOMAIN
        self.definitions = assemble(domain, Settings(home=home))
        self.instance = instance

    def run(self, lines: list[str], *assets: str) -> dg.ExecuteInProcessResult:
        self.source.write_text("\n".join(["station,celsius", *lines, ""]))
        job = self.definitions.resolve_job_def("daily_job")
        selected = [dg.AssetKey(name) for name in assets] or None
        return job.execute_in_process(instance=self.instance, raise_on_error=False, asset_selection=selected)


@pytest.fixture
def weather(
    package: Path, tmp_path: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Weather]:
    yield Weather(tmp_path, instance, monkeypatch)
    for name in ("harvested_readings", "cleaned_readings", "published_summaries"):
        instance.wipe_assets([dg.AssetKey(name)])


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {one.check_name: one for one in result.get_asset_check_evaluations()}


def failed(result: dg.ExecuteInProcessResult) -> list[str]:
    return sorted(name for name, one in evaluations(result).items() if not one.passed)


def materialised(result: dg.ExecuteInProcessResult) -> list[str]:
    return [event.asset_key.to_user_string() for event in result.get_asset_materialization_events() if event.asset_key]


def test_the_recipe_gives_the_checks_that_it_names_and_good_data_passes_them(weather: Weather, root: Path) -> None:
    result = weather.run(GOOD)

    assert result.success
    assert failed(result) == []
    added = {"completeness", "uniqueness", "validity", "trend", "stations"}
    assert {f"cleaned_readings_{purpose}_check" for purpose in added} <= set(evaluations(result))
    text = (root / "docs" / "add-a-quality-gate.md").read_text(encoding="utf-8")
    for name, evaluation in evaluations(result).items():
        purpose = name.removeprefix("cleaned_readings_").removesuffix("_check")
        if purpose in added - {"trend", "stations"}:
            said = re.search(rf"^\| `{purpose}` \|.*\| ([^|]*) \|$", text, flags=re.MULTILINE)
            assert said is not None
            assert set(re.findall(r"`(\w+)`", said[1])) == set(evaluation.metadata)
    assert asset_problems(weather.definitions) == []


@pytest.mark.parametrize(
    ("lines", "check"),
    [([*GOOD, *HOT], "cleaned_readings_validity_check"), ([*GOOD, *LOST], "cleaned_readings_stations_check")],
    ids=["by_threshold", "by_hand"],
)
def test_a_gate_that_closes_stops_the_publication_in_its_run_and_in_a_later_one(
    weather: Weather, lines: list[str], check: str
) -> None:
    first = weather.run(lines)

    assert not first.success
    assert check in failed(first)
    assert "published_summaries" not in materialised(first)

    later = weather.run(GOOD, "published_summaries")
    assert not later.success
    (reason,) = [failure_reason(event.step_failure_data) for event in later.get_step_failure_events()]
    assert reason.startswith("weather.published_summaries: ")
    assert f"{check} did not pass in run {first.run_id}" in reason

    assert weather.run(GOOD).success
    assert weather.run(GOOD, "published_summaries").success


def test_a_warning_stops_nothing(weather: Weather) -> None:
    for _ in range(3):
        assert weather.run(GOOD).success

    fewer = weather.run(GOOD[:40])

    assert failed(fewer) == ["cleaned_readings_trend_check"]
    assert fewer.success
    assert weather.run(GOOD[:40], "published_summaries").success


def test_the_example_of_an_enrichment_is_one(root: Path) -> None:
    text = (root / "docs" / "add-a-quality-gate.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    parsed: Any = yaml.safe_load(example)

    thresholds = DataQuality.model_validate(parsed["data_quality"]).thresholds

    assert thresholds["enriched_sbir_awards"].severities == {"enrichment": "warning"}


def test_every_block_of_the_recipe_is_followed(root: Path) -> None:
    text = (root / "docs" / "add-a-quality-gate.md").read_text(encoding="utf-8")

    followed = blocks(root, "add-a-quality-gate.md", "add-to") + blocks(root, "add-a-quality-gate.md", "file")
    assert text.count("```") == 2 * (len(followed) + 1)
