"""Workers that come and go under load."""

import asyncio

import pytest

from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.load import Load, Mix
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for
from tests.system.records import Book
from tests.system.scenario import Scenario, let_run
from tests.system.watch import Watch


@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.full)])
async def test_one_worker_becomes_three_and_one_again(cluster: Cluster, book: Book, seed: int, rounds: int) -> None:
    """F12: every partition has one owner at any time, which the watch sees to."""
    scenario = Scenario(cluster, book, "F12", "1 → 3 → 1 workers under load", seed)
    (first,) = await scenario.begin(1)
    others = [cluster.worker(str(number)) for number in (1, 2)]
    async with Watch(cluster, seed) as watch, Load(cluster, seed, Mix(per_second=200)) as load:
        for _ in range(rounds):
            for worker in others:
                worker.start()
                await let_run(scenario.chance.uniform(0.0, 1.0))
            for worker in others:
                await worker.ready(120)
            await wait_for("partitions on every worker", lambda: _share(watch, [first, *others]), 60)
            for worker in others:
                since = scenario.fault()
                assert await asyncio.to_thread(worker.stop, 60) == 0, worker.log_tail()
                await scenario.served_again(since)
    await scenario.conclude(load, watch)


async def _share(watch: Watch, workers: list[WorkerProcess]) -> bool:
    held = [(await watch.metrics(worker)).get("nearline_partitions_running", 0) for worker in workers]
    return sum(held) == PARTITIONS and min(held) > 0


@pytest.mark.full
async def test_three_workers_start_at_once_into_a_recovery(cluster: Cluster, book: Book, seed: int) -> None:
    """F14: 0.2 s apart, on empty folders and a long changelog, so that each one disturbs the others' recovery."""
    scenario = Scenario(cluster, book, "F14", "three starts 0.2 s apart during a recovery", seed)
    workers = await scenario.begin(3)
    async with Watch(cluster, seed) as watch, Load(cluster, seed, Mix(per_second=800)) as load:
        await let_run(10.0)
        for _ in range(4):
            for worker in workers:
                since = scenario.fault()
                worker.kill()
                worker.lose_data()
            for worker in workers:
                worker.start()
                await let_run(0.2)
            await scenario.served_again(since)
    await scenario.conclude(load, watch)
