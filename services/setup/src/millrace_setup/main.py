"""`millrace-setup`: Postgres first, then the object store; done, or one line that says why not.

What belongs here: the order, the environment, the exit code. What does not: the stores (`databases`, `object_store`).
"""

import os
import sys

from millrace_setup.databases import set_up_databases
from millrace_setup.errors import SetupError
from millrace_setup.object_store import set_up_object_store
from millrace_setup.settings import settings_from


def main() -> None:
    """Set up both stores; an error is one line on stderr and exit code 1."""
    try:
        settings = settings_from(os.environ)
        set_up_databases(settings)
        set_up_object_store(settings)
    except SetupError as error:
        sys.exit(f"millrace-setup: {error}")
    sys.stdout.write(f"postgres and object-store are set up for {', '.join(settings.domains) or 'no domain'}\n")
