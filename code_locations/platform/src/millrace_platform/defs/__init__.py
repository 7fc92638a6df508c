"""Assets of the platform's upkeep."""
