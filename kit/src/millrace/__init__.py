"""Millrace: a self-hosted data platform whose gates show how much passed, how clean and how fresh.

This package is the kit that every domain stands on. It imports no domain; a domain imports the kit and
reaches it through five names: `millrace.location.Domain` and `build_location`, `millrace.quality.Contract`,
`millrace.runs.stage`, `millrace.publication.Publisher` and `millrace.testing`.
"""

__version__ = "0.1.0"
