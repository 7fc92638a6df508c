"""Opening catalogs: SQL on Postgres or SQLite, or REST, by the form of their address.

What belongs here: connections, schemas, keys. What does not: tables.

In Postgres each domain has a schema of its own, which its role finds first (`services/setup`); elsewhere it is made.
The exporter reads `iceberg_tables` in every schema. A catalog is opened once per process: its tables are looked for
each time that one is made, and it holds a pool of connections.
"""

import time
from functools import lru_cache
from pathlib import Path
from random import uniform
from typing import TYPE_CHECKING

from millrace.errors import ConfigurationError, TransientError
from millrace.lakehouse.warehouse import CATALOG_NAME, Warehouse
from millrace.stores import BucketStore
from millrace.stores.store import Store

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from sqlalchemy import URL

TOKEN_FILE = "catalog_token"  # noqa: S105  # the name of a file
_TRIES = 5
_SQLITE_WAITS_SECONDS = 60


def open_catalog(warehouse: Warehouse) -> "Catalog":
    """The catalog of a domain's tables, with the keys of the store of their files.

    Raises:
        ConfigurationError: the address is of no kind that is known, or a key cannot be read.
    """
    return _open(warehouse.catalog, warehouse.domain, warehouse.place.model_dump_json())


@lru_cache(maxsize=16)
def _open(address: str, domain: str, place: str) -> "Catalog":
    from millrace.stores import Place

    properties = file_properties(Place.model_validate_json(place).store())
    if address.startswith(("http://", "https://")):
        return _rest(address, Place.model_validate_json(place), properties)
    return _sql(address, domain, properties)


def file_properties(store: Store) -> dict[str, str]:
    """What pyiceberg needs to read and write below a place."""
    properties = {"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}
    options = store.polars_options
    if isinstance(store, BucketStore) and options is not None:
        properties |= {
            "s3.endpoint": options["aws_endpoint_url"],
            "s3.access-key-id": options["aws_access_key_id"],
            "s3.secret-access-key": options["aws_secret_access_key"],
            "s3.region": options["aws_region"],
        }
    return properties


def _rest(address: str, place: "object", properties: dict[str, str]) -> "Catalog":
    from pyiceberg.catalog.rest import RestCatalog

    token = Path(getattr(place, "secrets", "")) / TOKEN_FILE
    if token.is_file():
        properties = {**properties, "token": token.read_text().strip()}
    return RestCatalog(CATALOG_NAME, uri=address, **properties)


def _sql(address: str, domain: str, properties: dict[str, str]) -> "Catalog":
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy.exc import ArgumentError, IntegrityError, OperationalError, ProgrammingError

    try:
        url = _completed(address, domain)
    except ArgumentError as error:
        expected = "postgresql+psycopg2://…, sqlite:///… or http(s)://…"
        raise ConfigurationError("MILLRACE_CATALOG", [f"{address!r} is not {expected}"]) from error
    for attempt in range(_TRIES):
        try:
            _make_schema(url, domain)
            return SqlCatalog(
                CATALOG_NAME, uri=url.render_as_string(hide_password=False), pool_pre_ping="true", **properties
            )
        except (IntegrityError, ProgrammingError, OperationalError):
            # Two processes that open it for the first time both make its tables; the second one finds them made.
            if attempt == _TRIES - 1:
                raise
            time.sleep(uniform(0.05, 0.2) * (attempt + 1))  # noqa: S311  # no secret
    raise TransientError("catalog", "could not be opened")


def _completed(address: str, domain: str) -> "URL":
    from sqlalchemy import make_url

    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        if url.username is None:
            url = url.set(username=domain)
        options = url.query.get("options", "")
        given = options if isinstance(options, str) else " ".join(options)
        return url.update_query_dict({"options": f"{given} -csearch_path={domain}".strip()})
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        return url.update_query_dict({"timeout": str(_SQLITE_WAITS_SECONDS)})
    return url


def _make_schema(url: "URL", domain: str) -> None:
    """Make a domain's schema where it is missing; in compose its role could not, and need not."""
    if url.get_backend_name() != "postgresql":
        return
    from sqlalchemy import create_engine, text
    from sqlalchemy.schema import CreateSchema

    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            known = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
            if connection.execute(known, {"name": domain}).first() is None:
                connection.execute(CreateSchema(domain, if_not_exists=True))
    finally:
        engine.dispose()
