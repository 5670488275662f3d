"""The broker restarts, dies, is slow, hands over what a dead worker had sent, and loses what nobody has read."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from agents.kafka.topics import create_topics, topic_specs
from agents.liveness.exit_status import EXIT_CONFIG
from deploy.kafka import Broker
from deploy.kafka.ports import free_ports
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.kafka_proxy import HEARTBEAT, PRODUCE, Direction, KafkaProxy
from tests.support.cluster.load import Load, Mix
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for
from tests.system.invariants import Facts, judge, owners_of
from tests.system.positions import applied_everywhere
from tests.system.records import Book
from tests.system.rest import at_rest
from tests.system.scenario import Scenario, let_run, owner_urls
from tests.system.watch import Watch, read_metrics

_OUTAGE_SECONDS = 5.0
_LONG_OUTAGE_SECONDS = 70.0
_CUTS: tuple[Callable[[KafkaProxy], None], ...] = (
    lambda proxy: proxy.hold(HEARTBEAT),
    lambda proxy: proxy.swallow(Direction.TO_BROKER),
    lambda proxy: proxy.swallow(Direction.TO_CLIENT),
    lambda proxy: proxy.swallow(*Direction),
    lambda proxy: proxy.refuse(),
)
_SLOW_SECONDS = (0.3, 1.0)


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[tuple[Broker, int]]:
    """A broker of one test, in the place of the module's."""
    (port,) = free_ports(1)
    with Broker(data_dir=tmp_path / "broker", proxies=(port,)) as broker:
        yield broker, port


@pytest_asyncio.fixture
async def behind(proxied: tuple[Broker, int], tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster on that broker; its workers reach it directly unless they are told the proxy's address."""
    async for made in _cluster_of(proxied[0], tmp_path):
        yield made


@pytest_asyncio.fixture
async def on_own_broker(own_broker: Broker, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster on a broker that the test may stop and kill."""
    async for made in _cluster_of(own_broker, tmp_path):
        yield made


async def _cluster_of(broker: Broker, folder: Path) -> AsyncIterator[Cluster]:
    made = Cluster(broker.address, "system", folder)
    await made.create_topics()
    try:
        yield made
    finally:
        made.end()


@pytest.mark.full
async def test_a_broker_that_restarts(on_own_broker: Cluster, own_broker: Broker, book: Book, seed: int) -> None:
    """F7: in good order and by kill -9, five times, under load."""
    scenario = Scenario(on_own_broker, book, "F7", "broker stopped or killed -9, and started again", seed)
    await scenario.begin(2)
    async with Watch(on_own_broker, seed) as watch, Load(on_own_broker, seed) as load, scenario.supervised():
        for hard in (False, True, True, False, True):
            await let_run(scenario.chance.uniform(0.5, 2.0))
            since = scenario.fault()
            await asyncio.to_thread(own_broker.kill if hard else own_broker.stop)
            await let_run(scenario.chance.uniform(0.0, _OUTAGE_SECONDS))
            await asyncio.to_thread(own_broker.start)
            await scenario.served_again(since, 180)
            await at_rest(on_own_broker, 180)  # serving means more than answering
    await scenario.conclude(load, watch)


@pytest.mark.full
async def test_a_worker_that_is_cut_off(behind: Cluster, proxy: KafkaProxy, book: Book, seed: int) -> None:
    """F11: from its coordinator alone, in one direction, in both, altogether; it ends, and is whole when healed."""
    scenario = Scenario(behind, book, "F11", "a worker cut off: heartbeats held, either direction, both, all", seed)
    (cut,) = await scenario.begin(1, NEARLINE_KAFKA__BOOTSTRAP=proxy.address)
    other = behind.worker("1")
    other.start()
    await other.ready(120)
    async with Watch(behind, seed) as watch, Load(behind, seed) as load, scenario.supervised():
        for fault in _CUTS:
            await let_run(scenario.chance.uniform(1.0, 3.0))
            before = cut.pid
            since = scenario.fault()
            fault(proxy)

            async def has_ended(before: int = before) -> bool:
                return cut.pid != before

            await wait_for("end of the worker that is cut off", has_ended, 60)
            await scenario.served_again(since)
            proxy.release()
            proxy.heal()
            proxy.accept()

            async def is_ready() -> bool:
                return cut.alive and (await cut.get("/health/ready"))[0] == 200

            await wait_for(f"return of the worker\n{cut.log_tail()}", is_ready, 120)
    await scenario.conclude(load, watch)


@pytest.mark.full
async def test_a_broker_that_is_away_for_longer_than_any_session(
    on_own_broker: Cluster, own_broker: Broker, book: Book, seed: int
) -> None:
    """F8: it is frozen for 70 s under load, so that connections stay open and nothing is answered."""
    scenario = Scenario(on_own_broker, book, "F8", f"broker frozen for {_LONG_OUTAGE_SECONDS:.0f} s", seed)
    await scenario.begin(2)
    async with Watch(on_own_broker, seed) as watch, Load(on_own_broker, seed) as load, scenario.supervised():
        await let_run(3.0)
        assert own_broker.pid is not None
        since = scenario.fault()
        os.kill(own_broker.pid, signal.SIGSTOP)
        await let_run(_LONG_OUTAGE_SECONDS)
        os.kill(own_broker.pid, signal.SIGCONT)
        await scenario.served_again(since, 180)
        await at_rest(on_own_broker, 180)
    await scenario.conclude(load, watch)


@pytest.mark.full
async def test_a_broker_that_is_away_during_a_rebalance(
    on_own_broker: Cluster, own_broker: Broker, book: Book, seed: int
) -> None:
    """The group is just being shared out among three when its coordinator dies."""
    scenario = Scenario(on_own_broker, book, "F7, F14", "broker killed -9 during a rebalance", seed)
    chance = scenario.chance
    await scenario.begin(2)
    third = on_own_broker.worker("2")
    async with Watch(on_own_broker, seed) as watch, Load(on_own_broker, seed) as load, scenario.supervised():
        for _ in range(3):
            joins = _joins(third) if third.log.exists() else 0
            third.start()

            async def joining(joins: int = joins) -> bool:
                return _joins(third) > joins

            await wait_for("joining of the third worker", joining, 60)
            await let_run(chance.uniform(0.0, 0.3))
            since = scenario.fault()
            await asyncio.to_thread(own_broker.kill)
            await let_run(chance.uniform(0.0, _OUTAGE_SECONDS))
            await asyncio.to_thread(own_broker.start)
            await scenario.served_again(since, 180)

            async def is_ready() -> bool:  # by itself, or started again: its session may have ended without a broker
                return (await third.get("/health/ready"))[0] == 200

            await wait_for("readiness of the third worker", is_ready, 180)
            third.kill()
        since = time.monotonic()
        await scenario.served_again(since, 180)
    await scenario.conclude(load, watch)


def _joins(worker: WorkerProcess) -> int:
    """Return how often a worker has begun to join its group, over all its starts."""
    return worker.log_tail(1_000_000).count("(Re-)joining group")


@pytest.mark.full
async def test_a_slow_broker_and_kills(behind: Cluster, proxy: KafkaProxy, book: Book, seed: int) -> None:
    """F10: each produce takes up to a second, rows have their real size, and the worker is killed again and again.

    Every third time it lives until something of each partition is applied: a worker that never lives so long gets
    nowhere, however it is made.
    """
    scenario = Scenario(behind, book, "F10", "each produce 0.3 to 1 s late, and kill -9", seed)
    chance = scenario.chance
    (worker,) = await scenario.begin(1, NEARLINE_KAFKA__BOOTSTRAP=proxy.address)
    watching = Watch(behind, seed, commits=True, stuck_seconds=120.0)  # three starts, and then the wait for something
    async with watching as watch, Load(behind, seed, Mix(per_second=200)) as load:
        await let_run(10.0)  # rows grow
        for number in range(10):
            proxy.delay(chance.uniform(*_SLOW_SECONDS), PRODUCE)
            await let_run(chance.uniform(0.5, 3.0))
            if number % 3 == 2:
                await applied_everywhere(behind)
            since = scenario.fault()
            worker.kill()
            if number % 2:
                worker.lose_data()
            worker.start()
            await scenario.served_again(since)
        proxy.delay(0.0, PRODUCE)
    await scenario.conclude(load, watch, late_batches=True)


@pytest.mark.full
async def test_a_batch_that_comes_after_its_worker_died(
    behind: Cluster, proxy: KafkaProxy, book: Book, seed: int
) -> None:
    """What a dead worker had sent comes behind what its successor wrote: it is refused, and a rebuild is exact."""
    scenario = Scenario(behind, book, "late batch", "a dead worker's batch comes after its successor's", seed)
    (dies,) = await scenario.begin(1, NEARLINE_KAFKA__BOOTSTRAP=proxy.address)
    follows = behind.worker("1")
    async with Load(behind, seed) as load:
        for _ in range(3):
            await let_run(scenario.chance.uniform(0.5, 2.0))
            proxy.hold(PRODUCE)

            async def held() -> bool:
                return proxy.waiting > 0

            await wait_for("produced batch at the proxy", held)
            since = scenario.fault()
            dies.kill()
            follows.start()
            await scenario.served_again(since)
            await let_run(1.0)
            before = proxy.passed[PRODUCE]
            proxy.release()

            async def came(before: int = before) -> bool:
                return proxy.passed[PRODUCE] > before and not proxy.waiting

            await wait_for("coming of the batch", came)
            await let_run(scenario.chance.uniform(0.0, 3.0))
            follows.kill()
            follows.lose_data()
            dies.lose_data()
            dies.start()
            await scenario.served_again(time.monotonic())
    await scenario.conclude(load)  # what is told of a late batch otherwise is a fault here


async def test_retention_takes_events_that_nobody_has_read(cluster: Cluster, book: Book, seed: int) -> None:
    """A hole in the source is counted and told, and everything around it is applied."""
    scenario = Scenario(cluster, book, "retention", "retention removes events before they are read", seed)
    (worker,) = await scenario.begin(1)
    topic = cluster.names.member_events
    events = happenings(seed)
    await cluster.send(islice(events, 400))
    await at_rest(cluster)
    assert await asyncio.to_thread(worker.stop, 60) == 0
    before = await read_topic(cluster.bootstrap, topic)
    ends = {partition: max(r.offset for r in before if r.partition == partition) + 1 for partition in range(PARTITIONS)}
    await cluster.send(islice(events, 400))
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    hole = {partition: end + 10 * partition for partition, end in ends.items()}
    try:
        await admin.delete_records(
            {TopicPartition(topic, number): RecordsToDelete(offset) for number, offset in hole.items()}
        )
    finally:
        await admin.close()
    after = await read_topic(cluster.bootstrap, topic)
    worker.start()
    await worker.ready(120)
    await at_rest(cluster)
    _, text = await worker.get("/metrics")
    assert read_metrics(text)["nearline_retention_gap_records_total"] == sum(hole.values()) - sum(ends.values())
    assert "retention removed 30 records before they were read" in worker.log.read_text()
    owners = owners_of(await owner_urls(cluster), cluster)
    assert await scenario.stop_all() == []
    scenario.enter(await judge(cluster, Facts(scenario.models, folders=owners, source=[*before, *after])))


@pytest.mark.full
async def test_a_changelog_that_was_made_again_is_refused_and_built_anew(
    cluster: Cluster, book: Book, seed: int
) -> None:
    """F20: the folder is ahead of the changelog; without the folder everything is read again from the source."""
    scenario = Scenario(cluster, book, "F20", "changelog deleted and made again", seed)
    (worker,) = await scenario.begin(1)
    await cluster.send(islice(happenings(seed), 1_000))
    await at_rest(cluster)
    assert await asyncio.to_thread(worker.stop, 60) == 0
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.delete_topics([cluster.names.users_changelog])

        async def is_gone() -> bool:
            return cluster.names.users_changelog not in await admin.list_topics()

        await wait_for("end of the changelog", is_gone)
    finally:
        await admin.close()
    await create_topics(cluster.connection, topic_specs(cluster.names, PARTITIONS), 1)
    worker.start()
    assert await asyncio.to_thread(worker.wait, 120) == EXIT_CONFIG, worker.log_tail()
    assert "it was deleted and made again, or lost its tail" in worker.log_tail()
    worker.lose_data()
    since = scenario.fault()
    worker.start()
    await scenario.served_again(since)
    await scenario.conclude()
