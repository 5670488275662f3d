"""Reading the changelog of one assignment: own partitions to their end, then standbys as they grow.

Completeness is asked of the broker, not believed: a partition's database must hold the changelog to its end, and the
changelog must begin where the database goes on, or before.
"""

import asyncio
import contextlib
import time
from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from agents.changelog.errors import KEEP_FOLDERS, ChangelogLost, begins_behind
from tables.batch_table import BatchTable
from tables.replay import Replay

PARTITIONS_AT_ONCE = 2
_RECORDS_AT_ONCE = 2_000
"""Records of one write: about 20 ms in which nothing else runs."""
STANDBY_SECONDS = 5.0
"""How long an answer of the broker about a standby's changelog counts; it answers several times a second."""
_ANSWER_SECONDS = 3.0
"""How long own partitions wait for an answer about standbys."""
_FIRST = "Before anything else,"


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
            await asyncio.gather(
                self._check_beginnings(read[: len(self.missing)]), self._check_standbys(read[len(self.missing) :])
            )
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
        reading = [self._at[partition] for partition in self.missing[:PARTITIONS_AT_ONCE] or self._standbys]
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
        first = await self._consumer.beginning_offsets(read) if read else {}
        for at in read:
            wanted = self._replays[at.partition].next_offset
            if first[at] > wanted:
                held = "is empty" if not wanted else f"holds it up to offset {wanted} only"
                raise ChangelogLost(
                    f"{begins_behind(at.topic, at.partition, first[at])}, and the database here {held}. {_FIRST} "
                    f"{KEEP_FOLDERS}"
                )

    async def _check_standbys(self, read: Collection[TopicPartition]) -> None:
        """Check the beginnings of standbys, if somebody leads them: no own partition waits for one that nobody does."""
        with contextlib.suppress(TimeoutError):  # what is missing is met when it is read
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._check_beginnings(read)

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
