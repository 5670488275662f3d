"""Reading the changelog of one assignment: own partitions to their end, then standbys as they grow.

Completeness is asked of the broker, not believed: a partition's database must hold the changelog to its end, and the
changelog must begin where the database goes on, or before. Each leader is asked apart: a partition that nobody leads is
neither complete nor read, and keeps no other one waiting.
"""

import asyncio
import time
from collections.abc import Mapping

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from agents.changelog.errors import KEEP_FOLDERS, ChangelogLost, begins_behind
from agents.kafka.leaders import ANSWER_SECONDS, LeaderQuestions
from tables.batch_table import BatchTable
from tables.replay import Replay

PARTITIONS_AT_ONCE = 2
_RECORDS_AT_ONCE = 2_000
"""Records of one write: about 20 ms in which nothing else runs."""
STANDBY_SECONDS = 5.0
"""How long an answer of the broker about a standby's changelog counts; it answers several times a second."""
_FIRST_ANSWER_SECONDS = 1.0
"""How long an assignment waits for its first answers, where a leader that is known does not give them."""
_STEP_SECONDS = 0.2
_FIRST = "Before anything else,"


class CatchUp:
    """Reads the changelog of one assignment's partitions.

    Parameters
    ----------
    questions : asks the leaders; its consumer, without partitions, gets those that are read.
    table : its databases of all partitions are open.
    own, standbys : partitions. Standbys are read while no own one can be.

    Attributes
    ----------
    missing : own partitions that are not complete, in the order in which they are read.
    replayed : records read.
    """

    def __init__(self, questions: LeaderQuestions, table: BatchTable, own: set[int], standbys: set[int]) -> None:
        self._questions = questions
        self._consumer = questions.consumer
        self._replays = {partition: Replay(table, partition) for partition in own | standbys}
        self._at = {partition: TopicPartition(table.changelog_topic_name, partition) for partition in self._replays}
        self._standbys = sorted(standbys)
        self._answered: dict[int, tuple[int, float]] = {}
        """By standby: the consumer's mark of the last answer about it, and when that was met first, by our clock."""
        self._ends: dict[int, int] = {}
        """By own partition: its end, as its leader told it last."""
        self._whole: set[int] = set()
        """Those whose changelog begins where the database goes on, or before, as their leader told."""
        self.missing = sorted(own)
        self.replayed = 0

    @property
    def older(self) -> int:
        """Records that were older than what was there."""
        return sum(replay.older for replay in self._replays.values())

    @property
    def behind(self) -> int:
        """Changelog records that the own partitions lack, or a few more: compaction leaves gaps.

        What those lack that nobody has answered for is not known, and not counted.
        """
        return sum(
            self._ends[partition] - self._replays[partition].next_offset
            for partition in self.missing
            if partition in self._ends
        )

    @property
    def led(self) -> list[int]:
        """The missing partitions whose leader answers, as far as it was asked: they should move."""
        unanswered = self._questions.unanswered
        return [partition for partition in self.missing if self._at[partition] not in unanswered]

    async def begin(self) -> set[int]:
        """Return the own partitions that are complete already, and assign the others and the standbys to be read.

        Raises
        ------
        ChangelogLost
            When a changelog begins behind what a database holds, or ends before it.
        """
        complete = await self.settle(_FIRST_ANSWER_SECONDS)
        read = [self._at[partition] for partition in (*self.missing, *self._standbys)]
        if read:
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
        reading = self._reading()
        self._consumer.pause(*self._consumer.assignment() - self._consumer.paused() - set(reading))
        self._consumer.resume(*self._consumer.paused().intersection(reading))
        if not reading:
            await asyncio.sleep(_STEP_SECONDS)
            return False
        try:
            fetched = await self._consumer.getmany(
                *reading, timeout_ms=int(_STEP_SECONDS * 1000), max_records=_RECORDS_AT_ONCE
            )
        except OffsetOutOfRangeError as error:
            self._check_beginnings(await self._questions.ask(reading, ANSWER_SECONDS))
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

    async def settle(self, seconds: float = _STEP_SECONDS) -> set[int]:
        """Ask about the partitions that reached the end; return and no longer read those that are complete.

        Those that nobody has answered for yet are asked about, too. Answers that take longer than `seconds` come with
        a later call.

        Raises
        ------
        ChangelogLost
            When a database holds more of a changelog than there is, or lacks what it no longer has.
        """
        standbys = [self._at[partition] for partition in self._standbys if partition not in self._whole]
        asked = self._asked_about()
        extents = await self._questions.ask([*asked, *standbys], seconds) if asked or standbys else {}
        self._ends |= {at.partition: extents[at].stop for at in asked if at in extents}
        complete = {at.partition for at in asked if at in extents and self._holds_all(at.partition)}
        self._check_beginnings({at: extent for at, extent in extents.items() if at.partition not in self._whole})
        self._whole.update(at.partition for at in extents)
        self.missing = [partition for partition in self.missing if partition not in complete]
        self._consumer.pause(*self._consumer.assignment().intersection(self._at[partition] for partition in complete))
        return complete

    def _reading(self) -> list[TopicPartition]:
        """Return what is read next: own partitions that can be, a few at a time, else standbys.

        What is asked about is not read meanwhile, so that the answer is about what the database holds.
        """
        for wanted, at_once in ((self.missing, PARTITIONS_AT_ONCE), (self._standbys, len(self._standbys))):
            places = [self._at[partition] for partition in wanted if partition in self._whole]
            waiting = self._questions.orphans(places) | self._questions.under_way
            if readable := [at for at in places if at not in waiting]:
                return readable[:at_once]
        return []

    def _asked_about(self) -> list[TopicPartition]:
        """Return the missing partitions that reached the end, and those of whose leader nothing is known."""
        missing = {partition: self._at[partition] for partition in self.missing}
        unknown = self._questions.orphans(missing.values()) | self._questions.unanswered
        return [
            at
            for partition, at in missing.items()
            if self._replays[partition].next_offset >= self._ends.get(partition, 0) or at in unknown
        ]

    def _check_beginnings(self, extents: Mapping[TopicPartition, range]) -> None:
        for at, extent in extents.items():
            wanted = self._replays[at.partition].next_offset
            if extent.start > wanted:
                held = "is empty" if not wanted else f"holds it up to offset {wanted} only"
                raise ChangelogLost(
                    f"{begins_behind(at.topic, at.partition, extent.start)}, and the database here {held}. {_FIRST} "
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
