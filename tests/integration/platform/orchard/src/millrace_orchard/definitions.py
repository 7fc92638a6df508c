"""The code location `orchard`."""

from pathlib import Path

from millrace.location import Domain, build_location

DOMAIN = Domain(name="orchard", package="millrace_orchard", root=Path(__file__).parents[2])

defs = build_location(DOMAIN)
