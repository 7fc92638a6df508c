"""Processing: large frames in chunks that a container can hold, and only what has changed.

    @dg.asset(group_name="enrichment", kinds={"polars"}, code_version="3")
    @stage
    def enriched_awards(
        context: dg.AssetExecutionContext, validated_awards: pl.LazyFrame, rejects: RejectFiles, parts: PartFiles
    ) -> pl.LazyFrame:
        return in_chunks(
            validated_awards,
            lambda frame, chunk: enriched(frame.lazy(), chunk).collect(),  # row by row; `chunk.add` takes rejects
            parts=parts.of("enriched_awards"),
            key=content_key(validated_awards.select(CONTENT_HASH), "3"),
            progress=step_progress(context),
            rejects=rejects.log("enriched_awards"),
        )

What belongs here: memory, chunks, parts, progress, content hashes and deltas; none of it knows Dagster. What does not:
what is done with the rows (a domain's transforms) and Dagster's side of it (`millrace.runs.progress`, `resources`).
"""

from millrace.processing.batches import batches
from millrace.processing.chunks import Chunk, ChunkFunction, in_chunks
from millrace.processing.deltas import Delta, delta
from millrace.processing.hashing import CONTENT_HASH, content_hash, content_key
from millrace.processing.memory import Memory, release_memory
from millrace.processing.pace import ChunkConfig
from millrace.processing.parts import Parts
from millrace.processing.progress import Figures, Progress

__all__ = [
    "CONTENT_HASH",
    "Chunk",
    "ChunkConfig",
    "ChunkFunction",
    "Delta",
    "Figures",
    "Memory",
    "Parts",
    "Progress",
    "batches",
    "content_hash",
    "content_key",
    "delta",
    "in_chunks",
    "release_memory",
]
