"""The graph in Ladybug, a database in one file: what the embedded platform has in place of a server.

| module | question |
| --- | --- |
| `graph` | The port's verbs: what `finish` builds, and where readers find it |
| `build` | How does a database come out of the parts' files? |
"""

from millrace.graph.ladybug.graph import LadybugGraph

__all__ = ["LadybugGraph"]
