"""The object store that is set up."""

from millrace.testing.fixtures import object_store  # noqa: F401  # a fixture
