"""A changelog that loses its beginning, as it does under a policy with retention."""

from contextlib import suppress

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import PolicyViolationError

from tests.support.cluster.cluster import Cluster
from tests.support.waiting import wait_for


async def lose_beginning(cluster: Cluster, partition: int, first: int) -> None:
    """Let a partition of the changelog begin at an offset; its policy is `compact` again afterwards."""
    topic = cluster.names.users_changelog
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)

    async def policy(value: str) -> None:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"cleanup.policy": value})])

    async def deleted() -> bool:
        with suppress(PolicyViolationError):  # the broker has not heard of the policy yet
            await admin.delete_records({TopicPartition(topic, partition): RecordsToDelete(before_offset=first)})
            return True
        return False

    await admin.start()
    try:
        await policy("compact,delete")
        await wait_for("deletion of records", deleted)
        await policy("compact")
    finally:
        await admin.close()
