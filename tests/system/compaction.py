"""Having the broker compact a topic now, not hours later."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from tests.support.cluster.cluster import Cluster
from tests.support.cluster.oracle import read_topic
from tests.support.waiting import wait_for

_SOON = {
    "cleanup.policy": "compact",  # what is not said here goes back to the broker's default
    "max.message.bytes": str(2 << 20),
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.0",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "200",
}


async def compact_soon(cluster: Cluster, topic: str) -> None:
    """Let the broker compact a topic as soon as its segment is a moment old."""
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=_SOON)])
    finally:
        await admin.close()


async def compacted(cluster: Cluster, topic: str, seconds: float = 90.0) -> None:
    """Wait until no key lies twice below the last record of each partition; the last segment is never compacted."""

    async def is_compact() -> bool:
        records = await read_topic(cluster.bootstrap, topic)
        last = {record.partition: record.offset for record in records}
        keys = [(record.partition, record.key) for record in records if record.offset < last[record.partition]]
        return len(keys) == len(set(keys))

    await wait_for(f"compaction of {topic}", is_compact, seconds)
