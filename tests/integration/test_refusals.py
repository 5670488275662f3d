"""What a worker refuses to go on with, status 78: starting again would not help, and it says what would."""

import asyncio
from itertools import islice

from agents.kafka.topics import create_topics, topic_specs
from tests.integration.topic_deletion import delete_topic
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.verdict import applied
from tests.support.cluster.worker_process import WorkerProcess

EXIT_CONFIG = 78


async def _refused(worker: WorkerProcess) -> str:
    worker.start()
    assert await asyncio.to_thread(worker.wait, 60) == EXIT_CONFIG, worker.log_tail()
    return worker.log_tail()


async def test_another_number_of_partitions_is_refused_with_both(cluster: Cluster) -> None:
    said = await _refused(cluster.worker("0", NEARLINE_TOPICS__PARTITIONS="5"))
    assert f"topic {cluster.names.member_events} has {PARTITIONS} partitions, 5 are configured" in said


async def test_a_model_store_that_nothing_here_opens_is_refused(cluster: Cluster) -> None:
    said = await _refused(cluster.worker("0", NEARLINE_STORE="carrier-pigeon://loft"))
    assert "the model store carrier-pigeon://loft cannot be opened here" in said


async def test_the_folder_of_another_application_and_a_lost_changelog_are_refused(cluster: Cluster) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send(islice(happenings(41), 200))
    await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()

    other = Cluster(cluster.bootstrap, f"{cluster.names.app_id}-other", cluster.folder)
    await other.create_topics()
    stranger = other.worker("1")
    stranger.data = worker.data
    said = await _refused(stranger)
    assert f"holds the state of application {cluster.names.app_id} with {PARTITIONS} partitions" in said

    await delete_topic(cluster, cluster.names.users_changelog)
    await create_topics(cluster.connection, topic_specs(cluster.names, PARTITIONS), 1)
    said = await _refused(worker)
    assert "it was deleted and made again, or lost its tail" in said
    assert "`nearline state restore`" in said
