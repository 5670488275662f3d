"""Reading a whole compacted topic, without a group: every worker sees every record, from the beginning on."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents.kafka.connection import Connection
from agents.kafka.leaders import LeaderQuestions

_log = logging.getLogger(__name__)
_AGAIN_SECONDS = 0.2
_STUCK_SECONDS = 60.0
"""A leader that answers others for so long, and not this reader, ends the worker."""


class BroadcastReader:
    """Hands every record of a topic, in order within its partition, to `apply`.

    Parameters
    ----------
    connection, topic : what to read.
    apply : awaited with each record; a bad record is its business, an exception out of it ends the worker.
    fetch_wait_ms : how long the broker may hold an empty fetch back.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        apply: Callable[[ConsumerRecord], Awaitable[None]],
        fetch_wait_ms: int = 100,
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._apply = apply
        self._fetch_wait_ms = fetch_wait_ms
        self.caught_up = asyncio.Event()
        """Set once everything that was in the topic at the start has been applied."""

    async def run(self) -> None:
        """Read for ever."""
        consumer = AIOKafkaConsumer(
            self._topic,
            **self._connection.client_options(),
            group_id=None,  # every partition is assigned here, and nothing is committed
            fetch_max_wait_ms=self._fetch_wait_ms,
            auto_offset_reset="earliest",
        )
        await consumer.start()
        try:
            await self._read(consumer)
        finally:
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        partitions = consumer.assignment()
        if not partitions:
            raise LookupError(f"topic {self._topic} has no partitions; `nearline topics check` tells more")
        ends = await self._ends(consumer, partitions)
        while True:
            if not self.caught_up.is_set() and await _reached(consumer, ends):
                self.caught_up.set()
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    await self._apply(record)

    async def _ends(
        self, consumer: AIOKafkaConsumer, partitions: AbstractSet[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return where the topic ends, once somebody leads it; until then no start would do better."""
        questions = LeaderQuestions(self._connection, consumer, _STUCK_SECONDS)
        ends: dict[TopicPartition, int] = {}
        told = False
        try:
            while missing := partitions - ends.keys():
                ends |= {at: extent.stop for at, extent in (await questions.ask(missing)).items()}
                if questions.leaderless and not told:
                    told = True
                    _log.error("%s: nobody leads, or answers for, the partitions %s", self._topic, questions.leaderless)
                await asyncio.sleep(_AGAIN_SECONDS if missing - ends.keys() else 0)
        finally:
            questions.close()
        return ends


async def _reached(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> bool:
    return all([await consumer.position(partition) >= end for partition, end in ends.items()])
