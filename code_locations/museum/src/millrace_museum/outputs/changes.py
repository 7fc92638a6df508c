"""What changed since the last publication, and the date of each object's last change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication remembers of one object: its document's SHA-256, and when it last changed.

    `changed_on` is None for what was there from the first publication on and never changed since.
    """

    sha256: str
    changed_on: date | None


@dataclass(frozen=True)
class Changes:
    """Identifiers of objects that were added, changed or removed, each sorted."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {"added": len(self.added), "changed": len(self.changed), "removed": len(self.removed)}


def compare(
    digests: Mapping[str, str], previous: Mapping[str, Published] | None, today: date
) -> tuple[dict[str, Published], Changes]:
    """Hold the new documents against the last publication.

    Args:
        digests: SHA-256 of each new document by object identifier.
        previous: What the last publication remembers; None if there was none.
        today: The run's logical date, taken for what was added or changed now.

    Returns:
        What the new publication has to remember, in the order of `digests`, and the changes.
    """
    now: dict[str, Published] = {}
    added, changed = [], []
    for object_id, digest in digests.items():
        before = previous.get(object_id) if previous is not None else None
        if before is not None and before.sha256 == digest:
            now[object_id] = before
            continue
        (added if before is None else changed).append(object_id)
        now[object_id] = Published(digest, None if previous is None else today)
    removed = [object_id for object_id in previous or {} if object_id not in digests]
    return now, Changes(sorted(added), sorted(changed), sorted(removed))
