"""Migrations of a domain: changes to the graph that loads cannot make, each applied once and in order.

    graph/migrations/0001_rename_firm.cypher
    graph/migrations/0002_drop_old_constraint.cypher

Statements end with a semicolon at the end of a line. Each runs in a transaction of its own, as Neo4j demands of those
that change the schema, and the same transaction records it where it changes data: a run that is killed goes on where it
stopped. A statement for the schema cannot be recorded in its own transaction, so it has to say IF (NOT) EXISTS.

What belongs here: applying and recording. What does not: constraints that the model declares (`schema`).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from millrace.errors import ConfigurationError, GraphRefusedError
from millrace.graph.model import GraphModel
from millrace.graph.neo4j.server import Server, Transaction
from millrace.graph.neo4j.statements import MIGRATION_LABEL

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.cypher")
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_SCHEMA = re.compile(r"\s*(CREATE|DROP)\s+(\w+\s+)*?(INDEX|CONSTRAINT)\b", re.IGNORECASE)
_IF_EXISTS = re.compile(r"\bIF\s+(NOT\s+)?EXISTS\b", re.IGNORECASE)

_APPLIED = f"""
MATCH (m:{MIGRATION_LABEL}) WHERE m.version STARTS WITH $domain
RETURN m.version AS version, m.checksum AS checksum, m.done AS done
"""
_OPEN = f"""
MERGE (m:{MIGRATION_LABEL} {{version: $version}})
ON CREATE SET m.checksum = $checksum, m.done = 0, m.begun = datetime()
SET m.touched = datetime()
RETURN m.done AS done
"""
_DONE = f"MATCH (m:{MIGRATION_LABEL} {{version: $version}}) SET m.done = $done, m.ended = datetime()"


@dataclass(frozen=True)
class Migration:
    """One file.

    Attributes:
        version: Domain and file name: "sbir/0001_rename_firm".
        checksum: SHA-256 of its text.
        statements: What it does.
    """

    version: str
    checksum: str
    statements: tuple[str, ...]


def read_migrations(model: GraphModel) -> list[Migration]:
    """The migrations of a model, in order.

    Raises:
        ConfigurationError: with everything that is wrong with the folder.
    """
    if model.migrations is None:
        return []
    files = sorted(path for path in model.migrations.glob("*") if not path.name.startswith("."))
    migrations = [_read(model.name, path) for path in files]
    problems = list(_problems(files, migrations))
    if not model.migrations.is_dir():
        problems = ["no such folder"]
    if problems:
        raise ConfigurationError(str(model.migrations), problems, next_step="see millrace.graph.neo4j.migrations")
    return migrations


def migrate(server: Server, model: GraphModel) -> list[str]:
    """Apply what was not yet applied; return the versions.

    Raises:
        ConfigurationError: the folder is wrong.
        GraphRefusedError: one that was applied has changed or is gone, or the server refuses a statement.
    """
    migrations = read_migrations(model)
    if not migrations:
        return []
    found = {row["version"]: row for row in server.read(_APPLIED, {"domain": f"{model.name}/"})}
    known = {one.version: one for one in migrations}
    problems = [f"{version} was applied and is gone" for version in sorted(found.keys() - known.keys())]
    problems += [
        f"{version} was applied with other content"
        for version, row in sorted(found.items())
        if version in known and known[version].checksum != row["checksum"]
    ]
    if problems:
        restore = "restore the files as they were, and put the change into a new one"
        raise GraphRefusedError(f"{server.address} migrations", "; ".join(problems), next_step=restore)
    todo = [one for one in migrations if one.version not in found or found[one.version]["done"] < len(one.statements)]
    for migration in todo:
        for number in range(1, len(migration.statements) + 1):
            _step(server, migration, number)
    return [one.version for one in todo]


def _step(server: Server, migration: Migration, number: int) -> None:
    """Run one statement unless that was done, also by somebody who migrates at the same time."""
    statement = migration.statements[number - 1]
    version, checksum = migration.version, migration.checksum
    is_schema = _SCHEMA.match(statement) is not None

    def work(transaction: Transaction) -> bool:
        opened = transaction.run(_OPEN, version=version, checksum=checksum).single(strict=True)
        if opened["done"] >= number:
            return False
        if not is_schema:
            transaction.run(statement).consume()
            transaction.run(_DONE, version=version, done=number).consume()
        return True

    if server.write(work) and is_schema:
        server.run_once(statement)
        server.run_once(_DONE, {"version": version, "done": number})


def _read(domain: str, path: Path) -> Migration:
    text = path.read_text(encoding="utf-8")
    bare = _COMMENT.sub("", text)
    parts = (part.strip() for part in re.split(r";\s*$", bare, flags=re.MULTILINE))
    return Migration(
        f"{domain}/{path.stem}", hashlib.sha256(text.encode()).hexdigest(), tuple(part for part in parts if part)
    )


def _problems(files: list[Path], migrations: list[Migration]) -> Iterator[str]:
    for number, (path, migration) in enumerate(zip(files, migrations, strict=True), start=1):
        name = _NAME.fullmatch(path.name)
        if name is None:
            yield f"{path.name}: is not named 0001_<name>.cypher"
        elif int(name[1]) != number:
            yield f"{path.name}: number {number:04} was expected"
        if not migration.statements:
            yield f"{path.name}: has no statement"
        for statement in migration.statements:
            if _SCHEMA.match(statement) and not _IF_EXISTS.search(statement):
                yield f"{path.name}: {statement.split(chr(10))[0]!r} lacks IF NOT EXISTS or IF EXISTS"
