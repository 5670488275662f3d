"""Whether the broker answers, and where the source ends: asked once a second, on a connection of its own.

The consumer that reads the events cannot tell: when its fetch is stuck it sees no end, and when the broker is away it
sees nothing at all. The two need different answers: the one a restart, the other patience while the lease lasts.
Each leader is asked for its own partitions, so that one that is missing or silent takes nothing away from what the
others say.
"""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.kafka.connection import Connection
from agents.liveness.watchdog import AWAY_SECONDS

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 3.0
"""With the second from one question to the next it is less than `AWAY_SECONDS`: one silent leader makes no silence."""
_NOBODY = (None, -1)


class BrokerProbe:
    """Asks for the ends of the own partitions.

    Parameters
    ----------
    connection, topic : which source.
    partitions : those that are asked about; without any the first one is, to hear something.
    clock : seconds, monotonic.

    Attributes
    ----------
    ends : partition to the offset behind its last record that is committed, as of the last answer; without those for
        which nobody answered then.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        partitions: Callable[[], Collection[int]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._partitions = partitions
        self._clock = clock
        self._answered = clock()
        self._missing_since: dict[int, float] = {}
        self._told: list[int] = []
        self.ends: dict[int, int] = {}

    @property
    def silent_seconds(self) -> float:
        """How long no broker has answered; a little more than a second is usual."""
        return self._clock() - self._answered

    @property
    def leaderless(self) -> list[int]:
        """The own partitions for which nobody has answered for longer than an election takes."""
        now = self._clock()
        return sorted(at for at, since in self._missing_since.items() if now - since > AWAY_SECONDS)

    async def run(self) -> None:
        """Ask for ever; the broker may come and go."""
        while True:
            consumer = AIOKafkaConsumer(
                **self._connection.client_options(), group_id=None, isolation_level="read_committed"
            )
            try:
                with suppress(KafkaError):
                    await consumer.start()
                    await consumer._client.set_topics([self._topic])  # noqa: SLF001 - else it knows no leaders
                    await self._ask(consumer)
            finally:
                await consumer.stop()
            await asyncio.sleep(_EVERY_SECONDS)

    async def _ask(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            await self._look(consumer)
            await asyncio.sleep(_EVERY_SECONDS)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        own = set(self._partitions())
        led = self._by_leader(consumer, own or (0,))
        orphans = led.pop(None, [])
        anybody, *answers = await asyncio.gather(
            self._look_for_leaders(consumer, needed=bool(orphans or self._missing_since)),
            *(self._ends_of(consumer, partitions) for partitions in led.values()),
        )
        if anybody and not led:
            self._answered = self._clock()  # there is a broker, though none that has what is asked for
        ends = {at.partition: end for answer in answers for at, end in answer.items()}
        if ends or orphans:
            self.ends = ends
        self._note(own - ends.keys())

    def _by_leader(self, consumer: AIOKafkaConsumer, own: Collection[int]) -> dict[int | None, list[TopicPartition]]:
        """Return the partitions by the broker that leads them; those of nobody under None."""
        led: dict[int | None, list[TopicPartition]] = defaultdict(list)
        for at in (TopicPartition(self._topic, partition) for partition in own):
            leader = consumer._client.cluster.leader_for_partition(at)  # noqa: SLF001 - aiokafka tells nobody else
            led[None if leader in _NOBODY else leader].append(at)
        return led

    async def _ends_of(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Return where partitions of one leader end, nothing when it does not say."""
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
            self._answered = self._clock()
            return ends
        return {}

    async def _look_for_leaders(self, consumer: AIOKafkaConsumer, *, needed: bool) -> bool:
        """Ask who leads what now, if that is needed; returns whether somebody answered."""
        if not needed:
            return False
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_ANSWER_SECONDS):
                return bool(await consumer._client.force_metadata_update())  # noqa: SLF001
        return False

    def _note(self, missing: set[int]) -> None:
        """Remember since when nobody answers for partitions, and tell when it has lasted."""
        now = self._clock()
        self._missing_since = {at: self._missing_since.get(at, now) for at in missing}
        leaderless = self.leaderless
        if leaderless != self._told and self.silent_seconds <= AWAY_SECONDS:
            if leaderless:
                _log.error("%s: nobody leads, or answers for, the partitions %s", self._topic, leaderless)
            else:
                _log.info("%s: every own partition has a leader again", self._topic)
            self._told = leaderless
