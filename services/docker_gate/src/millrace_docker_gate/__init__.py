"""The only holder of the Docker socket: one listener per role, and a body for each container that is built here."""
