"""A domain of the tests of alerts."""
