"""Taking a topic away."""

from aiokafka.admin import AIOKafkaAdminClient

from tests.support.cluster.cluster import Cluster
from tests.support.waiting import wait_for


async def delete_topic(cluster: Cluster, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([topic])

        async def is_gone() -> bool:
            return topic not in await admin.list_topics()

        await wait_for(f"end of topic {topic}", is_gone)
    finally:
        await admin.close()
