"""The consumer of the source topic, on a real broker: its partitions may be exchanged at any time."""

import asyncio

from aiokafka import TopicPartition

from agents.events.source import Source, between_lookups, source_consumer
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import rating


async def test_partitions_may_be_exchanged_while_the_coordinator_is_being_looked_for(cluster: Cluster) -> None:
    await cluster.send([rating(f"e{number}", f"u{number}", "v1") for number in range(40)])
    topic = cluster.names.member_events
    for turns in range(12):  # so far the lookup has come when the partitions are exchanged
        consumer = await source_consumer(Source(cluster.connection, topic, f"reader-{turns}"), 100)
        try:
            for last in range(1, PARTITIONS + 1):
                partitions = [TopicPartition(topic, number) for number in range(last)]
                async with between_lookups(consumer):
                    consumer.assign(partitions)
                    for partition in partitions:
                        consumer.seek(partition, 0)
                for _ in range(turns):
                    await asyncio.sleep(0)
            found = 0
            async with asyncio.timeout(20):
                while found < 40:
                    found += sum(map(len, (await consumer.getmany(timeout_ms=200)).values()))
            await consumer.commit({TopicPartition(topic, 0): 1})
            assert not consumer._coordinator._coordination_task.done()
        finally:
            await consumer.stop()
