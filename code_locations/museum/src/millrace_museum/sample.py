"""Made-up museum data of any size, in the shape that `mappings/tate.yaml` reads.

    artworks.ndjson.gz   objects: nested, of mixed types, with torn, mis-encoded and repeated records among them
    artist_data.csv      artists, with a byte-order mark
    truth.json           what a run over these must count, for tests and demos to hold it to

What belongs here: data with a known mess. What does not: data that closes a gate; rejects stay at 4 % of the
lines read so far, below `max_rejected_share`, so the first 24 lines have none and one row is a run too.

The mess is drawn first and the record made to fit, so that the truth is counted and not estimated. Everything is
written line by line; what is remembered is one byte an artist, and there are at most 20,000 of those.
"""

import gzip
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import batched, cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from millrace.errors import ConfigurationError
from millrace_museum.collection import given_source
