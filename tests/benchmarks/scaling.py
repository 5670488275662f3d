"""Two workers against one: events a second by the clock, and what an event costs in CPU.

A worker is meant for one core, so each is kept on one, another for each. One that is let free uses more: its event
loop and its numerics run beside each other.
"""

import asyncio
import os
from contextlib import AsyncExitStack

from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Worker, applied
from tests.benchmarks.figures import Figures
from tests.benchmarks.filling import batch_producer, fill
from tests.benchmarks.progress import Rates, rates
from tests.benchmarks.shared_events import store_users
from tests.benchmarks.waiting import deadline

_SETTLE_SECONDS = 90.0


async def measure(bench: Bench) -> Figures:
    """Let one and two workers that are ready apply the same events; every other repeat begins with two."""
    found = {count: await worker_rates(bench, count) for count in ((2, 1) if bench.repeat % 2 else (1, 2))}
    one, two, free = found[1], found[2], await worker_rates(bench, 1, on_one_core=False)
    return {
        "free_worker_events_per_second": free.per_second,
        "two_workers_ratio": two.per_second / one.per_second,
        "two_workers_cpu_ratio": one.per_cpu_second / two.per_cpu_second,
        "one_worker_events_per_second": one.per_second,
        "two_workers_events_per_second": two.per_second,
    }


async def worker_rates(bench: Bench, count: int, *, on_one_core: bool = True) -> Rates:
    """Return the rates of so many workers together, each a process, over one topic of events."""
    cores = sorted(os.sched_getaffinity(0))
    sizes = bench.sizes
    deployment = bench.deployment(f"scale-{count}")
    await deployment.prepare(bench.model)
    if bench.facts:
        await store_users(bench, deployment.names.users_changelog)
    records = list(bench.events(0, sizes.events, sizes.n_videos))
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(deployment.worker(number)) for number in range(count)]
        for number, worker in enumerate(workers):
            if on_one_core:  # threads that it starts from now on inherit it; it is still importing
                os.sched_setaffinity(worker.pid, {cores[number % len(cores)]})
            await worker.ready()
        await all_run(workers)
        async with batch_producer(deployment.connection) as producer:
            sending = asyncio.create_task(fill(producer, deployment.events, sizes.partitions, records))
            try:
                samples = await applied(workers, sizes.events)
                await sending
            finally:
                sending.cancel()
    return rates(samples, sizes.events)


async def all_run(workers: list[Worker]) -> None:
    """Wait until every worker has partitions and all of them together stay: the group has settled."""
    quiet, running = 0, [0.0]
    what = f"the partitions of {len(workers)} workers to stay where they are"
    async with deadline(_SETTLE_SECONDS, what, lambda: f"they run {running}, for {quiet} of 10 looks"):
        while quiet < 10:
            await asyncio.sleep(0.2)
            running = [await _running(worker) for worker in workers]
            quiet = quiet + 1 if min(running) > 0 and max(running) - min(running) <= 1 else 0


async def _running(worker: Worker) -> float:
    metrics = await worker.metrics()
    return float(metrics.split("\nnearline_partitions_running ", 1)[1].split("\n", 1)[0])
