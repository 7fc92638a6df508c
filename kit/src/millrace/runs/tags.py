"""Tags by which a job says what its runs may take: written by `build_location`, read by the run launcher."""

# Runs of one job queue behind each other by this one: see services/dagster/dagster.yaml.
JOB_TAG = "millrace/job"
MEMORY_TAG = "millrace/memory"
CPUS_TAG = "millrace/cpus"
PIDS_TAG = "millrace/pids"
# On every run of a job whose `config.yaml` says full_refresh.
FULL_REFRESH_TAG = "millrace/full_refresh"
