"""Three brokers, of which leaders die."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient

from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load
from tests.support.three_brokers import ThreeBrokers, three_brokers
from tests.system.records import Book
from tests.system.rest import at_rest
from tests.system.scenario import Scenario, let_run
from tests.system.watch import Watch

pytestmark = [pytest.mark.kafka, pytest.mark.full]
_DEATHS = 4


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[ThreeBrokers]:
    """Three brokers of this test's own."""
    with three_brokers(tmp_path / "brokers") as made:
        yield made


@pytest_asyncio.fixture
async def on_three(brokers: ThreeBrokers, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster whose topics have three copies."""
    made = Cluster(brokers.address, "system", tmp_path, replication=3)
    await made.create_topics()
    try:
        yield made
    finally:
        made.end()


async def test_a_leader_that_dies(on_three: Cluster, brokers: ThreeBrokers, book: Book, seed: int) -> None:
    """F9: kill -9 of who leads a partition of the changelog, again and again; nothing acknowledged is lost."""
    scenario = Scenario(on_three, book, "F9", "kill -9 of a changelog partition's leader, of three brokers", seed)
    await scenario.begin(2)
    async with Watch(on_three, seed) as watch, Load(on_three, seed) as load, scenario.supervised():
        for number in range(_DEATHS):
            await let_run(scenario.chance.uniform(1.0, 3.0))
            leader = brokers.nodes[await _leader(on_three, on_three.names.users_changelog, number % 4)]
            since = scenario.fault()
            await asyncio.to_thread(leader.kill)
            await scenario.served_again(since, 180)
            await let_run(scenario.chance.uniform(1.0, 5.0))
            leader.start()
            await asyncio.to_thread(brokers.wait_for_all)
            await at_rest(on_three, 180)
        scenario.record.notes["given_up_by_the_producer"] = load.given_up
    since = time.monotonic()
    await scenario.served_again(since, 180)
    await scenario.conclude(load, watch)


async def _leader(cluster: Cluster, topic: str, partition: int) -> int:
    """Return the node that leads a partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return next(int(one["leader"]) for one in described["partitions"] if one["partition"] == partition)
