"""Serves the platform's health as a page, made when somebody looks."""
