"""What the jobs need of Kafka: a producer that counts only what is acknowledged, and reading a topic to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from agents.kafka.connection import Connection
from app.errors import JobFailed

_POLL_MS = 500
_SILENCE_SECONDS = 60.0


@asynccontextmanager
async def producer_of(connection: Connection) -> AsyncIterator[AIOKafkaProducer]:
    """Yield a producer whose records count when all replicas in sync have them, each once and in order of its key."""
    producer = AIOKafkaProducer(**connection.client_options(), enable_idempotence=True, linger_ms=2)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def read_topic(connection: Connection, topic: str) -> AsyncIterator[ConsumerRecord]:
    """Yield what is in a topic at the moment of the call, without a group; in order within each partition.

    Raises
    ------
    JobFailed
        If there is no such topic, or the broker sends nothing for a minute.
    """
    consumer = AIOKafkaConsumer(
        topic,
        **connection.client_options(),
        group_id=None,  # every partition is assigned here, and nothing is committed
        auto_offset_reset="earliest",
    )
    try:
        await consumer.start()
        partitions = sorted(consumer.assignment())
        if not partitions:
            raise JobFailed(f"topic {topic} does not exist; `nearline topics create` makes it")
        ends = await consumer.end_offsets(partitions)
        while remaining := [at for at in partitions if await consumer.position(at) < ends[at]]:
            async with asyncio.timeout(_SILENCE_SECONDS):
                fetched = await consumer.getmany(*remaining, timeout_ms=_POLL_MS)
            for at, records in fetched.items():
                for record in records:
                    if record.offset < ends[at]:
                        yield record
    finally:
        await consumer.stop()
