"""The platform in containers, seen from its host: what `scripts/millrace` asks Docker Compose and Dagster.

What belongs here: commands for operators. What does not: what runs in the containers.
"""
