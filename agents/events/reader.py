"""The reader of member events: one consumer, assigned by hand to the partitions that Faust gave this worker.

Faust never reads this topic. The reader takes each partition over when its table is complete and its leader answers, at
the position stored there, and hands whole chunks to the agent on the channel. A partition that nobody leads keeps no
other one waiting. A generation ends with the partitions; chunks that are still under way are recognised by it and
dropped.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from agents.changelog.recovery import Recovery
from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import Chunk, ChunkChannel
from agents.events.fetching import Pace, fetch
from agents.events.lag import Lag
from agents.events.metrics import EventMetrics
from agents.events.open_transactions import OpenTransaction
from agents.events.source import Source, between_lookups, source_consumer
from agents.events.takeover import SourceChanged, StartPoint, start_points
from agents.kafka.leaders import LeaderQuestions, learn_leaders
from agents.kafka.producer_claims import ClaimsForbidden
from agents.users.own_partitions import OwnPartitions

_log = logging.getLogger(__name__)
_REPORT_SECONDS = 1.0
_RECOVERING_POLL_MS = 50
"""The longest wait for its takeover of a partition that became complete, where the running ones have no events."""
_ANSWER_SECONDS = 0.05
"""How long the running partitions wait for an answer about those that are to be taken over; it may come later, too."""
_FIRST_ANSWER_SECONDS = 0.2
"""The same while none runs."""


@dataclass(frozen=True, slots=True)
class ReaderBounds:
    """Limits of the reader.

    Parameters
    ----------
    fetch_wait_ms : how long the broker may hold an empty fetch back.
    linger_seconds : from one chunk to the next, unless a whole one is waiting.
    takeover_seconds : a leader that answers others, and not this reader, for so long ends the process.
    """

    fetch_wait_ms: int
    linger_seconds: float
    takeover_seconds: float


@dataclass(frozen=True, slots=True)
class Assignment:
    """What Faust knows: `partitions()` are this worker's own, `standbys()` those of which it keeps a second copy."""

    partitions: Callable[[], set[int]]
    standbys: Callable[[], set[int]]


class Reader:
    """Reads the source topic; see the module.

    Parameters
    ----------
    source : what to read.
    own : the table that holds the positions; generation and running partitions.
    channel : where chunks go; its bound is the back-pressure.
    assignment : what Faust assigned.
    recovery : makes the tables complete.
    sizes : how large a chunk may be.
    bounds : limits.
    metrics : how far it is.
    before_first_chunk : awaited with partitions after their tables are complete.
    """

    def __init__(
        self,
        *,
        source: Source,
        own: OwnPartitions,
        channel: ChunkChannel,
        assignment: Assignment,
        recovery: Recovery,
        sizes: ChunkSizes,
        bounds: ReaderBounds,
        metrics: EventMetrics,
        before_first_chunk: Callable[[set[int]], Awaitable[None]],
    ) -> None:
        self._source = source
        self._topic = source.topic
        self._table = own.table
        self._ownership = own.ownership
        self._supervisor = own.supervisor
        self._channel = channel
        self._assignment = assignment
        self._recovery = recovery
        self._sizes = sizes
        self._pace = Pace(channel, bounds.linger_seconds)
        self._bounds = bounds
        self._metrics = metrics
        self._before_first_chunk = before_first_chunk
        self._consumer: AIOKafkaConsumer | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.running = False
        """Whether all partitions of the current assignment are taken over."""
        self._missing: set[int] = set()
        self._questions: LeaderQuestions | None = None
        self._lag = Lag(source.topic, metrics)
        self._reported = 0.0
        self._committing: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect, beside Faust's start, for it takes a moment; the first assignment waits for it."""
        consumer, _ = await asyncio.gather(
            source_consumer(self._source, self._bounds.fetch_wait_ms), self._recovery.connect()
        )
        await learn_leaders(consumer, self._topic)
        self._consumer = consumer
        self._connected.set()

    async def assigned(self) -> None:
        """Begin a new generation's reading; Faust's databases of the assignment are open."""
        if self._task is not None:
            await self.revoked()
        await self._connected.wait()
        if self._consumer is None:
            return  # stopped
        self._missing = self._assignment.partitions()
        self._recovery.begin(self._missing, self._assignment.standbys())
        self._task = asyncio.create_task(self._run(self._consumer, self._ownership.generation), name="reader")
        self._supervisor.watch(self._task, SourceChanged, ClaimsForbidden)

    async def revoked(self) -> None:
        """End the generation: stop reading and wait for the write in progress. Nothing is written after it returns."""
        task, self._task = self._task, None
        self.running = False
        if task is not None:
            task.cancel()
        self._metrics.partitions_running.set(0)
        self._table.complete_standbys |= self._table.running  # they are whole until somebody else writes the changelog
        await self._recovery.end()
        await self._ownership.revoke()

    async def stop(self) -> None:
        """End the generation and disconnect, for good."""
        self._connected.set()  # who waits for it sees that there is nothing
        await self.revoked()
        await self._recovery.stop()
        if self._committing is not None:
            self._committing.cancel()
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    @property
    def served(self) -> bool:
        """Whether all partitions of the assignment are taken over, but for those that nobody leads for long."""
        if self._task is None or self.running:
            return self.running
        leaderless = set() if self._questions is None else self._questions.leaderless
        return self._missing <= leaderless | self._recovery.leaderless

    @property
    def recovering(self) -> bool:
        """Whether it waits for the tables of an assignment, which has a deadline of its own."""
        return self._task is not None and not self.running

    def lag(self) -> int | None:
        """Return the records from the fetch position to the end of the own partitions, None when not running."""
        consumer, running = self._consumer, self._ownership.running
        return None if consumer is None or not running else self._lag.behind(consumer, running)

    @property
    def open_transaction(self) -> OpenTransaction | None:
        """The transaction that has held an own partition up for longest, as of the last second."""
        return self._lag.transactions.longest if self._ownership.running else None

    def reached(self) -> dict[int, int]:
        """Return, for each running partition, the offset up to which it was fetched."""
        return {partition: self._lag.reached(partition) for partition in self._ownership.running}

    async def _run(self, consumer: AIOKafkaConsumer, generation: int) -> None:
        questions = LeaderQuestions(self._source.connection, consumer, self._bounds.takeover_seconds)
        self._questions = questions
        try:
            await self._read(questions, generation)
        except SourceChanged:
            self._table.flush_databases(wait=True)  # the process ends now, and they may hold the only copy
            raise
        finally:
            self._questions = None
            questions.close()

    async def _read(self, questions: LeaderQuestions, generation: int) -> None:
        consumer, missing = questions.consumer, self._missing
        complete: set[int] = set()
        starts: dict[int, StartPoint] = {}
        self.running = not missing
        if not missing:
            async with between_lookups(consumer):
                consumer.assign([])  # it may still have those of the last generation
        while generation == self._ownership.generation:
            if missing:
                complete |= await self._recovery.completed(wait=not starts and not complete)
                taken = await self._take_over(questions, complete, generation)
                starts |= taken
                missing.difference_update(taken)
                complete.difference_update(taken)
                self.running = not missing
                if not starts:
                    await asyncio.sleep(_RECOVERING_POLL_MS / 1000)
                    continue
            timeout_ms = _RECOVERING_POLL_MS if missing else 200
            await self._pace.due(full=self._lag.fetchable(consumer, self._ownership.running) >= self._sizes.max_records)
            fetched = await fetch(consumer, self._sizes, timeout_ms)
            chunk = self._chunk(generation, starts, fetched)
            if chunk is not None:
                self._pace.cut()
                await self._channel.hand_over(chunk)
            await self._report(consumer, starts)

    async def _take_over(
        self, questions: LeaderQuestions, complete: set[int], generation: int
    ) -> dict[int, StartPoint]:
        """Read complete partitions, too, each from its start, and go on with the others where they stand.

        Returns those that are read now, without those for which nobody answers yet.
        """
        consumer = questions.consumer
        seconds = _ANSWER_SECONDS if self._ownership.running else _FIRST_ANSWER_SECONDS
        starts = await start_points(self._table, questions, self._topic, complete, seconds)
        partitions = set(starts)
        if not partitions:
            return {}
        for partition, start in starts.items():
            if start.missed:
                self._metrics.retention_gap.inc(start.missed)
                _log.error("partition %d: retention removed %d records before they were read", partition, start.missed)
        await self._before_first_chunk(partitions)
        async with between_lookups(consumer):
            if generation != self._ownership.generation:
                raise asyncio.CancelledError
            if not self._ownership.running:
                self._lag.next, self._lag.passed = {}, {}
            self._lag.next |= {partition: start.seek for partition, start in starts.items()}
            self._ownership.start({partition: start.next_offset for partition, start in starts.items()})
            self._table.complete_standbys.difference_update(starts)
            consumer.assign([TopicPartition(self._topic, partition) for partition in self._lag.next])
            for partition, offset in self._lag.next.items():
                consumer.seek(TopicPartition(self._topic, partition), offset)
        self._metrics.partitions_running.set(len(self._lag.next))
        _log.info("reading partitions %s", sorted(partitions))
        return starts

    def _chunk(
        self, generation: int, starts: dict[int, StartPoint], fetched: dict[TopicPartition, list[ConsumerRecord]]
    ) -> Chunk | None:
        records: dict[int, list[ConsumerRecord]] = {}
        after: dict[int, int] = {}
        for at, received in fetched.items():
            start = starts[at.partition]
            if received and self._lag.next[at.partition] < start.next_offset:
                start.check(received.pop(0))
                self._lag.next[at.partition] = start.next_offset
            if received:
                records[at.partition] = received
                after[at.partition] = self._lag.next[at.partition]
                self._lag.next[at.partition] = received[-1].offset + 1
        return Chunk(generation, records, after) if records else None

    async def _report(self, consumer: AIOKafkaConsumer, starts: dict[int, StartPoint]) -> None:
        """Once a second: the lag as metrics, and the positions as commits that only lag tools read."""
        now = time.monotonic()
        if now - self._reported < _REPORT_SECONDS or (self._committing and not self._committing.done()):
            return
        self._reported = now
        await self._lag.look(consumer, self._ownership.running)
        for partition, passed in self._lag.passed.items():
            if self._lag.next[partition] < starts[partition].next_offset <= passed:
                starts[partition].missing(self._topic, partition)
        stored = {partition: self._table.position(partition) for partition in self._ownership.running}
        offsets = {
            TopicPartition(self._topic, partition): position.next_offset
            for partition, position in stored.items()
            if position is not None
        }
        if offsets:
            self._committing = asyncio.create_task(_commit(consumer, offsets), name="commit for lag tools")


async def _commit(consumer: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
    with contextlib.suppress(KafkaError):  # nothing reads them but lag tools; the next second tries again
        await consumer.commit(offsets)
