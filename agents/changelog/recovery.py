"""Recovery of the users table: its partitions are read from the changelog, and standbys follow it.

Faust hands changelog records over one by one, five asyncio tasks each. Here whole fetches go into a partition's
database, a few partitions at a time, so that the first ones run while others are still read. Completeness is asked of
the broker, not believed: a partition's database must hold the changelog to its end.
"""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from agents.changelog.errors import KEEP_FOLDERS, ChangelogLost, begins_behind
from agents.changelog.metrics import ChangelogMetrics
from agents.kafka.connection import Connection, learn_leaders
from agents.liveness.supervisor import Supervisor
from tables.batch_table import BatchTable
from tables.replay import Replay

_log = logging.getLogger(__name__)
_PARTITIONS_AT_ONCE = 2
_RECORDS_AT_ONCE = 2_000
"""Records of one write: about 20 ms in which nothing else runs."""
_POLL_SECONDS = 0.05
STANDBY_SECONDS = 5.0
"""How long an answer of the broker about a standby's changelog counts; it answers several times a second."""
_FIRST = "Before anything else,"


@dataclass(frozen=True, slots=True)
class RecoveryBounds:
    """Limits of recovery.

    Parameters
    ----------
    fetch_bytes : of changelog in one fetch; about three times as much is in memory.
    fetch_wait_ms : how long the broker may hold an empty fetch back.
    standstill_seconds : when recovery has not moved for so long, the worker leaves and starts again.
    """

    fetch_bytes: int
    fetch_wait_ms: int
    standstill_seconds: float


class Recovery:
    """Makes the partitions of each assignment complete; see the module.

    Parameters
    ----------
    connection, table : which changelog, and where to.
    bounds : limits.
    supervisor : ends the process when it fails or stands still.
    metrics : how far it is.
    """

    def __init__(
        self,
        connection: Connection,
        table: BatchTable,
        bounds: RecoveryBounds,
        supervisor: Supervisor,
        metrics: ChangelogMetrics,
    ) -> None:
        self._connection = connection
        self._table = table
        self._bounds = bounds
        self._supervisor = supervisor
        self._metrics = metrics
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._complete: set[int] = set()
        self._changed = asyncio.Event()

    async def connect(self) -> None:
        """Connect; it takes a moment."""
        consumer = AIOKafkaConsumer(
            **self._connection.client_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=self._bounds.fetch_wait_ms,
            fetch_max_bytes=self._bounds.fetch_bytes,
            max_partition_fetch_bytes=max(1, self._bounds.fetch_bytes // _PARTITIONS_AT_ONCE),
        )
        await consumer.start()
        await learn_leaders(consumer, self._table.changelog_topic_name)
        self._consumer = consumer

    def begin(self, own: Iterable[int], standbys: Iterable[int]) -> None:
        """Begin with an assignment: recover the own partitions, then follow the standbys until `end`."""
        if self._consumer is None or self._task is not None:
            raise RuntimeError("recovery is not connected, or the previous assignment has not ended")
        self._complete, self._changed = set(), asyncio.Event()
        self._table.complete_standbys &= {*own, *standbys}
        self._task = asyncio.create_task(self._run(self._consumer, set(own), set(standbys)), name="recovery")
        self._supervisor.watch(self._task, ChangelogLost)

    async def completed(self, *, wait: bool) -> set[int]:
        """Return the partitions that became complete since the last call, after at least one did if `wait`."""
        if wait:
            await self._changed.wait()
        self._changed.clear()
        complete, self._complete = self._complete, set()
        return complete

    async def end(self) -> None:
        """End the assignment; nothing is written after it returns. Never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if self._consumer is not None:  # aiokafka may hang in a stop that follows an unsubscription closely
            self._consumer.pause(*self._consumer.assignment())
        self._metrics.behind_records.set(0)

    async def stop(self) -> None:
        """End and disconnect, for good."""
        await self.end()
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _run(self, consumer: AIOKafkaConsumer, own: set[int], standbys: set[int]) -> None:
        started = time.monotonic()
        for partition in standbys:
            self._table.open(partition)
        await self._opened(own)
        catch_up = CatchUp(consumer, self._table, own, standbys)
        self._announce(await catch_up.begin())
        moved = time.monotonic()
        while catch_up.missing:
            if time.monotonic() - started > STANDBY_SECONDS:  # nobody asks about standbys meanwhile
                self._table.complete_standbys -= standbys
            self._metrics.behind_records.set(catch_up.behind)
            if await catch_up.step():
                moved = time.monotonic()
            elif time.monotonic() - moved > self._bounds.standstill_seconds:
                self._supervisor.leave(
                    f"recovery of {catch_up.missing} stands still for {self._bounds.standstill_seconds} s"
                )
            self._announce(await catch_up.settle())
        self._metrics.behind_records.set(0)
        seconds = time.monotonic() - started
        _log.info(
            "partitions %s are complete after %.2f s: %d changelog records read, %d of them older than what was there",
            sorted(own),
            seconds,
            catch_up.replayed,
            catch_up.older,
        )
        while standbys:
            await catch_up.step()
            complete = catch_up.complete_standbys()
            self._table.complete_standbys -= standbys - complete
            self._table.complete_standbys |= complete
            self._metrics.partitions_standby.set(len(self._table.complete_standbys))

    def _announce(self, complete: set[int]) -> None:
        if complete:
            self._table.note_current(complete)
            self._complete |= complete
            self._changed.set()

    async def _opened(self, partitions: set[int]) -> None:
        """Wait until Faust has opened the databases."""
        deadline = time.monotonic() + self._bounds.standstill_seconds
        while unopened := [partition for partition in partitions if self._table.database(partition) is None]:
            if time.monotonic() > deadline:
                self._supervisor.leave(
                    f"the databases of {unopened} are not open after {self._bounds.standstill_seconds} s"
                )
            await asyncio.sleep(_POLL_SECONDS)


class CatchUp:
    """Reads the changelog of one assignment's partitions.

    Parameters
    ----------
    consumer : without partitions; it gets those that are read.
    table : its databases of all partitions are open.
    own, standbys : partitions. Standbys are read once all own ones are complete.

    Attributes
    ----------
    missing : own partitions that are not complete, in the order in which they are read.
    replayed : records read.
    """

    def __init__(self, consumer: AIOKafkaConsumer, table: BatchTable, own: set[int], standbys: set[int]) -> None:
        self._consumer = consumer
        self._replays = {partition: Replay(table, partition) for partition in own | standbys}
        self._at = {partition: TopicPartition(table.changelog_topic_name, partition) for partition in self._replays}
        self._standbys = sorted(standbys)
        self._answered: dict[int, tuple[int, float]] = {}
        """By standby: the consumer's mark of the last answer about it, and when that was met first, by our clock."""
        self._ends: dict[int, int] = dict.fromkeys(own, 0)
        self.missing = sorted(own)
        self.replayed = 0

    @property
    def older(self) -> int:
        """Records that were older than what was there."""
        return sum(replay.older for replay in self._replays.values())

    @property
    def behind(self) -> int:
        """Changelog records that the own partitions lack, or a few more: compaction leaves gaps."""
        return sum(self._ends[partition] - self._replays[partition].next_offset for partition in self.missing)

    async def begin(self) -> set[int]:
        """Return the own partitions that are complete already, and assign the others and the standbys to be read.

        Raises
        ------
        ChangelogLost
            When a changelog begins behind what a database holds, or ends before it.
        """
        complete = await self.settle()
        read = [self._at[partition] for partition in (*self.missing, *self._standbys)]
        if read:
            await self._check_beginnings(read)
            self._consumer.assign(read)
            self._consumer.pause(*read)
            for at in read:
                self._consumer.seek(at, self._replays[at.partition].next_offset)
        return complete

    async def step(self) -> bool:
        """Fetch once and write what came; return whether anything did.

        Raises
        ------
        ChangelogLost
            When a changelog lost meanwhile what is to be read next.
        """
        reading = [self._at[partition] for partition in self.missing[:_PARTITIONS_AT_ONCE] or self._standbys]
        self._consumer.resume(*self._consumer.paused().intersection(reading))
        try:
            fetched = await self._consumer.getmany(timeout_ms=200, max_records=_RECORDS_AT_ONCE)
        except OffsetOutOfRangeError as error:
            await self._check_beginnings(reading)
            raise ChangelogLost(
                f"the changelog has no longer what is to be read next, {error}: it was deleted and made again, or lost "
                f"its tail. {_FIRST} {KEEP_FOLDERS}"
            ) from error
        moved = False
        for at in reading:
            reached = await self._consumer.position(at)  # past the last record, and past what compaction left empty
            if reached > self._replays[at.partition].next_offset:
                records = fetched.get(at, ())
                self._replays[at.partition].apply(records, reached)
                self.replayed += len(records)
                moved = True
        return moved

    def complete_standbys(self) -> set[int]:
        """Return the standbys that hold the changelog to its end, as the broker told it a moment ago.

        Of a partition that no broker leads, or where the broker does not answer, nothing is known.
        """
        now = time.monotonic()
        for partition in self._standbys:
            answered = self._consumer.last_poll_timestamp(self._at[partition])
            if answered is not None and answered != self._answered.get(partition, (None, 0.0))[0]:
                self._answered[partition] = answered, now
        return {
            partition
            for partition, (_, heard) in self._answered.items()
            if now - heard <= STANDBY_SECONDS
            and self._replays[partition].next_offset >= (self._consumer.highwater(self._at[partition]) or 0)
        }

    async def settle(self) -> set[int]:
        """Ask the broker about the partitions that reached the end; return and no longer read those that are complete.

        Raises
        ------
        ChangelogLost
            When a database holds more of a changelog than there is.
        """
        reached = [
            partition for partition in self.missing if self._replays[partition].next_offset >= self._ends[partition]
        ]
        if not reached:
            return set()
        ends = await self._consumer.end_offsets([self._at[partition] for partition in reached])
        self._ends.update({at.partition: end for at, end in ends.items()})
        complete = {partition for partition in reached if self._holds_all(partition)}
        self.missing = [partition for partition in self.missing if partition not in complete]
        self._consumer.pause(*self._consumer.assignment().intersection(self._at[partition] for partition in complete))
        return complete

    async def _check_beginnings(self, read: Collection[TopicPartition]) -> None:
        first = await self._consumer.beginning_offsets(read)
        for at in read:
            wanted = self._replays[at.partition].next_offset
            if first[at] > wanted:
                held = "is empty" if not wanted else f"holds it up to offset {wanted} only"
                raise ChangelogLost(
                    f"{begins_behind(at.topic, at.partition, first[at])}, and the database here {held}. {_FIRST} "
                    f"{KEEP_FOLDERS}"
                )

    def _holds_all(self, partition: int) -> bool:
        replay, end = self._replays[partition], self._ends[partition]
        if replay.known_end > end:
            raise ChangelogLost(
                f"the database of partition {partition} knows the changelog {self._at[partition].topic} up to offset "
                f"{replay.known_end}, but it ends at {end}: it was deleted and made again, or lost its tail. {_FIRST} "
                f"{KEEP_FOLDERS}. With the topic restored, this folder can start; `nearline state check --changelog` "
                "compares the two"
            )
        return replay.next_offset == end
