"""Pure transforms: lazy frame in, lazy frame out; no clock, no files, no Dagster."""
