"""Dagster's event log: following it, reading the bodies of events, telling what runs had planned and not done."""
