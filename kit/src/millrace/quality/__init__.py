"""Contracts and what they turned away, free of Dagster; `millrace.quality.checks` makes asset checks of them."""

from millrace.quality.contracts import Contract, Verdict
from millrace.quality.rejects import Reject, RejectKind, RejectLog, RejectSink, excerpt, read_rejects

__all__ = ["Contract", "Reject", "RejectKind", "RejectLog", "RejectSink", "Verdict", "excerpt", "read_rejects"]
