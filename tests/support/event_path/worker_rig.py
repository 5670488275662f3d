"""One worker's way from chunks to durable rows; everything is real but Kafka."""

import asyncio
import threading
from typing import Any

from agents.events.chunk_agent import ChunkProcessor
from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import Chunk
from agents.events.dead_letters import DeadLetters
from agents.events.member_events import MemberEvents, PreparedChunk
from agents.kafka.producer import MAX_BATCH_BYTES
from agents.liveness.activity import Activity
from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.users.applied_erasures import AppliedErasures
from agents.users.misplaced_users import MisplacedUsers
from agents.users.pending_rows import PendingRows
from agents.users.recent_users import RecentUsers
from agents.users.user_scores import UserScores
from app.worker.metrics import WorkerMetrics
from models.factorization.factor_model import FactorModel
from tables.batch_table import BatchTable
from tests.support.event_path.changelog_log import Log
from tests.support.event_path.made_up_events import BOUNDS, NOW, STORED_SCORES
from tests.support.event_path.source_records import PARTITIONS, partition, source
from tests.support.leaving import LeavingSupervisor
from tests.support.own_partitions import own_partitions

PATIENCE_SECONDS = 120.0
"""The first chunk may have to compile the numerics."""


class Watched(MemberEvents):
    """Member events that tell how many chunks are prepared."""

    prepared = 0
    changed = threading.Condition()

    def prepare(self, chunk: Chunk) -> PreparedChunk:
        """Prepare, and count."""
        found = super().prepare(chunk)
        with self.changed:
            self.prepared += 1
            self.changed.notify_all()
        return found

    def wait_for(self, count: int) -> None:
        """Wait until so many chunks are prepared; in a thread."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.prepared >= count, PATIENCE_SECONDS)


class Worker:
    """One worker's way of the events, on a table that is open."""

    def __init__(self, table: BatchTable, log: Log, model: FactorModel, metrics: WorkerMetrics) -> None:
        self.table, self.log = table, log
        self.supervisor = LeavingSupervisor()
        self.own = own_partitions(table, log, metrics.users, self.supervisor, PATIENCE_SECONDS)
        self.ownership = self.own.ownership
        self.popularity = OwnPopularity(30, metrics.popularity)
        self.pending = PendingRows(table)
        scores = UserScores(lambda _: model, STORED_SCORES, metrics.users)
        self.member_events = Watched(
            table=self.pending,
            scores=scores,
            popularity=self.popularity,
            bounds=BOUNDS,
            partitions=PARTITIONS,
            metrics=metrics.events,
            recent=RecentUsers(),
            erasures=AppliedErasures(table, table.running.__contains__, metrics.users),
            misplaced=MisplacedUsers(),
            now=NOW.timestamp,
        )
        producer: Any = log
        self.activity = Activity()
        self.processor = ChunkProcessor(
            member_events=self.member_events,
            own=self.own,
            pending=self.pending,
            dead_letters=DeadLetters(producer, "dead"),
            sizes=ChunkSizes(1000, MAX_BATCH_BYTES),
            activity=self.activity,
            metrics=metrics.events,
        )
        self.handed = 0
        self.reached: dict[int, float] = {}
        """Source positions of the chunks so far."""

    def take_over(self) -> dict[int, int]:
        """Begin a generation where the table stands, and return where that is."""
        self.popularity.clear()
        starts = {}
        for at in range(PARTITIONS):
            self.popularity.begin(at)
            self.popularity.load(at, self.table.scan(at, POPULARITY_PREFIX))
            position = self.table.position(at)
            starts[at] = position.next_offset if position else 0
        self.ownership.start(starts)
        return starts

    async def hand_over(self, chunk: Chunk, *, acknowledge_first: bool, revoke: bool = False) -> None:
        """Process a chunk; the one before is acknowledged before this one is prepared, or after.

        A revocation comes when this one is prepared, and the one before perhaps not stored yet.
        """
        if acknowledge_first:
            await self.log.acknowledge(self.reached)
            await self.ownership.stored()
        processed = asyncio.create_task(self.processor.process(chunk))
        self.handed += 1
        prepared = asyncio.create_task(asyncio.to_thread(self.member_events.wait_for, self.handed))
        await asyncio.wait([processed, prepared], return_when=asyncio.FIRST_COMPLETED)
        if not prepared.done():
            await processed  # it failed, or has only just been faster
        await prepared
        revocation = asyncio.create_task(self.ownership.revoke()) if revoke else None
        await asyncio.sleep(0)
        await self.log.acknowledge(self.reached)
        await processed
        self.reached |= {at: records[-1].offset + 1 for at, records in chunk.records.items()}
        if revocation is not None:
            await self.log.acknowledge(self.reached)
            await revocation
        self.check()

    async def erase(self, user: str) -> None:
        """Apply an erasure of a user, from where their partition stands."""
        at = partition(user)
        (record,) = source([user])[at]
        position = self.table.position(at)
        record.offset = after = 0 if position is None else position.next_offset
        await self.hand_over(Chunk(self.ownership.generation, {at: [record]}, {at: after}), acknowledge_first=True)
        await self.stored()

    async def revoke(self) -> None:
        """End the generation, before anything more is acknowledged."""
        revocation = asyncio.create_task(self.ownership.revoke())
        await asyncio.sleep(0)
        await self.log.acknowledge(self.reached)
        await revocation
        self.check()

    async def stored(self) -> None:
        """Wait until everything is stored."""
        await self.log.acknowledge(self.reached)
        await self.ownership.stored()
        self.check()

    def check(self) -> None:
        """Fail when the process would have ended: nobody awaits a write, so its failure shows nowhere else."""
        assert self.supervisor.reasons == []

    async def crash(self) -> None:
        """Stop where it stands: what waits for its acknowledgement never hears of it."""
        for _ in range(20):  # it has been sent
            await asyncio.sleep(0)
        self.check()
        write = self.ownership._write
        if write is not None:
            write.cancel()
            await asyncio.wait([write])
