"""Makes Dagster's tables, or brings them to this version, before its processes start.

    python -m millrace_dagster.tables

Each process of Dagster makes the tables that it does not find; of several that start at once all but one may fail.
This one starts beside Postgres, loads Dagster meanwhile, and waits until its role may sign in: set-up's last act.
"""

import os
import time
from pathlib import Path

import alembic.command  # noqa: F401  # loaded now, not once Postgres answers
import dagster_postgres  # noqa: F401
import sqlalchemy
import yaml
from dagster import DagsterInstance
from sqlalchemy.exc import OperationalError

_PAUSE_SECONDS = 0.2
_WITHIN_SECONDS = 180.0


def make_tables(within_seconds: float = _WITHIN_SECONDS) -> None:
    """Make or migrate the tables of the instance that `DAGSTER_HOME` names.

    Raises:
        SystemExit: Postgres did not let Dagster in within that time.
    """
    instance_file = Path(os.environ["DAGSTER_HOME"]) / "dagster.yaml"
    address = yaml.safe_load(instance_file.read_text())["storage"]["postgres"]["postgres_url"]
    engine = sqlalchemy.create_engine(address)
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            engine.connect().close()
            break
        except OperationalError as error:
            if time.monotonic() >= deadline:
                raise SystemExit(
                    f"tables: postgres did not let Dagster in within {within_seconds:g} s "
                    f"({' '.join(str(error.orig).split())}); look at the logs of `setup` and `postgres`"
                ) from None
            time.sleep(_PAUSE_SECONDS)
    engine.dispose()
    with DagsterInstance.get() as instance:
        instance.upgrade(print)


if __name__ == "__main__":
    make_tables()
