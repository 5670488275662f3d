"""Looking into the changelog of partitions that run: what lies at some offsets, and where it ends."""

import asyncio
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaTimeoutError

from agents.changelog.errors import KEEP_FOLDERS, ChangelogLost, begins_behind
from agents.kafka.connection import Connection
from agents.kafka.leaders import by_leader, ends_of, learn_leaders, look_for_leaders

_ANSWER_SECONDS = 10.0
_RECORDS_AT_ONCE = 500
"""They are written again in one turn, so that events wait for as long as a large chunk takes."""


class ChangelogLookup:
    """A consumer for single looks.

    Parameters
    ----------
    connection, topic : which changelog.
    """

    def __init__(self, connection: Connection, topic: str) -> None:
        self._topic = topic
        self._connection = connection
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect."""
        consumer = AIOKafkaConsumer(
            **self._connection.client_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=1 << 20,
        )
        await consumer.start()
        await learn_leaders(consumer, self._topic)
        self._consumer = consumer

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def ends(self, partitions: Iterable[int]) -> dict[int, int]:
        """Return the offsets behind the last records of partitions, without those for which nobody answers."""
        consumer = self._running()
        led = by_leader(consumer, [TopicPartition(self._topic, partition) for partition in partitions])
        if led.pop(None, None):
            await look_for_leaders(consumer)  # for the next call
        found = await asyncio.gather(*(ends_of(consumer, of_one) for of_one in led.values()))
        return {at.partition: end for answer in found for at, end in answer.items()}

    async def read(self, partition: int, place: range) -> tuple[Sequence[ConsumerRecord], range]:
        """Return some first records of a place and the offsets that these are, up to its end where there is no more.

        Compaction may have taken any of them.

        Raises
        ------
        KafkaError
            When the broker does not answer within 10 s, or with an error.
        ChangelogLost
            When the changelog begins behind the place: what lay there is gone, and nobody has seen it.
        """
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._read(partition, place)
        except TimeoutError:
            raise KafkaTimeoutError(f"nothing of {self._topic} partition {partition} came") from None

    async def _read(self, partition: int, place: range) -> tuple[Sequence[ConsumerRecord], range]:
        consumer, at = self._running(), TopicPartition(self._topic, partition)
        first = (await consumer.beginning_offsets([at]))[at]
        if first > place.start:
            raise ChangelogLost(
                f"{begins_behind(self._topic, partition, first)}, and what others wrote from offset {place.start} "
                f"on was not read yet. Before anything else, {KEEP_FOLDERS}"
            )
        consumer.assign([at])
        consumer.seek(at, place.start)
        while True:
            fetched = (await consumer.getmany(at, timeout_ms=200, max_records=_RECORDS_AT_ONCE)).get(at, [])
            reached = min(await consumer.position(at), place.stop)
            if reached > place.start:
                return [record for record in fetched if record.offset < reached], range(place.start, reached)

    def _running(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("not connected to the changelog")
        return self._consumer
