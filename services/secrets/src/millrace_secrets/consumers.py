"""Who gets which secret, in which file: one folder per consumer, which mounts it read-only at /run/secrets.

What belongs here: the consumers, their files, their formats. What does not: making a secret (`master`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from millrace_secrets.errors import SecretsError
from millrace_secrets.master import USERS, Master, write_temporary

DATABASE_HOST = "postgres"
DATABASE_PORT = 5432
_DOMAIN_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Names that mean something else to Postgres, to the object store, or as a folder of secrets.
_RESERVED = frozenset(
    {"dagster", "exporter", "gateway", "grafana", "metrics", "neo4j", "postgres", "public", "reports", "root"}
)
_MAY_USE = frozenset({"graph"})


@dataclass(frozen=True)
class File:
    """A file of a consumer: readable by the group that its container has in addition."""

    content: str
    mode: int = 0o440


Files = Mapping[str, File]


def _pgpass(master: Master, *roles: str) -> File:
    """Passwords for libpq, which ignores the file where anyone but its owner may read it."""
    lines = [
        ":".join((DATABASE_HOST, str(DATABASE_PORT), "*", _escaped(role), _escaped(master.get(f"roles/{role}"))))
        for role in roles
    ]
    return File("\n".join(lines) + "\n", mode=0o600)


def _escaped(field: str) -> str:
    """A field of a pgpass file: https://www.postgresql.org/docs/17/libpq-pgpass.html."""
    return field.replace("\\", "\\\\").replace(":", "\\:")


def _postgres(master: Master) -> Files:
    return {"postgres_password": File(master.get("postgres/superuser_password"))}


def _neo4j(master: Master) -> Files:
    return {"auth": File(f"neo4j/{master.get('neo4j/password')}")}


def _object_store(master: Master) -> Files:
    return {
        "root_user": File(master.get("object-store/root_user", lambda: "millrace-root")),
        "root_password": File(master.get("object-store/root_password")),
    }


def _dagster(master: Master) -> Files:
    return {"pgpass": _pgpass(master, "dagster")}


def _grafana(master: Master) -> Files:
    return {"admin_password": File(master.get("grafana/admin_password"))}


def _postgres_exporter(master: Master) -> Files:
    return {"password": File(master.get("roles/metrics"))}


def _exporter(master: Master) -> Files:
    keys = "object-store/keys/exporter"
    return {
        "pgpass": _pgpass(master, "exporter"),
        "neo4j_password": File(master.get("neo4j/password")),
        "object_store_access_key": File(master.get(f"{keys}/access_key", lambda: "millrace-exporter")),
        "object_store_secret_key": File(master.get(f"{keys}/secret_key")),
    }


def _reports(master: Master) -> Files:
    return {"pgpass": _pgpass(master, "exporter")}  # it reads what the exporter reads


def _gateway(master: Master) -> Files:
    return {"users.caddy": File("".join(f"{user} {master.gateway_hash(user)}\n" for user in USERS))}


def _domain(name: str, uses: Iterable[str]) -> Callable[[Master], Files]:
    def files(master: Master) -> Files:
        keys = f"object-store/keys/{name}"
        # Community has one user: whoever uses the graph may do everything to it.
        graph = {"neo4j_password": File(master.get("neo4j/password"))} if "graph" in uses else {}
        return {
            **graph,
            # A run of the domain writes its events to Dagster's database, and its data with its own role.
            "pgpass": _pgpass(master, "dagster", name),
            "object_store_access_key": File(master.get(f"{keys}/access_key", lambda: f"millrace-{name}")),
            "object_store_secret_key": File(master.get(f"{keys}/secret_key")),
        }

    return files


_SERVICES: Mapping[str, Callable[[Master], Files]] = {
    "postgres": _postgres,
    "neo4j": _neo4j,
    "object-store": _object_store,
    "dagster": _dagster,
    "grafana": _grafana,
    "postgres-exporter": _postgres_exporter,
    "exporter": _exporter,
    "reports": _reports,
    "gateway": _gateway,
}


def domains_in(listing: Path) -> dict[str, tuple[str, ...]]:
    """The domains that the image was built with, and the stores that each uses: `sbir graph`, one domain per line.

    Raises:
        SecretsError: A name cannot be a domain's, or a store is none.
    """
    lines = [line.split() for line in listing.read_text(encoding="utf-8").splitlines() if line.strip()]
    domains = {name: tuple(uses) for name, *uses in sorted(lines)}
    wrong = [name for name in domains if not _DOMAIN_NAME.fullmatch(name) or name in _RESERVED]
    if wrong:
        raise SecretsError(
            f"code_locations: {', '.join(wrong)} cannot be the name of a domain (expected lower-case letters, digits "
            f"and _, at most 40, none of {', '.join(sorted(_RESERVED))}); rename the folder and build the image again"
        )
    for name, uses in domains.items():
        if unknown := set(uses) - _MAY_USE:
            raise SecretsError(
                f"code_locations/{name}: uses {', '.join(sorted(unknown))} (may use {', '.join(sorted(_MAY_USE))}); "
                "mend `uses` in its config.yaml and build the image again"
            )
    return domains


def consumers(domains: Mapping[str, Iterable[str]]) -> dict[str, Callable[[Master], Files]]:
    """Every consumer, with what makes its files; of each domain the stores that it uses beside its own."""
    return {**_SERVICES, **{name: _domain(name, uses) for name, uses in domains.items()}}


def hand_out(files: Files, folder: Path) -> None:
    """Write a consumer's files into its folder; a reader sees the old content or the new."""
    for name, file in files.items():
        write_temporary(folder, file.content, file.mode).replace(folder / name)
