"""Upkeep of the platform itself: retention of runs, events, ticks and captured logs."""
