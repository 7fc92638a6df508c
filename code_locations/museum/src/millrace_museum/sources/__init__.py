"""Sources: each adapter reads one format and yields records with their line, and rejects what it cannot read.

An adapter is one file and one line here. It has the type `Adapter`: it takes a file, its name in rejects and a
reject log, opens, yields `(line, record)`, and never lets one bad record end the file. It raises only if the file
itself is not what it is said to be.
"""

from millrace_museum.sources.csv_file import read_csv
from millrace_museum.sources.json_file import read_json
from millrace_museum.sources.ndjson import read_ndjson
from millrace_museum.sources.opening import Adapter

FORMATS: dict[str, Adapter] = {"ndjson": read_ndjson, "json": read_json, "csv": read_csv}
"""`json` takes a file per record or an array of records per file."""

__all__ = ["FORMATS", "Adapter"]
