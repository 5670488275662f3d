"""The topic that is read: which one, by what consumer, and when that one's partitions may be exchanged."""

import asyncio
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from agents.kafka.connection import Connection


@dataclass(frozen=True, slots=True)
class Source:
    """What to read: a topic, and the group whose commits tell lag tools where this worker is."""

    connection: Connection
    topic: str
    group: str


def between_lookups(consumer: AIOKafkaConsumer) -> asyncio.Lock:
    """Return a lock within which a consumer's partitions may be exchanged.

    aiokafka holds it while it asks who coordinates the group; if the partitions were exchanged before the answer comes,
    it would fail, for good, on not finding those that it had when it asked.
    """
    lock: asyncio.Lock = consumer._coordinator._coordinator_lookup_lock  # noqa: SLF001
    return lock


async def source_consumer(source: Source, fetch_wait_ms: int) -> AIOKafkaConsumer:
    """Return a started consumer without partitions; the group only names where its positions are committed."""
    consumer = AIOKafkaConsumer(
        **source.connection.client_options(),
        group_id=source.group,
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",  # what a producer took back is no event
        fetch_max_wait_ms=fetch_wait_ms,
        max_partition_fetch_bytes=1 << 20,
    )
    await consumer.start()
    return consumer
