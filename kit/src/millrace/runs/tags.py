"""Tags by which a job says what its runs may take: written by `build_location`, read by the run launcher."""

# Runs with one value of it follow each other: those of one job, and a full refresh those of the main job, since
# both write the same. See services/dagster/dagster.yaml.
QUEUE_TAG = "millrace/queue"
MEMORY_TAG = "millrace/memory"
CPUS_TAG = "millrace/cpus"
PIDS_TAG = "millrace/pids"
# On every run of a job whose `config.yaml` says full_refresh.
FULL_REFRESH_TAG = "millrace/full_refresh"
# On every run of a job whose `config.yaml` says shown_by: the asset that shows the tables of the run.
SHOWN_BY_TAG = "millrace/shown_by"
