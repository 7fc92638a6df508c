"""Where the stores are and what the master volume holds: read once, in `main`, and passed down.

What belongs here: reading. What does not: making a secret, which is the secrets service's alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from millrace_setup.errors import SetupError

# Has a role and a key as a domain has, and other rights: it looks at what the domains do.
EXPORTER = "exporter"


@dataclass(frozen=True)
class Key:
    """A pair that the object store knows a user by."""

    access: str
    secret: str


@dataclass(frozen=True)
class Settings:
    """What this service needs to know.

    Attributes:
        roles: Passwords by role.
        keys: Of the object store, by whose they are: one for each domain, and the exporter's.
    """

    postgres: str
    object_store: str
    object_store_tls: bool
    deadline_seconds: float
    superuser_password: str
    roles: Mapping[str, str]
    root: Key
    keys: Mapping[str, Key]

    @property
    def domains(self) -> list[str]:
        """The domains that the secrets service made keys for."""
        return sorted(set(self.keys) - {EXPORTER})


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Read the environment, and the master volume that it names.

    Raises:
        SetupError: A setting is wrong or a secret is missing.
    """
    master = Path(environment.get("MILLRACE_MASTER", "/master"))
    deadline = environment.get("MILLRACE_SETUP_DEADLINE_SECONDS", "60")
    try:
        deadline_seconds = float(deadline)
    except ValueError:
        raise SetupError(f"MILLRACE_SETUP_DEADLINE_SECONDS is {deadline!r} (expected a number of seconds)") from None
    return Settings(
        postgres=environment.get("MILLRACE_POSTGRES", "postgres:5432"),
        object_store=environment.get("MILLRACE_OBJECT_STORE", "object-store:9000"),
        object_store_tls=environment.get("MILLRACE_OBJECT_STORE_TLS", "off") == "on",
        deadline_seconds=deadline_seconds,
        superuser_password=_secret(master / "postgres/superuser_password"),
        roles={path.name: _secret(path) for path in _entries(master / "roles")},
        root=Key(_secret(master / "object-store/root_user"), _secret(master / "object-store/root_password")),
        keys={
            path.name: Key(_secret(path / "access_key"), _secret(path / "secret_key"))
            for path in _entries(master / "object-store/keys")
        },
    )


def _entries(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if not path.name.startswith("."))


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SetupError(
            f"{path} cannot be read: {error.strerror}; the secrets service makes it and must have run before"
        ) from error
