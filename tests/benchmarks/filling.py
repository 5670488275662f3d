"""Filling topics quickly: whole batches to each partition, all acknowledged."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice

from agents.kafka.connection import Connection
from agents.kafka.partitions import partition_of
from agents.kafka.producer import AcknowledgedProducer
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from tests.benchmarks.waiting import deadline
from tests.benchmarks.workload import Record
from tests.support.leases import held_lease

_AT_ONCE = 20_000
_NEVER = 1e12
_ACKNOWLEDGED_SECONDS = 120.0


@asynccontextmanager
async def batch_producer(connection: Connection) -> AsyncIterator[AcknowledgedProducer]:
    """Yield a producer of whole batches."""
    producer = AcknowledgedProducer(connection, ProcessGuard(_NEVER, Supervisor()), held_lease())
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def fill(producer: AcknowledgedProducer, topic: str, partitions: int, records: Iterable[Record]) -> int:
    """Send records, no key twice among those sent at once, to where murmur2 puts them; return how many."""
    count, rest = 0, iter(records)
    while part := list(islice(rest, _AT_ONCE)):
        by_partition: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        for key, value in part:
            by_partition[partition_of(key, partitions)][key] = value
        what = f"{len(part)} records of {topic} to be acknowledged"
        async with deadline(_ACKNOWLEDGED_SECONDS, what, partial("{} before them are".format, count)):
            for partition, rows in by_partition.items():
                key, last = rows.popitem()
                await producer.append(topic, partition, rows, dict.fromkeys(rows, 0), (key, last or b""))
        count += len(part)
    return count
