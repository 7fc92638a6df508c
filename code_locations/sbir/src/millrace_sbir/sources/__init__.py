"""Readers of the sources: files, addresses, object-store keys, and the APIs of SAM.gov and USPTO."""
