"""What is asked: Dagster's database and webserver, code servers, Docker, Neo4j. Figures are made in `collectors`."""
