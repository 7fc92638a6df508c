"""Iceberg tables: how rows get into them, what readers see, what is cleaned up.

    @dg.asset(io_manager_key="tables", metadata=table(mode=Mode.UPSERT, key=["award_id"], partition_by=["award_year"]))
    @stage
    def enriched_awards(...) -> pl.LazyFrame: ...

What belongs here: writing, reading and keeping tables. What does not: what their rows must look like (contracts) and
files between stages (`millrace.resources`).

pyiceberg knows catalog, schema, snapshots and branches; Polars writes and reads the data files (`data_files.py`, the
only module that knows Polars' unstable Iceberg interface). A write is two steps: data files that nobody sees, and one
commit that names them. Importing this room imports neither pyiceberg nor PyArrow: a domain without tables needs no
extra `lakehouse`.
"""

from millrace.lakehouse.declaration import Changes, Declaration, Mode, SchemaPolicy, table
from millrace.lakehouse.warehouse import Warehouse

__all__ = ["Changes", "Declaration", "Mode", "SchemaPolicy", "Warehouse", "table"]
