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
    "min.cleanable.dirty.ratio": "0.01",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "100",
}


async def compact_soon(cluster: Cluster, topic: str, **more: str) -> None:
    """Let the broker compact a topic once its segment is a moment old; `more` are settings, with _ for a point."""
    configs = _SOON | {name.replace("_", "."): value for name, value in more.items()}
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=configs)])
    finally:
        await admin.close()


async def compacted(cluster: Cluster, topic: str, seconds: float = 240.0) -> None:
    """Wait until a topic of one partition has lost the record that is its first one now.

    It must have a newer one of its key, in a later segment: the last segment is never compacted.
    """
    first = (await read_topic(cluster.bootstrap, topic))[0].offset

    async def is_gone() -> bool:
        return bool((await read_topic(cluster.bootstrap, topic))[0].offset > first)

    await wait_for(f"compaction of {topic}", is_gone, seconds)
