"""Dashboards as HTML pages, for those who have a Prometheus and no Grafana.

`page` asks and lays out, `field` says how a value is written and coloured, `charts` draws. What does not belong here:
options of Grafana's panels beyond unit, thresholds, mappings and legend; who wants those opens Grafana.
"""
