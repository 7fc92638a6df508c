"""The code location `museum`."""

from pathlib import Path

from millrace.location import Domain, build_location
from millrace_museum.collection import MuseumConfig, given_source, museum_resources
from millrace_museum.contracts import CONTRACTS
from millrace_museum.sample import write_sample

DOMAIN = Domain(
    name="museum",
    package="millrace_museum",
    root=Path(__file__).parents[2],
    config_model=MuseumConfig,
    contracts=CONTRACTS,
    resources=museum_resources,
    sample=write_sample,
    source=given_source,
)

defs = build_location(DOMAIN)
