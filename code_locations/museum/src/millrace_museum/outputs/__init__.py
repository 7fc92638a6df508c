"""What is published: documents, bulk file, sitemaps, change report. Bytes only; no Dagster."""
