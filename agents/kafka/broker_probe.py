"""Whether the broker answers, who of the leaders does, and where the source ends: asked once a second, apart from all.

The consumer that reads the events cannot tell: when its fetch is stuck it sees no end, and when the broker is away it
sees nothing at all. The two need different answers: the one a restart, the other patience while the lease lasts.
Each leader is asked for its own partitions, so that one that is missing or silent takes nothing away from what the
others say. That is of the source and of the changelog: a partition whose events or rows nobody takes waits.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.kafka.connection import Connection
from agents.kafka.leaders import by_leader, ends_of, look_for_leaders
from agents.kafka.partitions import named
from agents.liveness.watchdog import AWAY_SECONDS

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0


class BrokerProbe:
    """Asks for the ends of the own partitions.

    Parameters
    ----------
    connection : to what.
    topics : the source first, then those that have the same partitions and are needed, too.
    partitions : those that are asked about; without any the first one is, to hear something.
    clock : seconds, monotonic.

    Attributes
    ----------
    ends : of the source, partition to the offset behind its last record that is committed, as of the last answer;
        without those for which nobody answered then.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Sequence[str],
        partitions: Callable[[], Collection[int]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._partitions = partitions
        self._clock = clock
        self._answered = clock()
        self._missing_since: dict[TopicPartition, float] = {}
        self._told: dict[str, list[int]] = {}
        self.ends: dict[int, int] = {}

    @property
    def silent_seconds(self) -> float:
        """How long no broker has answered; a little more than a second is usual."""
        return self._clock() - self._answered

    @property
    def leaderless(self) -> dict[str, list[int]]:
        """By topic, the own partitions for which nobody has answered for longer than an election takes."""
        now = self._clock()
        found: dict[str, list[int]] = {}
        for at, since in sorted(self._missing_since.items()):
            if now - since > AWAY_SECONDS:
                found.setdefault(at.topic, []).append(at.partition)
        return found

    async def run(self) -> None:
        """Ask for ever; the broker may come and go."""
        while True:
            consumer = AIOKafkaConsumer(
                **self._connection.client_options(), group_id=None, isolation_level="read_committed"
            )
            try:
                with suppress(KafkaError):
                    await consumer.start()
                    await consumer._client.set_topics(self._topics)  # noqa: SLF001 - else it knows no leaders
                    await self._ask(consumer)
            finally:
                await consumer.stop()
            await asyncio.sleep(_EVERY_SECONDS)

    async def _ask(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await self._look(consumer)
            await asyncio.sleep(_EVERY_SECONDS)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        own = {TopicPartition(topic, partition) for topic in self._topics for partition in self._partitions()}
        led = by_leader(consumer, own or [TopicPartition(self._topics[0], 0)])
        orphans = led.pop(None, [])
        anybody, *answers = await asyncio.gather(
            self._look_for_leaders(consumer, needed=bool(orphans or self._missing_since)),
            *(self._ends_of(consumer, partitions) for partitions in led.values()),
        )
        if anybody and not led:
            self._answered = self._clock()  # there is a broker, though none that has what is asked for
        ends = {at: end for answer in answers for at, end in answer.items()}
        if ends or orphans:
            self.ends = {at.partition: end for at, end in ends.items() if at.topic == self._topics[0]}
        self._note(own - ends.keys())

    async def _ends_of(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where partitions of one leader end, nothing when it does not say."""
        with suppress(KafkaError):
            if ends := await ends_of(consumer, partitions):
                self._answered = self._clock()
                return ends
        return {}

    async def _look_for_leaders(self, consumer: AIOKafkaConsumer, *, needed: bool) -> bool:
        """Ask who leads what now, if that is needed; returns whether somebody answered."""
        return needed and await look_for_leaders(consumer)

    def _note(self, missing: set[TopicPartition]) -> None:
        """Remember since when nobody answers for partitions, and tell when it has lasted."""
        now = self._clock()
        self._missing_since = {at: self._missing_since.get(at, now) for at in missing}
        leaderless = self.leaderless
        if leaderless != self._told and self.silent_seconds <= AWAY_SECONDS:
            for topic, partitions in leaderless.items():
                _log.error("%s: nobody leads, or answers for, the partitions %s", topic, named(partitions))
            if not leaderless:
                _log.info("every own partition has a leader again")
            self._told = leaderless
