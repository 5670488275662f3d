"""Asking about partitions leader by leader: one that is missing or silent takes nothing away from what others say.

aiokafka's own questions about offsets wait for all leaders together, and longer than a takeover may last.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, KafkaTimeoutError

from agents.kafka.connection import Connection
from agents.liveness.watchdog import AWAY_SECONDS

ANSWER_SECONDS = 3.0
"""How long a leader may take to answer; with a second's pause it is less than `AWAY_SECONDS`."""
_PATIENCE_SECONDS = 0.2
_LOOK_SECONDS = 1.0
_NOBODY = (None, -1)
_CONNECT_SECONDS = 10.0


class AnsweredElsewhere(Exception):
    """A leader answers others, and not this connection: a new start makes a new one."""


def by_leader(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]
) -> dict[int | None, list[TopicPartition]]:
    """Return the partitions by the broker that leads them, as the consumer knows it; those of nobody under None."""
    led: dict[int | None, list[TopicPartition]] = defaultdict(list)
    for at in partitions:
        leader = consumer._client.cluster.leader_for_partition(at)  # noqa: SLF001 - aiokafka tells nobody else
        led[None if leader in _NOBODY else leader].append(at)
    return led


async def ends_of(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    """Return where partitions of one leader end, nothing when it does not say within `ANSWER_SECONDS`.

    Raises
    ------
    KafkaError
        When it says what no further try changes.
    """
    with suppress(TimeoutError, KafkaTimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            except KafkaError as error:
                if not error.retriable:
                    raise
            else:
                return ends
    return {}


async def extents_of(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, range]:
    """Return from which offset to which partitions of one leader reach; else as `ends_of`."""
    with suppress(TimeoutError, KafkaTimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            try:  # together, for each may have to wait until an empty fetch on the same connection returns
                first, end = await asyncio.gather(
                    consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
                )
            except KafkaError as error:
                if not error.retriable:
                    raise
            else:
                return {at: range(first[at], end[at]) for at in partitions}
    return {}


async def look_for_leaders(consumer: AIOKafkaConsumer) -> bool:
    """Ask who leads what now; returns whether somebody answered."""
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            return bool(await consumer._client.force_metadata_update())  # noqa: SLF001
    return False


async def learn_leaders(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Let a consumer find out who leads a topic's partitions, which costs its first question about them 100 ms.

    Should nobody tell, the questions that matter go without.
    """
    with suppress(KafkaError, TimeoutError):
        async with asyncio.timeout(ANSWER_SECONDS):
            await consumer._client.add_topic(topic)  # noqa: SLF001


class LeaderQuestions:
    """Asks how far partitions reach: each leader apart, and beside whatever else there is to do.

    Parameters
    ----------
    connection : makes a second connection, where the consumer's own brings no answer for long.
    consumer : asks; it has learned who leads the topics.
    stuck_seconds : after so long without an answer it is tried on the second connection.
    clock : seconds, monotonic.
    """

    def __init__(
        self,
        connection: Connection,
        consumer: AIOKafkaConsumer,
        stuck_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.consumer = consumer
        self._connection = connection
        self._stuck_seconds = stuck_seconds
        self._clock = clock
        self._asked: dict[int, tuple[list[TopicPartition], asyncio.Task[dict[TopicPartition, range]]]] = {}
        """By leader: the question that is under way."""
        self._since: dict[TopicPartition, float] = {}
        self._looking: asyncio.Task[bool] | None = None
        self._looked = -_LOOK_SECONDS
        self._trying: asyncio.Task[set[TopicPartition]] | None = None
        self._tried = clock()
        self._elsewhere: dict[TopicPartition, float] = {}

    @property
    def unanswered(self) -> frozenset[TopicPartition]:
        """Those that nobody leads, or whose leader did not answer the last question about them."""
        return frozenset(self._since)

    @property
    def leaderless(self) -> set[int]:
        """The partitions of those for which nobody has answered for longer than an election takes."""
        now = self._clock()
        return {at.partition for at, since in self._since.items() if now - since > AWAY_SECONDS}

    @property
    def under_way(self) -> set[TopicPartition]:
        """Those about which a question is under way."""
        return {at for led, _ in self._asked.values() for at in led}

    def orphans(self, partitions: Iterable[TopicPartition]) -> set[TopicPartition]:
        """Return those of some partitions that nobody leads, as far as the consumer knows."""
        return set(by_leader(self.consumer, partitions).get(None, ()))

    async def ask(
        self, partitions: Collection[TopicPartition], seconds: float = _PATIENCE_SECONDS
    ) -> dict[TopicPartition, range]:
        """Return the first offset and the end of those partitions whose leader answers.

        New questions are waited for as long as `seconds`; what is answered later is returned by a later call. So a
        leader that is silent costs that much in each `ANSWER_SECONDS`, and one that is missing nothing.

        Raises
        ------
        AnsweredElsewhere
            When there is no answer here for long, and one on another connection.
        KafkaError
            When a leader says what no further try changes.
        """
        led = by_leader(self.consumer, partitions)
        doubtful = None in led or not self._since.keys().isdisjoint(partitions)
        if doubtful and await self._look(seconds):  # who is silent may be no leader any more
            led = by_leader(self.consumer, partitions)
        self._note_missing(led.pop(None, []))
        begun = [self._begin(leader, of_it) for leader, of_it in led.items() if leader not in self._asked]  # type: ignore[arg-type]
        if begun:
            await asyncio.wait(begun, timeout=seconds)
        return self._answers(partitions)

    def close(self) -> None:
        """End the questions that are under way."""
        tasks = [task for _, task in self._asked.values()]
        for task in (*tasks, self._looking, self._trying):
            if task is not None:
                task.cancel()

    def _begin(self, leader: int, led: list[TopicPartition]) -> "asyncio.Task[dict[TopicPartition, range]]":
        task = asyncio.create_task(extents_of(self.consumer, led), name="question to a leader")
        self._asked[leader] = led, task
        return task

    def _answers(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, range]:
        answers: dict[TopicPartition, range] = {}
        for leader, (led, task) in list(self._asked.items()):
            if task.done():
                del self._asked[leader]
                found = task.result()
                answers |= found
                for at in found:
                    self._since.pop(at, None)
                    self._elsewhere.pop(at, None)
                still = by_leader(self.consumer, [at for at in led if at not in found])
                self._note_missing(still.get(leader, []))  # who leads the others by now is asked next
        self._doubt()
        return {at: answers[at] for at in partitions if at in answers}

    def _note_missing(self, missing: Collection[TopicPartition]) -> None:
        now = self._clock()
        for at in missing:
            self._since.setdefault(at, now)

    async def _look(self, seconds: float) -> bool:
        """Look for leaders once a second; returns whether it was looked within `seconds`."""
        if self._looking is None:
            if self._clock() - self._looked < _LOOK_SECONDS:
                return False
            self._looked = self._clock()
            self._looking = asyncio.create_task(look_for_leaders(self.consumer), name="look for leaders")
            await asyncio.wait([self._looking], timeout=seconds)
        if not self._looking.done():
            return False
        self._looking = None
        return True

    def _doubt(self) -> None:
        """Try on another connection what has no answer for long; raises `AnsweredElsewhere` when that has one.

        A leader that came back a moment ago has its time to answer here, too.
        """
        now = self._clock()
        if self._trying is not None and self._trying.done():
            self._elsewhere = dict.fromkeys(self._trying.result() & self._since.keys(), now)
            self._trying, self._tried = None, now
        if deaf := sorted(at for at, heard in self._elsewhere.items() if now - heard > AWAY_SECONDS):
            raise AnsweredElsewhere(
                f"{deaf[0].topic}: there was no answer about the partitions {[at.partition for at in deaf]} for "
                f"{now - min(self._since[at] for at in deaf):.0f} s, and another connection has one"
            )
        stuck = [at for at, since in self._since.items() if now - max(since, self._tried) > self._stuck_seconds]
        if stuck and self._trying is None:
            self._trying = asyncio.create_task(_answered(self._connection, stuck), name="second connection")


async def _answered(connection: Connection, partitions: Collection[TopicPartition]) -> set[TopicPartition]:
    """Return those partitions whose leader answers on a connection of its own."""
    consumer = AIOKafkaConsumer(**connection.client_options(), group_id=None)
    try:
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_CONNECT_SECONDS):
                await consumer.start()
                for topic in {at.topic for at in partitions}:
                    await consumer._client.add_topic(topic)  # noqa: SLF001
            led = by_leader(consumer, partitions)
            led.pop(None, None)
            found = await asyncio.gather(*(ends_of(consumer, of_it) for of_it in led.values()))
            return {at for answer in found for at in answer}
    finally:
        await consumer.stop()
    return set()
