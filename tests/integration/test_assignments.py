"""Who has which partition: a spare stays, a group with nothing to share out finds it, standbys come and go."""

import asyncio
import shutil
import time
from itertools import islice
from pathlib import Path

import pytest

from agents.kafka.topics import create_topics, topic_specs
from agents.liveness.exit_status import EXIT_CONFIG, EXIT_RETRY
from deploy.kafka import Broker
from tests.integration.group_view import group_of, metric, settled, started
from tests.integration.topic_deletion import delete_topic
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.verdict import applied, check_changelog
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for

_SESSION_SECONDS = 6.0


class OnePartition(Cluster):
    """A cluster with work for one worker."""

    async def create_topics(self) -> None:
        """Create every topic."""
        await create_topics(self.connection, topic_specs(self.names, 1), replication=1)

    def environment(self) -> dict[str, str]:
        """Return the settings of every worker."""
        return {**super().environment(), "NEARLINE_TOPICS__PARTITIONS": "1"}


async def owner_and_spare(workers: list[WorkerProcess]) -> list[WorkerProcess]:
    """Wait until one worker has the partition; returns it first."""

    async def shared_out() -> list[WorkerProcess]:
        running = {worker.id: await metric(worker, "nearline_partitions_running") for worker in workers}
        return sorted(workers, key=lambda at: -(running[at.id] or 0)) if sum(map(bool, running.values())) == 1 else []

    return await wait_for("an owner", shared_out)


@pytest.mark.full
@pytest.mark.parametrize("interval", [8, 20])
async def test_a_spare_worker_stays_in_the_group_and_takes_over_however_long_it_had_nothing_to_do(
    kafka: str, tmp_path: Path, interval: int
) -> None:
    cluster = OnePartition(kafka, f"spare-{interval}-{tmp_path.name[-6:]}-{int(time.time())}", tmp_path)
    await cluster.create_topics()
    await cluster.publish()
    workers = [cluster.worker(str(number)) for number in range(2)]
    try:
        for worker in workers:
            worker.start(through=("tests.integration.short_poll", str(interval)))
        for worker in workers:
            await worker.ready()
        owner, spare = await owner_and_spare(workers)
        since = time.monotonic()

        async def long_idle() -> bool:
            assert spare.alive, spare.log_tail()
            assert len((await group_of(cluster)).members) == 2, "the spare has left"
            assert (await spare.get("/health/ready"))[0] == 200
            return time.monotonic() - since > 2 * interval

        await wait_for("an idle spare", long_idle, 3 * interval + 10)
        owner.kill()

        async def has_it() -> bool:
            assert spare.alive, spare.log_tail()
            return await metric(spare, "nearline_partitions_running") == 1

        await wait_for("the partition on the spare", has_it, 2 * _SESSION_SECONDS + 10)
    finally:
        cluster.end()


async def delete_all_topics(cluster: Cluster) -> None:
    """Take away every topic of a cluster, and wait until they are gone."""
    for spec in topic_specs(cluster.names, PARTITIONS):
        await delete_topic(cluster, spec.name)


@pytest.mark.full
async def test_workers_whose_topics_vanish_say_so_and_serve_again_when_there_are_topics(cluster: Cluster) -> None:
    """Their state is empty, so nothing of it contradicts the new topics."""
    await cluster.publish()
    workers = await started(cluster, 2)
    lines = [worker.log.read_text(errors="replace").count("\n") for worker in workers]
    await delete_all_topics(cluster)

    async def says_why() -> bool:
        for worker in workers:
            assert worker.alive, worker.log_tail()
        said = [await worker.get("/health/ready") for worker in workers]
        return all(
            status == 503
            and "no worker has 4 of 4 partitions: 0, 1, 2, 3" in answer["detail"]
            and "`nearline topics create` makes it" in answer["detail"]
            for status, answer in said
        )

    await wait_for("a reason on every worker", says_why, 90)
    for worker, before in zip(workers, lines, strict=True):
        assert await metric(worker, "nearline_partitions_unserved") == PARTITIONS
        assert (await worker.get("/v1/routing/partitions"))[1]["unserved"] == list(range(PARTITIONS))
        assert worker.log.read_text(errors="replace").count("\n") - before < 400

    await cluster.create_topics()
    model = await cluster.publish(seed=2)
    for worker in workers:
        await worker.ready(4 * _SESSION_SECONDS + 20)
    await settled(cluster, workers)
    await cluster.send(islice(happenings(51), 400))
    await check_changelog(cluster, model, await applied(cluster))
    for worker in workers:
        assert await metric(worker, "nearline_partitions_unserved") == 0


async def test_a_worker_with_state_refuses_topics_that_were_made_anew(cluster: Cluster) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send(islice(happenings(52), 200))
    await applied(cluster)
    await delete_all_topics(cluster)
    await cluster.create_topics()

    async def refused() -> bool:
        start_again([worker])
        return worker.status == EXIT_CONFIG

    await wait_for("a refusal", refused, 120)
    worker.start()
    assert await asyncio.to_thread(worker.wait, 60) == EXIT_CONFIG, "its folder still holds what may be the only copy"


def start_again(workers: list[WorkerProcess], *also: int) -> None:
    """Start workers that ended in a way that a supervisor starts again."""
    for worker in workers:
        if worker.status in {1, EXIT_RETRY, *also}:  # 1 is what a start without a broker ends with
            worker.start()


async def test_a_broker_that_comes_back_without_its_topics_gets_its_workers_back(
    own_broker: Broker, tmp_path: Path
) -> None:
    """A worker that left, as the broker was away for long, refuses to start until there are topics."""
    cluster = Cluster(own_broker.address, "vanished", tmp_path)
    await cluster.create_topics()
    await cluster.publish()
    try:
        workers = await started(cluster, 2)
        await asyncio.to_thread(own_broker.kill)
        shutil.rmtree(tmp_path / "broker")
        await asyncio.to_thread(own_broker.start)

        async def not_ready() -> bool:
            start_again(workers)
            said = [(await worker.get("/health/ready"))[1] for worker in workers if worker.alive]
            return all(
                "no worker has 4 of 4 partitions" in (answer or {}).get("detail", "") for answer in said
            ) and all(worker.alive or worker.status == EXIT_CONFIG for worker in workers)

        await wait_for("no traffic for workers without partitions", not_ready, 90)
        await cluster.create_topics()
        model = await cluster.publish(seed=2)

        async def ready() -> bool:
            start_again(workers, EXIT_CONFIG)
            return all([worker.alive and (await worker.get("/health/ready"))[0] == 200 for worker in workers])

        await wait_for("workers that serve", ready, 90)
        await settled(cluster, workers)
        await cluster.send(islice(happenings(54), 400))
        await check_changelog(cluster, model, await applied(cluster))
    finally:
        cluster.end()


async def standbys(workers: list[WorkerProcess]) -> list[float]:
    """How many complete standbys each worker has."""
    return [await metric(worker, "nearline_partitions_standby") or 0 for worker in workers]


async def rolled(workers: list[WorkerProcess], replicas: int) -> None:
    """Restart one worker after the other with another setting of standbys, each when the one before it is ready."""
    for worker in workers:
        assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
        worker.start(NEARLINE_WORKER__STANDBY_REPLICAS=str(replicas))
        await worker.ready()


@pytest.mark.full
async def test_a_rolling_restart_switches_standbys_on_and_off(cluster: Cluster) -> None:
    model = await cluster.publish()
    workers = await started(cluster, 2)
    await cluster.send(islice(happenings(53), 400))
    await applied(cluster)
    for replicas in (1, 0):
        await rolled(workers, replicas)

        async def switched(wanted: int = replicas) -> bool:
            for worker in workers:
                assert worker.alive, worker.log_tail()
                assert await metric(worker, "nearline_partitions_unserved") in {0, None}
            routes = (await workers[0].get("/v1/routing/partitions"))[1]["partitions"]
            seen = sum(route["standby"] is not None for route in routes)
            return seen == PARTITIONS * wanted and sum(await standbys(workers)) == PARTITIONS * wanted

        await wait_for(f"standby_replicas={replicas}", switched, 6 * _SESSION_SECONDS + 30)
        await settled(cluster, workers)
    before = [await metric(worker, "nearline_rebalances_total") for worker in workers]
    since = time.monotonic()

    async def calm() -> bool:
        assert [await metric(worker, "nearline_rebalances_total") for worker in workers] == before
        return time.monotonic() - since > 3 * _SESSION_SECONDS

    await wait_for("rest", calm, 4 * _SESSION_SECONDS)
    await check_changelog(cluster, model, await applied(cluster))
