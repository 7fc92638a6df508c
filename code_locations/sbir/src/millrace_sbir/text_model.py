"""Classify by a model: learned from awards that somebody has labelled, behind the same port as the taxonomy's terms.

What belongs here: training, the file of a model, and its answers. What does not: the choice between the two
classifiers.

A model is TF-IDF over single words and pairs, and one logistic regression per area. Its file is a plain `.npz`: arrays
of numbers, the vocabulary as text, and no pickle, so that reading one from elsewhere runs nothing. scikit-learn is
imported where a text is vectorised, because its import takes longer than most steps that only name this module.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import polars as pl

from millrace.errors import ConfigurationError, PermanentError, SourceMissingError, SourceUnreadableError
from millrace_sbir.taxonomy import Taxonomy
from millrace_sbir.transforms.classify import ABSTRACT, EVIDENCE, TITLE, answered, ranked

_FORMAT = 1
_FEWEST_EXAMPLES = 3  # an area with fewer is never answered
_FEWEST_DOCUMENTS = 2
# Cross-validated on the tuning half of the real abstracts: 0.3 to 10 differ by 0.01 in accuracy, 30 is worse by 0.1.
_INVERSE_REGULARISATION = 10.0
_MOST_COMMON = 0.2  # share of the documents; a word of more than that tells no areas apart
_FEWEST_LABELLED = 10  # with fewer no word is in two of them and in less than a fifth
_NEVER = -50.0  # intercept of an area that has not been learned: a probability of 2e-22
_UNIT = 1_000_000
_WORD = r"[a-z0-9]+"


@dataclass(frozen=True)
class TextModel:
    """A trained model; a `Classifier`.

    Attributes:
        taxonomy: Areas, bands, and how many areas an award may have; the score is a probability in per cent.
        vocabulary: Words and pairs of words, by column.
        idf: Inverse document frequency, by column.
        weights: Areas by columns.
        intercepts: By area.
    """

    taxonomy: Taxonomy
    vocabulary: tuple[str, ...]
    idf: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray

    method = "model"

    @property
    def version(self) -> str:
        """Of the taxonomy and of all that has been learned."""
        digest = hashlib.sha256("\n".join(self.vocabulary).encode())
        for array in (self.idf, self.weights, self.intercepts):
            digest.update(np.ascontiguousarray(array).tobytes())
        return f"{self.taxonomy.stamp}+{digest.hexdigest()[:12]}"

    def classify(self, awards: pl.DataFrame) -> pl.DataFrame:
        """See `Classifier.classify`."""
        texts = _texts(awards)
        features = _vectorizer(self.vocabulary, self.idf).transform(texts)
        probabilities = 1 / (1 + np.exp(-(features @ self.weights.T + self.intercepts)))
        rows, areas = np.divmod(np.arange(probabilities.size, dtype=np.uint32), len(self.intercepts))
        scored = pl.LazyFrame(
            {
                "row": rows,
                "area": areas.astype(np.uint32),
                "points": np.rint(probabilities.ravel() * _UNIT).astype(np.int64),
            }
        ).with_columns(score=(pl.col("points") * 100 / _UNIT).round(1))
        scoring = self.taxonomy.scoring
        chosen = ranked(scored, self.taxonomy.bands, scoring.max_areas, scoring.min_supporting_share).collect()
        evidence = [
            (row, area, self._evidence(features[row], area, awards, row))
            for row, area in chosen.select("row", "area").iter_rows()
        ]
        schema = {"row": pl.UInt32, "area": pl.UInt32, "evidence": pl.List(EVIDENCE)}
        found = pl.LazyFrame(evidence, schema=schema, orient="row")
        return answered(chosen.lazy(), found, awards, self.taxonomy.area_ids, self)

    def _evidence(self, features: Any, area: int, awards: pl.DataFrame, row: int) -> list[dict[str, Any]]:
        """First places of the terms that add most to the area's score."""
        columns = features.indices
        added = features.data * self.weights[area, columns]
        fields = {name: (awards[name][row] or "").lower() for name in (TITLE, ABSTRACT)}
        found: list[dict[str, Any]] = []
        for place in np.lexsort((columns, -added)):
            if added[place] <= 0 or len(found) == self.taxonomy.scoring.max_evidence:
                break
            term = self.vocabulary[columns[place]]
            spelled = re.compile(rf"(?<![a-z0-9]){term.replace(' ', '[^a-z0-9]+')}(?![a-z0-9])")
            first = ((name, match) for name, text in fields.items() if (match := spelled.search(text)))
            for name, match in list(first)[:1]:
                start, end = match.span()
                weight = round(float(added[place]), 4)
                found.append({"field": name, "start": start, "end": end, "term": term, "weight": weight})
        return found

    def save(self, path: Path) -> None:
        """Write the model's file; the same model gives the same content."""
        about = {"format": _FORMAT, "taxonomy": self.taxonomy.stamp, "areas": self.taxonomy.area_ids}
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                about=np.array(json.dumps(about)),
                vocabulary=np.array("\n".join(self.vocabulary)),
                idf=self.idf,
                weights=self.weights,
                intercepts=self.intercepts,
            )


def load_model(path: Path, taxonomy: Taxonomy) -> TextModel:
    """Read a model's file.

    Raises:
        SourceMissingError: there is no such file.
        SourceUnreadableError: it is no model of this format.
        ConfigurationError: it was trained for other areas than the taxonomy's.
    """
    subject = f"text model {path.name}"
    if not path.is_file():
        raise SourceMissingError(subject, f"no file {path}", next_step="train one, or classify by terms")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            about = json.loads(content["about"].item())
            vocabulary = tuple(content["vocabulary"].item().split("\n"))
            arrays = [content[name] for name in ("idf", "weights", "intercepts")]
    except (ValueError, KeyError, OSError, AttributeError, TypeError, EOFError, BadZipFile) as error:
        raise SourceUnreadableError(subject, f"{type(error).__name__}: {error}", expected="a model's .npz") from error
    shapes = [array.shape for array in arrays]
    areas = tuple(about.get("areas", ()))
    if about.get("format") != _FORMAT or shapes != [(len(vocabulary),), (len(areas), len(vocabulary)), (len(areas),)]:
        received = f"format {about.get('format')}, shapes {shapes}"
        raise SourceUnreadableError(subject, received, expected=f"format {_FORMAT}, {len(vocabulary)} terms")
    if areas != taxonomy.area_ids:
        other = sorted(set(areas) ^ set(taxonomy.area_ids)) or ["their order"]
        raise ConfigurationError(subject, [f"areas differ from the taxonomy's: {', '.join(other)}"], next_step="train")
    return TextModel(taxonomy, vocabulary, *arrays)


def train(awards: pl.DataFrame, areas: Mapping[str, Iterable[str]], taxonomy: Taxonomy, seed: int) -> TextModel:
    """Learn from labelled awards.

    Args:
        awards: `award_id`, `award_title`, `cleaned_abstract`.
        areas: Area ids by award, of which there may be none; awards that are not named are left out.
        taxonomy: Its areas are what is learned; one with fewer than 3 examples is never answered.
        seed: Of the solver. The same awards in the same order, areas and seed give the same model.

    Raises:
        PermanentError: there are fewer than 10 labelled awards, or no area has 3 for it and 3 against it.
    """
    from sklearn.linear_model import LogisticRegression

    labelled = awards.filter(pl.col("award_id").is_in(list(areas)))
    texts = _texts(labelled)
    vectorizer = _vectorizer(None, None)
    wanted = [set(areas[award_id]) for award_id in labelled["award_id"]]
    learned = {
        number: truth
        for number, area_id in enumerate(taxonomy.area_ids)
        for truth in [np.array([area_id in of_award for of_award in wanted])]
        if _FEWEST_EXAMPLES <= truth.sum() <= len(truth) - _FEWEST_EXAMPLES
    }
    if not learned or len(texts) < _FEWEST_LABELLED:
        raise PermanentError(
            "text model",
            f"{len(texts)} labelled awards, {len(learned)} areas with enough of them",
            expected=f"{_FEWEST_LABELLED} awards, and {_FEWEST_EXAMPLES} for and against one area",
            next_step="label more awards",
        )
    features = vectorizer.fit_transform(texts)
    weights = np.zeros((len(taxonomy.areas), features.shape[1]))
    intercepts = np.full(len(taxonomy.areas), _NEVER)
    for number, truth in learned.items():
        regression = LogisticRegression(
            C=_INVERSE_REGULARISATION, class_weight="balanced", solver="liblinear", random_state=seed
        )
        regression.fit(features, truth)
        weights[number], intercepts[number] = regression.coef_[0], regression.intercept_[0]
    return TextModel(taxonomy, tuple(vectorizer.get_feature_names_out()), vectorizer.idf_, weights, intercepts)


def _texts(awards: pl.DataFrame) -> list[str]:
    # The title twice, because it counts more than a sentence of the abstract.
    title, abstract = pl.col(TITLE).fill_null(""), pl.col(ABSTRACT).fill_null("")
    return awards.select(pl.concat_str(title, title, abstract, separator=" . ")).to_series().to_list()


def _vectorizer(vocabulary: tuple[str, ...] | None, idf: np.ndarray | None) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        token_pattern=_WORD,
        ngram_range=(1, 2),
        sublinear_tf=True,
        min_df=_FEWEST_DOCUMENTS,
        max_df=_MOST_COMMON,
        vocabulary=None if vocabulary is None else list(vocabulary),
    )
    if idf is not None:
        vectorizer.idf_ = idf
    return vectorizer
