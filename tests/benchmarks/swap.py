"""What a swap costs: how fast users are re-solved, how soon a published version serves, what queries feel meanwhile.

One worker, and then two, hold users with histories. Versions are published one after the other: to the one worker with
nothing else to do, to both, to both under queries, and under queries and events. Each swap is over when no worker has a
user left whose list is of another version. A query for a user not yet reached is solved on the spot, so every query is
answered by the new version as soon as a worker has taken it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec

from deploy.demonstration.latency import percentile
from models.factorization.factor_model import FactorModel
from tests.benchmarks.bench import Bench
from tests.benchmarks.deployment import Deployment, Worker, applied
from tests.benchmarks.figures import Figures
from tests.benchmarks.filling import batch_producer, fill
from tests.benchmarks.http_client import Connections, get_request
from tests.benchmarks.load import steady_load
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.scaling import all_run
from tests.benchmarks.shared_events import store_users
from tests.benchmarks.waiting import deadline
from tests.benchmarks.workload import random_model, user_id

_QUERIES_PER_SECOND = 200.0
_FIRST_OTHER = 80_000_000
_CALM_SECONDS = 3.0
_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 300.0
_SMALL, _LARGE = 10_000, 1_000_000
_UNTRIED = {"NEARLINE_CANARY__MIN_OVERLAP": "0", "NEARLINE_CANARY__MAX_HELD_OUT_RISE": "1"}
"""Limits that models of random factors pass: the canary is run, and finds no fault."""


async def measure(bench: Bench) -> Figures:
    """Return the figures of four swaps."""
    deployment, sizes = bench.deployment("swap"), bench.sizes
    models = [random_model(sizes.n_videos, sizes.n_factors, seed) for seed in range(2, 6)]
    rate = bench.latest["events_per_second"] / 2
    await deployment.prepare(bench.model)
    await store_users(bench, deployment.names.users_changelog)
    async with deployment.worker(0, **_UNTRIED) as first:
        await first.ready()
        await _give_everybody_an_event(bench, deployment, [first])
        one = await _swap(deployment, [first], models[0])
        async with deployment.worker(1, **_UNTRIED) as second:
            workers = [first, second]
            await second.ready()
            await all_run(workers)
            await _until_done(workers, models[0].version)
            both = await _swap(deployment, workers, models[1])
            queried = await _asked(bench, deployment, workers, models[2])
            async with steady_load(bench, deployment, rate, _FIRST_OTHER):
                loaded = await _asked(bench, deployment, workers, models[3])
    users = sizes.events
    return {
        "swap_users": users,
        "swap_users_per_worker_second": users / one["solving_seconds"],
        "swap_users_per_cpu_second": users / one["cpu_seconds"],
        "swap_two_workers_users_per_second": users / both["solving_seconds"],
        "swap_serving_ms": 1000 * one["serving_seconds"],
        "swap_done_seconds": one["serving_seconds"] + one["solving_seconds"],
        "swap_10000_done_seconds": one["serving_seconds"] + one["solving_seconds"] * _SMALL / users,
        "swap_million_done_seconds": one["serving_seconds"] + one["solving_seconds"] * _LARGE / users,
        **{f"swap_queries_{name}": value for name, value in queried.items()},
        **{f"swap_load_{name}": value for name, value in loaded.items()},
        "swap_load_events_per_second": rate,
    }


async def _give_everybody_an_event(bench: Bench, deployment: Deployment, workers: Sequence[Worker]) -> None:
    """Let an event of every user be applied, so that all rows are the workers' own, below their positions."""
    sizes = bench.sizes
    async with batch_producer(deployment.connection) as producer:
        events = bench.events(0, sizes.events, sizes.n_videos)
        await fill(producer, deployment.events, deployment.partitions, events)
    await applied(workers, sizes.events, _PATIENCE_SECONDS)
    await _until_done(workers, bench.model.version)


async def _swap(deployment: Deployment, workers: Sequence[Worker], model: FactorModel) -> dict[str, float]:
    """Publish a version; return how long until all workers serve it, and until nobody is left."""
    cpu = sum(cpu_seconds(worker.pid) for worker in workers)
    started = time.monotonic()
    await deployment.prepare(model)
    announced = time.monotonic()
    active: list[str] = []
    async with deadline(_PATIENCE_SECONDS, f"all workers to serve {model.version}", lambda: f"they serve {active}"):
        while True:
            active = [(await _region(worker))["active"] for worker in workers]
            if set(active) == {model.version}:
                break
            await asyncio.sleep(_POLL_SECONDS)
    serving = time.monotonic()
    await _until_done(workers, model.version)
    return {
        "publishing_seconds": announced - started,
        "serving_seconds": serving - announced,
        "solving_seconds": time.monotonic() - serving,
        "cpu_seconds": sum(cpu_seconds(worker.pid) for worker in workers) - cpu,
    }


async def _asked(
    bench: Bench, deployment: Deployment, workers: Sequence[Worker], model: FactorModel
) -> dict[str, float]:
    """Swap while queries come at a steady rate; return their times before and during, and what went wrong."""
    before, during = Asked(), Asked()
    async with _asking(bench, workers, before):
        await asyncio.sleep(_CALM_SECONDS)
    async with _asking(bench, workers, during):
        swap = await _swap(deployment, workers, model)
    return {
        "users_per_second": bench.sizes.events / swap["solving_seconds"],
        "p50_before_ms": percentile(before.took, 0.5),
        "p99_before_ms": percentile(before.took, 0.99),
        "p50_ms": percentile(during.took, 0.5),
        "p99_ms": percentile(during.took, 0.99),
        "p99_ratio": percentile(during.took, 0.99) / percentile(before.took, 0.99),
        "asked": len(during.took) + during.failed,
        "failed": before.failed + during.failed,
        "versions": len(during.versions),
    }


class Asked:
    """What came of queries: milliseconds of the good ones, how many failed, and the versions that they named."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.failed = 0
        self.versions: set[str] = set()


@asynccontextmanager
async def _asking(bench: Bench, workers: Sequence[Worker], asked: Asked) -> AsyncIterator[None]:
    """Ask while the block runs; what ended the asking before that is raised."""
    asking = asyncio.create_task(_ask(bench, workers, asked))
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.wait([asking])
    if not asking.cancelled():
        asking.result()


async def _ask(bench: Bench, workers: Sequence[Worker], asked: Asked) -> None:
    """Ask both workers for lists of users in turn, at a steady rate whatever the answers do, until cancelled."""
    sides = [Connections(int(worker.url.rpartition(":")[2])) for worker in workers]
    for side in sides:
        await side.open(8)
    started = time.perf_counter()

    async def one(number: int, due: float) -> None:
        user = user_id(number * 7_919 % bench.sizes.events)
        try:
            answer = await sides[number % len(sides)].get(get_request(f"/v1/users/{user}/recommendations?limit=20"))
        except ConnectionError:
            asked.failed += 1
            return
        asked.took.append(1000 * (time.perf_counter() - due))
        body: dict[str, Any] = msgspec.json.decode(answer.partition(b"\r\n\r\n")[2])
        asked.versions.add(str(body["model_version"]))

    try:
        async with asyncio.TaskGroup() as asking:
            for number in count():
                due = started + number / _QUERIES_PER_SECOND
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                asking.create_task(one(number, due))
    finally:
        for side in sides:
            side.close()


async def _until_done(workers: Sequence[Worker], version: str) -> None:
    """Wait until no worker has a user left whose list is not of a version."""
    regions: list[dict[str, Any]] = []
    async with deadline(_PATIENCE_SECONDS, f"everybody to be on {version}", lambda: f"workers tell {regions}"):
        while True:
            regions = [await _region(worker) for worker in workers]
            rescored = [region["rescored"] for region in regions if region["active"] == version]
            if len(rescored) == len(workers) and all(one is not None and one["done"] for one in rescored):
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _region(worker: Worker) -> dict[str, Any]:
    async with worker.session.get(f"{worker.url}/v1/models") as response:
        body: dict[str, Any] = await response.json()
    (region,) = body["regions"]
    assert isinstance(region, dict)
    return region
