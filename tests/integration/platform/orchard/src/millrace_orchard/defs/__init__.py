"""The assets, checks and the sensor of the domain."""
