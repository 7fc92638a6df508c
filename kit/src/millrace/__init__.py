"""Millrace: a self-hosted data platform whose gates show how much passed, how clean and how fresh.

This package is the kit that every domain stands on. It imports no domain. A domain begins with
`millrace.location.Domain` and `build_location`, `millrace.quality.Contract`, `millrace.runs.stage`,
`millrace.publication.Publisher` and `millrace.testing`; beside them it uses `errors`, `config`, `settings` and
`resources`.
"""

__version__ = "0.1.0"
