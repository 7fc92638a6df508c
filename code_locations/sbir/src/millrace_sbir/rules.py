"""What `config.yaml` of the domain says beside what every domain's does, and what it is made into for the assets.

What belongs here: thresholds and rules. What does not: where sources lie (`resources`).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import dagster as dg
from pydantic import BaseModel, ConfigDict, Field, model_validator

from millrace.config import DomainConfig
from millrace.processing import ChunkConfig
from millrace_sbir.taxonomy import SHIPPED, Taxonomy, load_taxonomy
from millrace_sbir.transforms.match_decide import MatchConfig
from millrace_sbir.transforms.phases import ChainRules

if TYPE_CHECKING:
    from millrace_sbir.transforms.classify import Classifier


class ClassificationConfig(BaseModel):
    """How awards are classified."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["terms", "model"] = Field(
        default="terms", description="terms: by the taxonomy's; model: by one that was trained on labelled awards"
    )
    taxonomy: Path | None = Field(default=None, description="another taxonomy than the one that comes along")
    model: Path | None = Field(default=None, description="file that TextModel.save wrote; for method model only")

    @model_validator(mode="after")
    def _model_for_its_method(self) -> Self:
        if (self.method == "model") != (self.model is not None):
            raise ValueError("method model and the file of a model go together; give both or neither")
        return self


class SourcesConfig(dg.Config):
    """How sources are opened and asked; also what the resource `sources` is configured with."""

    attempts: int = Field(default=6, ge=1, description="of a source that does not answer, in a row")
    first_wait_seconds: float = Field(default=1.0, gt=0, description="before the second attempt, then doubled")
    longest_wait_seconds: float = Field(default=60.0, gt=0, description="a server that asks for more is not waited for")
    sam_requests_per_second: float = Field(default=2.0, gt=0)
    sam_requests_per_day: int = Field(default=1_000, ge=1, description="10 to 10,000, by the role that the key has")
    answers_kept_days: float = Field(default=7.0, gt=0, description="before an API is asked for the same again")
    max_unpacked_bytes: int = Field(default=20 << 30, gt=0, description="what an archive of a source may unpack to")


class SbirConfig(DomainConfig):
    """`config.yaml` of the domain."""

    classification: ClassificationConfig = ClassificationConfig()
    chains: ChainRules = ChainRules()
    matching: MatchConfig = MatchConfig()
    sources: SourcesConfig = SourcesConfig()
    chunks: ChunkConfig = Field(default=ChunkConfig(), description="how awards are cut for enrichment and areas")
    keep_snapshots_days: float = Field(
        default=7.0, ge=1.0, description="how far back one can look in a table; its older snapshots and files go"
    )
    max_rejected_relationships: float = Field(
        default=0.0, ge=0, le=1, description="share of the rows of a relationship (0-1) that may lack an end"
    )


@dataclass(frozen=True)
class Rules:
    """The domain's rules, as assets use them; files are read when they are needed."""

    config: SbirConfig

    @property
    def chains(self) -> ChainRules:
        """What makes a phase follow another."""
        return self.config.chains

    @property
    def matching(self) -> MatchConfig:
        """When names are those of one firm."""
        return self.config.matching

    @property
    def chunks(self) -> ChunkConfig:
        """How many awards are worked on at once."""
        return self.config.chunks

    @property
    def max_rejected_relationships(self) -> float:
        """See `SbirConfig`."""
        return self.config.max_rejected_relationships

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The taxonomy."""
        return load_taxonomy(self.config.classification.taxonomy or SHIPPED)

    def classifier(self) -> "Classifier":
        """The classifier that the configuration names.

        Raises:
            SourceMissingError: there is no such model.
            SourceUnreadableError: it is none.
            ConfigurationError: it was trained for other areas than the taxonomy's.
        """
        if self.config.classification.model is not None:
            from millrace_sbir.text_model import load_model

            return load_model(self.config.classification.model, self.taxonomy)
        from millrace_sbir.transforms.classify_terms import TermClassifier

        return TermClassifier(self.taxonomy)
