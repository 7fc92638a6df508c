"""The alert catalogue and its compiler: `infra/alerts/*.yaml` becomes what Prometheus, Alertmanager and people read.

    catalogue + overrides + policy ──> rules, rule tests, routes, runbooks        (`build`)

What belongs here: reading the catalogue, and writing from it. What does not: measuring, which is the exporter's, and
sending, which is Alertmanager's. Everything written is committed; the same catalogue gives the same bytes, so that
`scripts/check` finds a file that was changed by hand.
"""
