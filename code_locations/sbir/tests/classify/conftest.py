"""Awards to classify, and a taxonomy of two areas whose scores can be reckoned by hand."""

from collections.abc import Callable

import polars as pl
import pytest

from millrace_sbir.taxonomy import Area, Bands, Scoring, Taxonomy
from millrace_sbir.transforms.classify_terms import TermClassifier

Awards = Callable[..., pl.DataFrame]


@pytest.fixture(scope="session")
def awards() -> Awards:
    """Build awards from pairs of title and abstract; their ids are A0, A1, …"""

    def build(*texts: tuple[str | None, str | None]) -> pl.DataFrame:
        rows = [(f"A{number}", title, abstract) for number, (title, abstract) in enumerate(texts)]
        schema = {"award_id": pl.String, "award_title": pl.String, "cleaned_abstract": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    return build


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return Taxonomy(
        version="1",
        source="made up",
        scoring=Scoring(
            title_factor=2, decay=0.5, saturation_points=10, max_areas=2, min_supporting_share=0.25, max_evidence=3
        ),
        bands=Bands(high=70, medium=45, low=20),
        areas=(
            Area(
                id="space",
                name="Space",
                definition="Above",
                keywords={"satellite": 6, "space": 3, "space battery": 4, "orbit": 5},
                negative_keywords={"parking space": 4, "space heater": 0},
            ),
            Area(id="energy", name="Energy", definition="Stored", keywords={"battery": 6, "space battery": 5}),
        ),
    )


@pytest.fixture(scope="session")
def classifier(taxonomy: Taxonomy) -> TermClassifier:
    return TermClassifier(taxonomy)
