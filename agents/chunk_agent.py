"""The Faust agent of member events: one chunk after the other, durable before the next.

Order for a chunk: prepare (in a thread), dead letters acknowledged, changelog acknowledged, one RocksDB write
batch a partition. Whatever fails in between ends the process; nothing of the chunk counts until its position is
written, so the restart does it again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from faust.types import StreamT

from agents.chunks import Chunk
from agents.dead_letters import outgoing
from agents.fatal import leave
from agents.member_events import MemberEvents, PreparedChunk
from agents.metrics import Metrics
from agents.ownership import Ownership
from agents.producer import AcknowledgedProducer, TopicChangelog
from tables.fenced_table import FencedTable
from tables.partition_writer import write_partition


class ChunkProcessor:
    """Takes chunks to their end.

    Parameters
    ----------
    member_events : what a chunk does to the state.
    table, producer : where it is written; the changelog is the table's.
    ownership : whose turn it is.
    dead_letter_topic : where rejected events go.
    """

    def __init__(
        self,
        member_events: MemberEvents,
        table: FencedTable,
        producer: AcknowledgedProducer,
        ownership: Ownership,
        dead_letter_topic: str,
        metrics: Metrics,
    ) -> None:
        self._member_events = member_events
        self._table = table
        self._producer = producer
        self._changelog = TopicChangelog(producer, table.changelog_topic_name)
        self._ownership = ownership
        self._dead_letter_topic = dead_letter_topic
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="member-events")
        self.last_progress = time.monotonic()

    async def process(self, chunk: Chunk) -> None:
        """Apply a chunk, or drop it when its epoch has ended; any failure ends the process."""
        async with self._ownership.turn(chunk.epoch) as current:
            if not current:
                self._metrics.chunks_stale.inc()
                return
            try:
                await self._apply(chunk)
            except Exception as error:  # noqa: BLE001 - no failure may be outlived, whatever its kind
                leave(f"a chunk could not be applied: {error!r}")
            self.last_progress = time.monotonic()

    async def _apply(self, chunk: Chunk) -> None:
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        prepared = await loop.run_in_executor(self._thread, self._member_events.prepare, chunk)
        for partition, part in prepared.partitions.items():
            self._ownership.advance(partition, chunk.after[partition], part.reached)
        solved = time.perf_counter()
        await self._write(prepared)
        self._metrics.chunk_events.observe(len(chunk))
        self._metrics.prepare_seconds.observe(solved - started)
        self._metrics.write_seconds.observe(time.perf_counter() - solved)
        oldest = min(records[0].timestamp for records in chunk.records.values())
        self._metrics.event_age_seconds.observe(max(0.0, time.time() - oldest / 1000))

    async def _write(self, prepared: PreparedChunk) -> None:
        await self._producer.send(outgoing(prepared.rejected, self._dead_letter_topic))
        await asyncio.gather(
            *(
                write_partition(self._changelog, self._table, partition, part.rows, part.position)
                for partition, part in prepared.partitions.items()
            )
        )


def make_chunk_agent(process: Callable[[Chunk], Awaitable[None]]) -> Callable[[StreamT[Chunk]], Awaitable[None]]:
    """Return the agent function: chunks of its channel, one at a time, in order."""

    async def apply_chunks(chunks: StreamT[Chunk]) -> None:
        async for chunk in chunks:
            await process(chunk)

    return apply_chunks


def make_membership_agent() -> Callable[[StreamT[bytes]], Awaitable[None]]:
    """Return the agent of the empty membership topic, which exists so that Faust assigns partitions."""

    async def membership(nothing: StreamT[bytes]) -> None:
        async for _ in nothing:
            pass

    return membership
