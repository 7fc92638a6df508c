"""For tests of domains, also of those that live elsewhere: real instances, whole runs, comparisons, house rules.

    from millrace.testing import embedded_instance, run_domain, tree_differences

What belongs here: what a second domain's tests would need too. What does not: doubles of the outside world, which
stand beside the source that they stand in for. Nothing here imports pytest but `millrace.testing.fixtures`.
"""

from millrace.testing.beside import repeated
from millrace.testing.containers import resident_bytes
from millrace.testing.house_rules import asset_problems, module_problems
from millrace.testing.matrix import seeded_part
from millrace.testing.running import Silence, embedded_instance, materialize_job, run_domain
from millrace.testing.trees import tree_differences

__all__ = [
    "Silence",
    "asset_problems",
    "embedded_instance",
    "materialize_job",
    "module_problems",
    "repeated",
    "resident_bytes",
    "run_domain",
    "seeded_part",
    "tree_differences",
]
