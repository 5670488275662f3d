"""When the next chunk is cut, and what goes into it.

Every chunk has its price: a position for each of its partitions, a produced batch, a write. Under load chunks fill up
by themselves, for more arrives while the last one is solved. When little happens they would be tiny, so chunks keep a
distance in time; the first event after a pause does not wait.
"""

import asyncio
import math
import time

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import ChunkChannel


class Pace:
    """When the next chunk is due.

    Parameters
    ----------
    channel : whose agent takes the chunks.
    linger_seconds : from one chunk to the next, unless a whole one is waiting.
    """

    def __init__(self, channel: ChunkChannel, linger_seconds: float) -> None:
        self._channel = channel
        self._linger_seconds = linger_seconds
        self._cut = -math.inf

    async def due(self, *, full: bool) -> None:
        """Wait until a chunk shall be cut: now when it would be `full`, else when the agent is idle, and rested."""
        if not full:
            await self._channel.idle()
            await asyncio.sleep(max(0.0, self._cut + self._linger_seconds - time.monotonic()))

    def cut(self) -> None:
        """Note that a chunk was cut."""
        self._cut = time.monotonic()


async def fetch(
    consumer: AIOKafkaConsumer, sizes: ChunkSizes, timeout_ms: int
) -> dict[TopicPartition, list[ConsumerRecord]]:
    """Return the records of one chunk, none when nothing arrives within `timeout_ms`.

    Each partition is asked once, for no more than one batch of rows holds, until the chunk is full.
    """
    per_partition = sizes.per_partition
    found = await consumer.getmany(timeout_ms=timeout_ms, max_records=per_partition)
    fetched: dict[TopicPartition, list[ConsumerRecord]] = dict(found)
    room = sizes.max_records
    while found and (room := room - sum(map(len, found.values()))) and (rest := consumer.assignment() - fetched.keys()):
        found = await consumer.getmany(*rest, timeout_ms=0, max_records=min(room, per_partition))
        fetched |= found
    return fetched
