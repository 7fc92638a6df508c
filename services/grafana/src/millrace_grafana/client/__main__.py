"""`python -m millrace_grafana.client`: an order as JSON on stdin, one JSON object per line on stdout.

The order carries the password, which has no place in a command line or an environment. Exits with 0 if all is well, 1
if something is wrong with Grafana, 2 if it could not be asked.
"""

import json
import sys

from millrace_grafana.client import annotate, connection, verify

ACTIONS = {"verify": verify.verify, "annotate": annotate.annotate}


def main() -> int:
    """Do what the order says."""
    order = json.load(sys.stdin)
    wrong = False
    try:
        grafana = connection.connect(order)
        for finding in ACTIONS[order["action"]](grafana, order):
            wrong = wrong or not finding["fine"]
            print(json.dumps(finding), flush=True)  # noqa: T201 it is how the parent hears
    except connection.NoAnswerError as error:
        print(json.dumps({"fine": False, "text": str(error)}), flush=True)  # noqa: T201
        return 2
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
