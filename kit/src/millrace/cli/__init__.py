"""The command `millrace`."""
