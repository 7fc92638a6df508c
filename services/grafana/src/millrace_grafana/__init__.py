"""Grafana's dashboards as code, and whether the running Grafana shows them."""
