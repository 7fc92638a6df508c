"""The platform without Docker: Postgres from a wheel, Dagster in child processes, files in one folder.

For first contact, development and tests. The code locations and their code are those of the compose platform;
only settings differ.
"""
