"""The taxonomy of critical and emerging technologies: `taxonomy.yaml`, read and refused.

What belongs here: the model of the file, and its content hash, which is part of the input hash of all that is
classified by it. What does not: matching and scoring (`transforms.classify_terms`); thresholds are in the file.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from millrace.config import problems_of, read_yaml
from millrace.errors import ConfigurationError, SourceMissingError

SHIPPED = Path(__file__).parent / "taxonomy.yaml"
_HASH_LENGTH = 12  # hexadecimal digits: 48 bits tell the versions of one file apart

# The matcher sees lower-case ASCII words parted by one blank; a term of any other form would never match.
Term = Annotated[str, Field(pattern=r"^[a-z0-9]+( [a-z0-9]+)*$")]
Weight = Annotated[int, Field(ge=0, le=10)]
Score = Annotated[float, Field(gt=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scoring(_Strict):
    """How matches become a score; the comments of `taxonomy.yaml` say what each key does."""

    title_factor: float = Field(ge=1, le=10)
    decay: float = Field(ge=0, lt=1)
    saturation_points: float = Field(gt=0)
    max_areas: int = Field(ge=1)
    min_supporting_share: float = Field(ge=0, le=1)
    max_evidence: int = Field(ge=1)


class Bands(_Strict):
    """Smallest score of each band of confidence."""

    high: Score
    medium: Score
    low: Score


class Area(_Strict):
    """One area of technology, and the terms that speak for and against it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str = Field(min_length=1)
    definition: str = Field(min_length=1)
    keywords: dict[Term, Weight] = Field(min_length=1)
    negative_keywords: dict[Term, Weight] = Field(default_factory=dict)


class Taxonomy(_Strict):
    """All areas, in the order in which equal scores are ranked, and the rules of scoring."""

    version: str = Field(min_length=1)
    source: str
    scoring: Scoring
    bands: Bands
    areas: tuple[Area, ...] = Field(min_length=1)

    @property
    def content_hash(self) -> str:
        """Of all that is in the file but its comments and layout."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:_HASH_LENGTH]

    @property
    def stamp(self) -> str:
        """What classified rows carry: `version+hash`."""
        return f"{self.version}+{self.content_hash}"

    @property
    def area_ids(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(area.id for area in self.areas)


def load_taxonomy(path: Path = SHIPPED) -> Taxonomy:
    """Read a taxonomy.

    Raises:
        SourceMissingError: there is no such file.
        ConfigurationError: it is no YAML or does not fit the model; all problems at once, each with its place.
    """
    subject = f"taxonomy {path.name}"
    if not path.is_file():
        raise SourceMissingError(subject, f"no file {path}", expected="a YAML file", next_step=f"begin with {SHIPPED}")
    raw = read_yaml(path, subject)
    problems = [*_repeated_keys(yaml.compose(path.read_text(encoding="utf-8"))), *_contradictions(raw)]
    taxonomy: Taxonomy | None = None
    try:
        taxonomy = Taxonomy.model_validate(raw)
    except ValidationError as error:
        problems = [*problems_of(error), *problems]
    if taxonomy is None or problems:
        raise ConfigurationError(subject, problems, next_step=f"the comments of {SHIPPED} say what each key means")
    return taxonomy


def _repeated_keys(node: yaml.Node | None) -> Iterator[str]:
    """Keys that stand twice in one mapping: YAML's loader silently keeps the last."""
    match node:
        case yaml.MappingNode():
            counts = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            for name in sorted(name for name, count in counts.items() if count > 1):
                line = node.start_mark.line + 1 if node.start_mark else 0
                yield f"line {line}: {name!r} stands {counts[name]} times in one mapping"
            for _, value in node.value:
                yield from _repeated_keys(value)
        case yaml.SequenceNode():
            for value in node.value:
                yield from _repeated_keys(value)


def _contradictions(raw: Any) -> Iterator[str]:
    """What no single field shows; looked for in whatever has the right shape, however wrong the rest is."""
    if not isinstance(raw, dict):
        return
    match raw.get("bands"):
        case {
            "high": (int() | float()) as high,
            "medium": (int() | float()) as medium,
            "low": (int() | float()) as low,
        }:
            if not high > medium > low:
                yield f"bands: high > medium > low expected, came {high}, {medium}, {low}"
    areas = raw.get("areas")
    known = [area for area in areas if isinstance(area, dict)] if isinstance(areas, list) else []
    for name, count in sorted(Counter(str(area.get("id")) for area in known).items()):
        if count > 1:
            yield f"areas: id {name!r} occurs {count} times"
    for area in known:
        for_it, against_it = area.get("keywords"), area.get("negative_keywords")
        if isinstance(for_it, dict) and isinstance(against_it, dict):
            for term in sorted(map(str, for_it.keys() & against_it.keys())):
                yield f"areas.{area.get('id')}: {term!r} is both a keyword and a negative keyword"
