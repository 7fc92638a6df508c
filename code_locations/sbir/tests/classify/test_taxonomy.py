"""The taxonomy: what is refused, all at once, and what its stamp depends on."""

from pathlib import Path

import pytest
import yaml

from millrace.errors import ConfigurationError, SourceMissingError
from millrace_sbir.taxonomy import SHIPPED, load_taxonomy


def changed(tmp_path: Path, *changes: tuple[str, str]) -> Path:
    text = SHIPPED.read_text()
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    (tmp_path / "taxonomy.yaml").write_text(text)
    return tmp_path / "taxonomy.yaml"


def test_the_shipped_taxonomy_has_the_18_areas_of_the_list_of_2024() -> None:
    taxonomy = load_taxonomy()

    assert len(taxonomy.area_ids) == 18
    assert all(len(area.keywords) >= 25 for area in taxonomy.areas)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        ("decay: 0.5", "decay: 1.5"),
        ("medium: 40", "medium: 90"),
        ("id: hypersonics", "id: space"),
        ("quantum: 6", "Quantum-Thing: 6"),
        ("wind tunnel: 3", "wind tunnel: 30"),
        ("gyro: 6", "gyro: 6, gyroscope: 2"),
        ("free space: 3", "free space: 3, spacecraft: 1"),
        ("name: Hypersonics", "title: Hypersonics"),
    )

    with pytest.raises(ConfigurationError) as caught:
        load_taxonomy(path)

    text = str(caught.value)
    for problem in (
        "scoring.decay",
        "high > medium > low expected, came 65, 90, 20",
        "id 'space' occurs 2 times",
        "Quantum-Thing",
        "wind tunnel",
        "'gyroscope' stands 2 times",
        "'spacecraft' is both a keyword and a negative keyword",
        "areas.12.name: Field required",
        "areas.12.title: Extra inputs are not permitted",
    ):
        assert problem in text, problem
    assert len(caught.value.problems) == 9


@pytest.mark.parametrize("content", ["[]", "", "areas: 3", "areas: [3, {keywords: 1}]", "bands: {high: x}"])
def test_a_file_of_another_shape_is_refused_as_such(tmp_path: Path, content: str) -> None:
    (tmp_path / "taxonomy.yaml").write_text(content)

    with pytest.raises(ConfigurationError, match=r"taxonomy taxonomy\.yaml"):
        load_taxonomy(tmp_path / "taxonomy.yaml")


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceMissingError, match="no file"):
        load_taxonomy(tmp_path / "none.yaml")


def test_the_stamp_changes_with_a_weight_and_not_with_the_layout(tmp_path: Path) -> None:
    stamp = load_taxonomy().stamp
    (tmp_path / "laid_out.yaml").write_text(yaml.safe_dump(yaml.safe_load(SHIPPED.read_text()), sort_keys=False))

    assert load_taxonomy(tmp_path / "laid_out.yaml").stamp == stamp
    assert load_taxonomy(changed(tmp_path, ("gyro: 6", "gyro: 5"))).stamp != stamp
