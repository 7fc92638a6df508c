"""The museum's assets, one file per stage; jobs, schedules and freshness stand in `config.yaml`."""
