"""The graph in a Neo4j server.

| module | question |
| --- | --- |
| `server` | How is it reached, and what do its failures mean? |
| `statements` | How is a declared model said in Cypher? |
| `marker` | Who loads a part now, and which load was the last that ended? |
| `writer` | How do batches get in, in parallel and each once? |
| `read_back` | What is in the graph, where the ledger does not know? |
| `graph` | The port's verbs, made of these |
| `migrations` | What has to be changed once, before loads |
"""

from millrace.graph.neo4j.graph import Neo4jGraph, Tuning
from millrace.graph.neo4j.server import Server

__all__ = ["Neo4jGraph", "Server", "Tuning"]
