"""Workers that are told to stop under load: once, and twice."""

import asyncio
import signal
import time

import pytest

from agents.liveness.exit_status import EXIT_RETRY
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load
from tests.support.cluster.worker_process import WorkerProcess
from tests.system.records import Book
from tests.system.scenario import STATIC_FOR_LONG, Scenario, let_run
from tests.system.watch import Watch


@pytest.mark.full
async def test_sigterm_under_load(cluster: Cluster, book: Book, seed: int) -> None:
    """F5: three times once, and three times twice at random moments of the stop."""
    scenario = Scenario(cluster, book, "F5", "SIGTERM under load, and a second one during the stop", seed)
    chance = scenario.chance
    workers = await scenario.begin(2)
    longest = 0.0
    async with Watch(cluster, seed, commits=True) as watch, Load(cluster, seed) as load:
        for times in (1, 2, 1, 2, 1, 2):
            await let_run(chance.uniform(0.2, 1.5))
            worker = chance.choice(workers)
            since = scenario.fault()
            for _ in range(times):
                worker.send(signal.SIGTERM)
                await let_run(chance.uniform(0.0, 0.3))
            status = await asyncio.to_thread(worker.wait, 60)
            longest = max(longest, time.monotonic() - since)
            assert status == 0 or (times == 2 and status == EXIT_RETRY), worker.log_tail()
            worker.start()
            await scenario.served_again(since)
    scenario.record.notes["longest_stop_s"] = round(longest, 2)
    await scenario.conclude(load, watch)


@pytest.mark.full
async def test_a_rolling_restart_moves_nothing(cluster: Cluster, book: Book, seed: int) -> None:
    """F13: each of three workers in turn; the others, static members like it, notice nothing."""
    scenario = Scenario(cluster, book, "F13", "rolling restart of three static workers", seed)
    workers = await scenario.begin(3, **STATIC_FOR_LONG)
    async with Watch(cluster, seed) as watch, Load(cluster, seed) as load:
        for worker in workers * 2:
            others = [other for other in workers if other is not worker]
            before = [await rebalances(watch, other) for other in others]
            since = scenario.fault()
            assert await asyncio.to_thread(worker.stop, 60) == 0, worker.log_tail()
            worker.start()
            await worker.ready(120)
            await scenario.served_again(since)
            assert [await rebalances(watch, other) for other in others] == before
    await scenario.conclude(load, watch)


async def rebalances(watch: Watch, worker: WorkerProcess) -> float:
    """Return how often partitions were taken from a worker."""
    return (await watch.metrics(worker))["nearline_rebalances_total"]
