"""Turns what Dagster, Docker, Neo4j, Iceberg and the object store know into metrics for Prometheus."""
