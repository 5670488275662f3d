"""The Faust agent of member events: one chunk after the other, each durable before the next one is written.

Order for a chunk: prepare (in a thread), dead letters acknowledged, changelog acknowledged, one RocksDB write
batch a partition. While one chunk is written, the next one is prepared on top of it. Whatever fails ends the process;
nothing of a chunk counts until its position is written, so the restart does it again.
"""

import asyncio
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from faust.types import StreamT

from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import Chunk, ChunkChannel
from agents.events.dead_letters import DeadLetters
from agents.events.member_events import MemberEvents, PreparedChunk
from agents.events.metrics import EventMetrics
from agents.liveness.activity import Activity
from agents.users.own_partitions import OwnPartitions
from agents.users.pending_rows import PendingRows, Rows
from tables.applied_offset import applied_offset_of
from tables.position import Position

_NICE = 10
Read = Callable[[int, Sequence[bytes]], list[bytes | None]]
"""Returns rows of a partition by their keys, those under way included."""


class ChunkProcessor:
    """Takes chunks to their end.

    Parameters
    ----------
    member_events : what a chunk does to the state.
    own : whose turn it is, and where rows go.
    pending : where a chunk sees the rows of the one before.
    dead_letters : where rejected events go.
    sizes : learns from what is written.
    activity : hears of chunks.
    metrics : counts and times them.

    Attributes
    ----------
    last_progress : when something was stored last, seconds by the monotonic clock.
    """

    def __init__(
        self,
        *,
        member_events: MemberEvents,
        own: OwnPartitions,
        pending: PendingRows,
        dead_letters: DeadLetters,
        sizes: ChunkSizes,
        activity: Activity,
        metrics: EventMetrics,
    ) -> None:
        self._member_events = member_events
        self._own = own
        self._ownership = own.ownership
        self._must_succeed = own.supervisor.must_succeed
        self._pending = pending
        self._dead_letters = dead_letters
        self._sizes = sizes
        self._activity = activity
        self._metrics = metrics
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="member-events", initializer=_be_nice)
        self.last_progress = time.monotonic()

    def close(self) -> None:
        """Let the thread end, once what it prepares is done."""
        self._thread.shutdown(wait=False)

    async def process(self, chunk: Chunk) -> None:
        """Prepare a chunk and begin to write it, or drop it when its generation has ended; a failure ends the process.

        Returns when the next chunk may be prepared: the one before this is stored, this one need not be.
        """
        async with self._ownership.preparing(chunk.generation) as current:
            if not current:
                self._metrics.chunks_stale.inc()
                return
            with self._must_succeed("a chunk could not be applied"):
                prepared = await self._prepare(chunk)
                await self._ownership.stored()
                self._pending.hold({partition: part.rows for partition, part in prepared.partitions.items()})
                self._ownership.write(self._store(chunk, prepared))
                self._activity.note()

    async def rewrite(self, generation: int, prepare: Callable[[Read], Mapping[int, Rows]]) -> int:
        """Between two chunks, put rows in the place of those that there are; any failure ends the process.

        `prepare` reads rows and returns those to write, by partition; it runs in the thread of the chunks. A row whose
        applied offset is not below its partition's position, a part of a chunk that a previous owner began, is left to
        the events.

        Returns
        -------
        int
            How many rows are being written; 0 when the generation has ended.
        """
        async with self._ownership.preparing(generation) as current:
            if not current:
                return 0
            with self._must_succeed("rows could not be made anew"):
                loop = asyncio.get_running_loop()
                prepared = await loop.run_in_executor(self._thread, prepare, self._pending.read_many)
                await self._ownership.stored()  # then the positions are those that the rows were read behind
                rewritten = self._below_positions(prepared)
                self._pending.hold({partition: rows for partition, (rows, _) in rewritten.items()})
                self._ownership.write(self._store_rewritten(rewritten))
        return sum(len(rows) for rows, _ in rewritten.values())

    def _below_positions(self, prepared: Mapping[int, Rows]) -> dict[int, tuple[Rows, Position]]:
        found: dict[int, tuple[Rows, Position]] = {}
        for partition, rows in prepared.items():
            position = self._pending.position(partition)
            if position is not None:
                below = {key: row for key, row in rows.items() if row and applied_offset_of(row) < position.next_offset}
                if below:
                    found[partition] = below, position
        return found

    async def _store_rewritten(self, rewritten: Mapping[int, tuple[Rows, Position]]) -> None:
        write = self._own.writer.write
        with self._must_succeed("rows that were made anew could not be stored"):
            await asyncio.gather(*(write(partition, *written) for partition, written in rewritten.items()))
        self._pending.release()
        self.last_progress = time.monotonic()

    async def _prepare(self, chunk: Chunk) -> PreparedChunk:
        started = time.perf_counter()
        loop = asyncio.get_running_loop()
        prepared = await loop.run_in_executor(self._thread, self._member_events.prepare, chunk)
        for partition, part in prepared.partitions.items():
            self._ownership.advance(partition, chunk.after[partition], part.reached)
        self._metrics.chunk_events.observe(len(chunk))
        took = time.perf_counter() - started
        self._sizes.learn_seconds(len(chunk), took)
        self._metrics.prepare_seconds.observe(took)
        return prepared

    async def _store(self, chunk: Chunk, prepared: PreparedChunk) -> None:
        """Write a chunk; no turn is held any more, but the next write waits for this one."""
        started = time.perf_counter()
        with self._must_succeed("a chunk could not be stored"):
            await self._write(chunk, prepared)
        self._pending.release()
        self.last_progress = time.monotonic()
        self._metrics.write_seconds.observe(time.perf_counter() - started)
        oldest = min(records[0].timestamp for records in chunk.records.values())
        self._metrics.age_seconds.observe(max(0.0, time.time() - oldest / 1000))

    async def _write(self, chunk: Chunk, prepared: PreparedChunk) -> None:
        await self._dead_letters.send(prepared.rejected)
        write = self._own.writer.write
        written = await asyncio.gather(
            *(write(partition, part.rows, part.position) for partition, part in prepared.partitions.items())
        )
        self._sizes.learn(len(chunk), sum(written))


def _be_nice() -> None:
    """Let the event loop go first where there are fewer cores than threads: queries wait for it, and never for this."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


def make_chunk_agent(
    channel: ChunkChannel, process: Callable[[Chunk], Awaitable[None]]
) -> Callable[[StreamT[Chunk]], Awaitable[None]]:
    """Return the agent function: chunks of its channel, one at a time, in order."""

    async def apply_chunks(chunks: StreamT[Chunk]) -> None:
        async for chunk in chunks:
            try:
                await process(chunk)
            finally:
                channel.taken()

    return apply_chunks


def make_membership_agent() -> Callable[[StreamT[bytes]], Awaitable[None]]:
    """Return the agent of the membership topic, which exists so that Faust assigns partitions; it passes all over."""

    async def membership(nothing: StreamT[bytes]) -> None:
        async for _ in nothing:
            pass

    return membership
