"""A look at the last records of the member events: whether their producers put users where murmur2 does."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents.kafka.connection import Connection
from agents.kafka.partitions import partitions_of
from app.errors import JobFailed

RECORDS_OF_A_PARTITION = 100
"""So many of the last records of each partition are looked at."""
_POLL_MS = 500
_SECONDS = 60.0


@dataclass(slots=True)
class PartitionerSample:
    """What the look came to.

    Parameters
    ----------
    events : records with a key and a value that were looked at; an erasure goes to every partition.
    misplaced : by partition, those of them whose key murmur2 puts elsewhere.
    """

    events: int = 0
    misplaced: Counter[int] = field(default_factory=Counter)

    def take(self, partition: int, records: Iterable[ConsumerRecord], partitions: int) -> None:
        """Take records of a partition, of N."""
        keys = [record.key for record in records if record.key is not None and record.value is not None]
        self.events += len(keys)
        if strangers := int((partitions_of(keys, partitions) != partition).sum()):
            self.misplaced[partition] += strangers


async def sample_partitioner(
    connection: Connection, topic: str, partitions: int, records: int = RECORDS_OF_A_PARTITION
) -> PartitionerSample:
    """Look at the last `records` of each of the N partitions.

    Raises
    ------
    JobFailed
        When they cannot be read within a minute.
    """
    consumer = AIOKafkaConsumer(**connection.client_options(), group_id=None, auto_offset_reset="earliest")
    sample = PartitionerSample()
    try:
        await consumer.start()
        async with asyncio.timeout(_SECONDS):
            await _read(consumer, [TopicPartition(topic, number) for number in range(partitions)], records, sample)
    except TimeoutError:
        raise JobFailed(f"the last records of {topic} could not be read within {_SECONDS:.0f} s") from None
    finally:
        await consumer.stop()
    return sample


async def _read(
    consumer: AIOKafkaConsumer, wanted: list[TopicPartition], records: int, sample: PartitionerSample
) -> None:
    consumer.assign(wanted)
    first, ends = await consumer.beginning_offsets(wanted), await consumer.end_offsets(wanted)
    for at in wanted:
        consumer.seek(at, max(first[at], ends[at] - records))
    while remaining := [at for at in wanted if await consumer.position(at) < ends[at]]:
        for at, fetched in (await consumer.getmany(*remaining, timeout_ms=_POLL_MS)).items():
            sample.take(at.partition, [one for one in fetched if one.offset < ends[at]], len(wanted))
