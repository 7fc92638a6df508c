"""`millrace-secrets`: makes what is missing and hands it out, or shows the sign-in to people.

What belongs here: options, what is mounted where, exit codes. What does not: secrets (`master`), files (`consumers`).
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from millrace_secrets.consumers import consumers, domains_in, hand_out
from millrace_secrets.errors import SecretsError
from millrace_secrets.master import USERS, Master

_MAY = {"operator": "may do everything", "viewer": "may look at everything"}


def make(master: Master, domains: Mapping[str, Sequence[str]], out: Path, names: Sequence[str]) -> list[str]:
    """Make what is missing for the named consumers (none named: for all), and hand it to those that are mounted.

    Returns:
        The consumers that were handed their files.

    Raises:
        SecretsError: A named consumer does not exist or is not mounted.
    """
    known = consumers(domains)
    for name in names:
        if name not in known:
            raise SecretsError(
                f"no consumer {name!r} in this image (it has {', '.join(sorted(known))}); "
                "a new domain needs the image built again: docker compose build secrets"
            )
        if not (out / name).is_dir():
            raise SecretsError(f"{out / name} is missing; mount the volume of {name} there")
    handed = []
    for name in names or known:
        files = known[name](master)
        folder = out / name
        if names or os.path.ismount(folder):  # what is not mounted is a folder of the image: nobody would read it
            try:
                hand_out(files, folder)
            except OSError as error:
                raise SecretsError(
                    f"{folder} cannot be written: {error.strerror}; mount the volume of {name} there, writable by "
                    "the user 10001 (a new volume is)"
                ) from error
            handed.append(name)
    return handed


def sign_in(master: Master, as_json: bool) -> str:
    """As whom people sign in; where, this service does not know."""
    passwords = {user: master.read(f"gateway/{user}") for user in USERS}
    if as_json:
        return json.dumps({"users": passwords})
    return "\n".join(f"{user:<9} {password}   {_MAY[user]}" for user, password in passwords.items())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="millrace-secrets", description=__doc__.split("\n", 1)[0] if __doc__ else "")
    parser.add_argument("--master", type=Path, default=Path("/master"), help="folder of all secrets (%(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make", help="make what is missing, hand each consumer its own")
    making.add_argument("--consumer", action="append", default=[], metavar="NAME", help="this one only; repeatable")
    making.add_argument("--out", type=Path, default=Path("/out"), help="folder of the consumers' folders (%(default)s)")
    making.add_argument(
        "--domains",
        type=Path,
        default=Path("/etc/millrace/domains"),
        help="the domains, and what each uses (%(default)s)",
    )
    showing = commands.add_parser("show", help="print the users and their passwords")
    showing.add_argument("--json", action="store_true", dest="as_json", help="as one JSON object")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error is one line on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    master = Master(options.master)
    try:
        if options.command == "make":
            handed = make(master, domains_in(options.domains), options.out, options.consumer)
            text = f"secrets handed to {', '.join(handed) or 'nobody: no volume is mounted below ' + str(options.out)}"
        else:
            text = sign_in(master, options.as_json)
    except SecretsError as error:
        sys.exit(f"millrace-secrets: {error}")
    sys.stdout.write(text + "\n")
