"""What a worker refuses to start on, and what it notices about its source."""

import asyncio

from agents.kafka.topics import create_topics, topic_specs
from tests.integration.topic_deletion import delete_topic
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import rating
from tests.support.cluster.verdict import applied

EXIT_CONFIG, EXIT_RETRY = 78, 75


async def test_a_data_folder_in_use_is_refused_and_its_owner_is_not_disturbed(cluster: Cluster) -> None:
    await cluster.publish()
    first, second = cluster.worker("0"), cluster.worker("1")
    first.start()
    await first.ready()
    second.data = first.data
    second.start()
    assert await asyncio.to_thread(second.wait, 30) == EXIT_RETRY
    assert "another worker runs on the data folder" in second.log_tail()
    assert (await first.get("/health/ready"))[0] == 200


async def test_a_missing_topic_is_named(cluster: Cluster) -> None:
    await delete_topic(cluster, cluster.names.catalogue)
    worker = cluster.worker("0")
    worker.start()
    assert await asyncio.to_thread(worker.wait, 30) == EXIT_CONFIG
    assert f"topic {cluster.names.catalogue} does not exist; `nearline topics create` makes it" in worker.log_tail()


async def test_a_source_topic_that_was_made_again_is_noticed_not_skipped(cluster: Cluster) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send([rating(f"e{number}", f"u{number}", "v1") for number in range(20)])
    await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0
    await delete_topic(cluster, cluster.names.member_events)
    await create_topics(cluster.connection, topic_specs(cluster.names, PARTITIONS), 1)
    await cluster.send([rating(f"f{number}", f"u{number % 20}", "v2") for number in range(100)])  # longer than before
    worker.start()
    assert await asyncio.to_thread(worker.wait, 60) == EXIT_CONFIG
    assert "the topic was deleted and made again" in worker.log_tail()
