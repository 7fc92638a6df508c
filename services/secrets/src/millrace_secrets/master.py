"""The master volume: every secret of the platform, one file each, made once.

What belongs here: making and reading a secret. What does not: who gets it (`consumers`).

Several of these services run at the same time at one `up`, on the same volume. A secret therefore appears by linking a
finished file to its name, which fails where the name is taken: there is no moment in which two processes hold two
different passwords for one name, and none in which a reader sees half of one.
"""

import os
import secrets
import string
import tempfile
from collections.abc import Callable
from pathlib import Path

import bcrypt

from millrace_secrets.errors import SecretsError

USERS = ("operator", "viewer")
_CHARACTERS = string.ascii_letters + string.digits
# A random password of 256 bits needs no slow hash, and the gateway compares one for every new connection: 2**10 rounds
# take 50 ms.
_BCRYPT_ROUNDS = 10
_BCRYPT_LIMIT_BYTES = 72


def random_password() -> str:
    """43 letters and digits, 256 bits: nothing that a command line, a URL or a configuration file reads as its own."""
    return "".join(secrets.choice(_CHARACTERS) for _ in range(43))


class Master:
    """The secrets below one folder. A name is a relative path: `roles/dagster`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str, make: Callable[[], str] = random_password) -> str:
        """The secret of that name; made where it is missing, never changed where it is there."""
        path = self._folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_once(path, make())
        return self.read(name)

    def read(self, name: str) -> str:
        """The secret of that name.

        Raises:
            SecretsError: It is missing, empty, or holds a line break.
        """
        path = self._folder / name
        try:
            value = path.read_text(encoding="utf-8").rstrip("\r\n")
        except FileNotFoundError:
            raise SecretsError(f"{path} is missing; start the platform once, which makes it") from None
        if not value or "\n" in value:
            raise SecretsError(f"{path} does not hold one line of text; write the secret into it, or remove the file")
        return value

    def gateway_hash(self, user: str) -> str:
        """The bcrypt hash of a person's password: the same at each call, until the password is another."""
        password = self.get(f"gateway/{user}").encode()
        if len(password) > _BCRYPT_LIMIT_BYTES:
            raise SecretsError(
                f"{self._folder}/gateway/{user} has {len(password)} bytes, the gateway takes {_BCRYPT_LIMIT_BYTES} "
                "at most; shorten it, or remove the file"
            )
        name = f"gateway/{user}.bcrypt"
        hashed = self.get(name, lambda: _hash(password))
        if not bcrypt.checkpw(password, hashed.encode()):
            (self._folder / name).unlink()
            hashed = self.get(name, lambda: _hash(password))
        return hashed


def _hash(password: bytes) -> str:
    return bcrypt.hashpw(password, bcrypt.gensalt(_BCRYPT_ROUNDS)).decode()


def _write_once(path: Path, content: str) -> None:
    temporary = write_temporary(path.parent, content, 0o400)
    try:
        path.hardlink_to(temporary)
    except FileExistsError:  # another process was first: its secret counts
        pass
    finally:
        temporary.unlink()
    _flush(path.parent)


def write_temporary(folder: Path, content: str, mode: int) -> Path:
    """A finished file of a passing name in that folder, on the disk."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)
    return Path(name)


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
