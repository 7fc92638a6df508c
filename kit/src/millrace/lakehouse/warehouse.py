"""A domain's tables as its resources are configured with them: which catalog, and where their files lie.

What belongs here: configuration. What does not: opening it (`catalogs.py`), so that settings can make one without
importing pyiceberg.
"""

from typing import TYPE_CHECKING

import dagster as dg

from millrace.stores import Place

if TYPE_CHECKING:
    from millrace.lakehouse.tables import Table

# Spark's JdbcCatalog must be given the same one: it is part of each row's key.
CATALOG_NAME = "millrace"


class Warehouse(dg.Config):
    """The tables of one domain.

    Attributes:
        catalog: Address of a SQL database, `postgresql+psycopg2://host:5432/catalog` (without a user: the domain's
            role; the password comes from PGPASSFILE) or `sqlite:////file`, or of a REST catalog,
            `http://host:19120/iceberg`.
        domain: Namespace of the tables and, in Postgres, schema of the catalog.
        place: Folder or bucket of their files.
    """

    catalog: str
    domain: str
    place: Place

    def table(self, name: str) -> "Table":
        """One of its tables; nothing is read or asked yet."""
        from millrace.lakehouse.tables import Table

        return Table(self, name)
