"""A worker with many users on disk: its memory, and how fast it got them from the changelog."""

import asyncio
from collections.abc import Iterator

import numpy as np

from models.factorization.factor_model import FactorModel
from models.numerics.scoring import TopN
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Deployment
from tests.benchmarks.figures import Figures
from tests.benchmarks.filling import batch_producer, fill
from tests.benchmarks.processes import cpu_seconds, memory_mb
from tests.benchmarks.workload import Record, histories, random_model, stored_state, user_id
from tests.support.cluster.published_models import as_read

_FACTS, _ROWS = 20, 2_000
_EVENTS = 5_000
_LEAST_SECONDS = 0.01
"""A recovery of few users may be lost in what two starts differ by."""


async def measure(bench: Bench) -> Figures:
    """Recover all users into an empty folder, then apply events and answer queries."""
    sizes = bench.sizes
    deployment = await with_users(bench)
    empty = bench.deployment("empty")
    await empty.prepare(bench.model)
    async with empty.worker() as worker:
        start_seconds = await worker.ready()
        start_cpu = cpu_seconds(worker.pid)
    async with deployment.worker(NEARLINE_WORKER__TAKEOVER_SECONDS="600") as worker:
        seconds = await worker.ready(1200) - start_seconds
        cpu = cpu_seconds(worker.pid) - start_cpu
        recovered, _ = memory_mb(worker.pid)
        async with batch_producer(deployment.connection) as producer:
            await fill(producer, deployment.events, deployment.partitions, events_of(bench))
        await worker.apply_all(_EVENTS)
        for number in range(0, sizes.stored_users, max(1, sizes.stored_users // 500)):
            async with worker.session.get(f"{worker.url}/v1/users/{user_id(number)}/recommendations") as response:
                await response.read()
        now, most = memory_mb(worker.pid)
    return {
        "rss_mb": now,
        "rss_peak_mb": most,
        "rss_recovered_mb": recovered,
        "recovery_rows_per_second": sizes.stored_users / max(seconds, _LEAST_SECONDS),
        "recovery_rows_per_cpu_second": sizes.stored_users / max(cpu, _LEAST_SECONDS),
        "stored_users": sizes.stored_users,
        "memory_videos": sizes.memory_videos,
    }


def events_of(bench: Bench) -> Iterator[Record]:
    """Return the events of one repeat: of other users than the repeats before it had."""
    return bench.events(bench.repeat * _EVENTS, _EVENTS, bench.sizes.memory_videos)


async def with_users(bench: Bench) -> Deployment:
    """Return a deployment whose changelog holds every user; made once in a run."""
    if "memory" in bench.kept:
        return bench.kept["memory"]
    deployment = bench.deployment("memory")
    made = await asyncio.to_thread(random_model, bench.sizes.memory_videos, bench.sizes.n_factors)
    model = await asyncio.to_thread(as_read, made)
    await deployment.prepare(model)
    async with batch_producer(deployment.connection) as producer:
        await fill(producer, deployment.names.users_changelog, deployment.partitions, _rows(bench, model))
    bench.kept["memory"] = deployment
    return deployment


def _rows(bench: Bench, model: FactorModel) -> Iterator[Record]:
    """Yield a row for each user: 20 facts and a full list; some different rows, over and over."""
    sizes, rng = bench.sizes, np.random.default_rng(5)
    rows = []
    for history in histories(_ROWS, _FACTS, sizes.memory_videos):
        scores = np.sort(rng.random(sizes.top, np.float32))[::-1].copy()
        top = TopN(rng.integers(0, sizes.memory_videos, sizes.top, np.int32), scores)
        rows.append(stored_state(history, model, top).encode())
    for number in range(sizes.stored_users):
        yield user_id(number).encode(), rows[number % _ROWS]
