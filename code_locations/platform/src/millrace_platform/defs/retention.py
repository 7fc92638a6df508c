"""Retention: logs, then the events that point at them, then the runs that those belonged to; ticks beside them.

Each asset says what it removed. Its materialisation is asset history too, and outlives what it removed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import batched

import dagster as dg

from millrace.runs import current_measurement, logical_date, stage
from millrace_platform.captured_logs import CapturedLogs, Files
from millrace_platform.records import Records
from millrace_platform.retention import REMOVABLE_TICKS, cut_off, purge_before, without_descendants
from millrace_platform.settings import Retention
