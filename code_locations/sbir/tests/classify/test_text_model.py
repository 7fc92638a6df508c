"""The trainable model: same port, same answer from the same seed, and a file that runs nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from millrace.errors import ConfigurationError, PermanentError, SourceMissingError, SourceUnreadableError
from millrace_sbir.definitions import DOMAIN
from millrace_sbir.rules import ClassificationConfig, Rules
from millrace_sbir.taxonomy import Taxonomy
from millrace_sbir.text_model import TextModel, load_model, train
from millrace_sbir.transforms.classify import CLASSIFIED

TOPICS = {
    "space": "nano launch of a payload to the upper sky number {}",
    "energy": "storage of charge in a cell with lithium number {}",
    "": "better sandwiches for the lunch of the crew number {}",
}


# One in ten is about each area: a word of more than a fifth of all awards is not learned from.
LABELS = [["space"], ["energy"], *[[""]] * 8] * 6
AREAS = {f"A{number}": [area for area in areas if area] for number, areas in enumerate(LABELS)}


@pytest.fixture(scope="module")
def learned(awards: Any, taxonomy: Taxonomy) -> tuple[pl.DataFrame, TextModel]:
    frame = awards(*((f"Title {number}", TOPICS[areas[0]].format(number)) for number, areas in enumerate(LABELS)))
    return frame, train(frame, AREAS, taxonomy, seed=7)


def test_a_model_tells_apart_what_it_was_taught(learned: tuple[pl.DataFrame, TextModel], awards: Any) -> None:
    found = learned[1].classify(
        awards(("Payload", "a launch to the sky"), ("Cell", "lithium storage"), ("Lunch", None))
    )

    assert found.filter(pl.col("is_primary")).select("award_id", "area_id").rows() == [
        ("A0", "space"),
        ("A1", "energy"),
    ]
    assert found.schema == CLASSIFIED
    assert found["method"].unique().to_list() == ["model"]


def test_evidence_is_what_adds_to_the_area_where_it_stands(
    learned: tuple[pl.DataFrame, TextModel], awards: Any
) -> None:
    text = "An UPPER-Sky payload"
    found = learned[1].classify(awards((None, text)))
    places = found.filter(pl.col("area_id") == "space")["evidence"].to_list()[0]

    assert {text[place["start"] : place["end"]].lower().replace("-", " ") for place in places} == {
        place["term"] for place in places
    }
    assert all(place["weight"] > 0 for place in places)


def test_the_configuration_chooses_the_model_or_the_terms(
    learned: tuple[pl.DataFrame, TextModel], taxonomy: Taxonomy, tmp_path: Path
) -> None:
    frame, model = learned
    model.save(tmp_path / "model.npz")
    areas = tmp_path / "taxonomy.yaml"
    areas.write_text(taxonomy.model_dump_json(by_alias=True))

    def chosen(**classification: Any) -> Any:
        config = ClassificationConfig(taxonomy=areas, **classification)
        return Rules(DOMAIN.config().model_copy(update={"classification": config})).classifier()

    assert_frame_equal(chosen(method="model", model=tmp_path / "model.npz").classify(frame), model.classify(frame))
    assert chosen().method == "terms"
    with pytest.raises(ValueError, match="give both or neither"):
        chosen(method="model")
    with pytest.raises(SourceMissingError):
        chosen(method="model", model=tmp_path / "none.npz")


def test_the_same_seed_gives_the_same_model_and_the_file_keeps_it(
    learned: tuple[pl.DataFrame, TextModel], taxonomy: Taxonomy, tmp_path: Path
) -> None:
    frame, model = learned
    again = train(frame, AREAS, taxonomy, seed=7)
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz", taxonomy)

    assert again.version == model.version == loaded.version
    assert_frame_equal(loaded.classify(frame), model.classify(frame))


def test_chunks_give_what_the_whole_gives(learned: tuple[pl.DataFrame, TextModel]) -> None:
    frame, model = learned
    parts = [model.classify(frame[start : start + 7]) for start in range(0, len(frame), 7)]

    assert_frame_equal(pl.concat(parts), model.classify(frame))


def test_a_file_with_a_pickle_is_refused_unread(taxonomy: Taxonomy, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "sprung",)

    np.savez(tmp_path / "model.npz", about=np.array([Trap()], dtype=object))

    with pytest.raises(SourceUnreadableError, match="model"):
        load_model(tmp_path / "model.npz", taxonomy)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
def test_a_file_that_is_no_model_is_refused(taxonomy: Taxonomy, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.npz").write_bytes(content)

    with pytest.raises(SourceUnreadableError):
        load_model(tmp_path / "model.npz", taxonomy)
    with pytest.raises(SourceMissingError):
        load_model(tmp_path / "none.npz", taxonomy)


def test_a_model_of_other_areas_is_refused(
    learned: tuple[pl.DataFrame, TextModel], taxonomy: Taxonomy, tmp_path: Path
) -> None:
    learned[1].save(tmp_path / "model.npz")
    fewer = taxonomy.model_copy(update={"areas": taxonomy.areas[:1]})

    with pytest.raises(ConfigurationError, match="energy"):
        load_model(tmp_path / "model.npz", fewer)


def test_too_few_examples_are_an_error(awards: Any, taxonomy: Taxonomy) -> None:
    frame = awards(*[(f"Title {number}", "text") for number in range(20)])

    with pytest.raises(PermanentError, match="label more awards"):
        train(frame, {"A0": ["space"], "A1": []}, taxonomy, seed=1)
