"""The code location `sbir`."""

from pathlib import Path

from millrace.location import Domain, build_location

DOMAIN = Domain(name="sbir", package="millrace_sbir", root=Path(__file__).parents[2])

defs = build_location(DOMAIN)
