"""The code location `sbir`."""

from pathlib import Path

from millrace.location import Domain, build_location
from millrace_sbir.contracts import CONTRACTS
from millrace_sbir.resources import given_source, sbir_resources
from millrace_sbir.rules import SbirConfig
from millrace_sbir.sample import write_sample

DOMAIN = Domain(
    name="sbir",
    package="millrace_sbir",
    root=Path(__file__).parents[2],
    config_model=SbirConfig,
    contracts=CONTRACTS,
    resources=sbir_resources,
    sample=write_sample,
    source=given_source,
    sample_rows=2_000,
    graph="millrace_sbir.graph:MODEL",
)

defs = build_location(DOMAIN)
