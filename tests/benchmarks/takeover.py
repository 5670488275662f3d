"""What a standby costs, and what it buys: the death of one of two workers, with standbys and without.

The dead worker does not come back. Both times the group waits a session timeout until it gives its partitions away;
what comes after that differs, for a standby is complete and the other worker has to read the changelog.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Deployment, Worker, applied, metric
from tests.benchmarks.figures import Figures
from tests.benchmarks.filling import batch_producer, fill
from tests.benchmarks.memory import with_users
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.waiting import deadline
from tests.benchmarks.workload import Record

_SESSION_SECONDS = 6
_EVENTS_SHARE = 4
"""One in so many of the events that other measurements apply: this one only needs their cost."""
_PATIENCE_SECONDS = 600.0


async def measure(bench: Bench) -> Figures:
    """Return the figures without standbys and with one for each partition."""
    found: Figures = {"session_timeout_seconds": _SESSION_SECONDS}
    for standbys in (0, 1):
        figures = await _one_death(bench, standbys)
        found |= {f"{name}_with_{standbys}_standbys": value for name, value in figures.items()}
    return found


async def _one_death(bench: Bench, standbys: int) -> Figures:
    """Apply events with two workers, kill one, and wait until the other runs everything."""
    deployment = await with_users(bench)
    events = bench.sizes.events // _EVENTS_SHARE
    async with _two_workers(deployment, standbys) as workers:
        await _whole(workers, deployment.partitions * standbys)
        before = sum(cpu_seconds(worker.pid) for worker in workers)
        async with batch_producer(deployment.connection) as producer:
            await fill(producer, deployment.events, deployment.partitions, events_of(bench, standbys))
        await applied(workers, events, _PATIENCE_SECONDS)
        cpu = sum(cpu_seconds(worker.pid) for worker in workers) - before
        heir, victim = workers
        killed = time.monotonic()
        victim.process.kill()
        await _until(heir, "partitions_running", deployment.partitions)
        seconds = time.monotonic() - killed
    return {"seconds_to_take_over": seconds, "cpu_us_per_event": 1e6 * cpu / events}


def events_of(bench: Bench, standbys: int) -> Iterator[Record]:
    """Return the events of one death: of other users than the deaths before it had."""
    events = bench.sizes.events // _EVENTS_SHARE
    return bench.events((2 * bench.repeat + standbys) * events, events, bench.sizes.memory_videos)


@asynccontextmanager
async def _two_workers(deployment: Deployment, standbys: int) -> AsyncIterator[list[Worker]]:
    settings = {
        "NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS": str(_SESSION_SECONDS),
        "NEARLINE_WORKER__STANDBY_REPLICAS": str(standbys),
        "NEARLINE_WORKER__TAKEOVER_SECONDS": "600",
    }
    async with deployment.worker(0, **settings) as first, deployment.worker(1, **settings) as second:
        yield [first, second]


async def _whole(workers: list[Worker], copies: int) -> None:
    """Wait until the group has settled: both run half of the partitions, and all copies are complete."""
    for worker in workers:
        await worker.ready(_PATIENCE_SECONDS)
    running, copied = [0.0], 0.0
    what = f"two workers to share the partitions, with {copies} standbys"
    async with deadline(_PATIENCE_SECONDS, what, lambda: f"they run {running}, with {copied:g} standbys"):
        while min(running) == 0 or copied != copies:
            await asyncio.sleep(0.1)
            metrics = [await worker.metrics() for worker in workers]
            running = [metric(text, "nearline_partitions_running") for text in metrics]
            copied = sum(metric(text, "nearline_partitions_standby") for text in metrics)


async def _until(worker: Worker, name: str, value: float) -> None:
    reached = 0.0
    async with deadline(_PATIENCE_SECONDS, f"nearline_{name} to reach {value:g}", lambda: f"it is {reached:g}"):
        while True:
            reached = metric(await worker.metrics(), f"nearline_{name}")
            if reached >= value:
                return
            await asyncio.sleep(0.02)
