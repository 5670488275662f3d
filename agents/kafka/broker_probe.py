"""Whether the broker answers, and where the source ends: asked once a second, on a connection of its own.

The consumer that reads the events cannot tell: when its fetch is stuck it sees no end, and when the broker is away it
sees nothing at all. The two need different answers: the one a restart, the other patience while the lease lasts.
"""

import asyncio
import time
from collections.abc import Callable, Collection
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.kafka.connection import Connection

_EVERY_SECONDS = 1.0
_ANSWER_SECONDS = 5.0


class BrokerProbe:
    """Asks for the ends of the own partitions.

    Parameters
    ----------
    connection, topic : which source.
    partitions : those that are asked about; without any the first one is, to hear something.
    clock : seconds, monotonic.

    Attributes
    ----------
    ends : partition to the offset behind its last record that is committed, as of the last answer.
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
        self.ends: dict[int, int] = {}

    @property
    def silent_seconds(self) -> float:
        """How long the broker has not answered; a little more than a second is usual."""
        return self._clock() - self._answered

    async def run(self) -> None:
        """Ask for ever; the broker may come and go."""
        while True:
            consumer = AIOKafkaConsumer(
                **self._connection.client_options(), group_id=None, isolation_level="read_committed"
            )
            try:
                with suppress(KafkaError):
                    await consumer.start()
                    await self._ask(consumer)
            finally:
                await consumer.stop()
            await asyncio.sleep(_EVERY_SECONDS)

    async def _ask(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            asked = [TopicPartition(self._topic, partition) for partition in self._partitions() or (0,)]
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(_ANSWER_SECONDS):
                    ends = await consumer.end_offsets(asked)
                self.ends = {at.partition: end for at, end in ends.items()}
                self._answered = self._clock()
            await asyncio.sleep(_EVERY_SECONDS)
