"""The museum's assets, one file a stage; jobs, schedules and freshness stand in `config.yaml`."""
