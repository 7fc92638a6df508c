"""Brings Postgres and the object store to what the platform expects of them, at every start."""
