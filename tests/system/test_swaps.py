"""Ten swaps in a row, two of them roll-backs, under events and queries: nothing fails, nothing is mixed or lost.

Every answer is kept, and at the end computed anew, in float64, from the one version that it names and from the history
in the row that it tells of.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest

from deploy.demonstration.latency import percentile
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.compaction import compact_soon, compacted
from tests.support.cluster.load import Load, Mix
from tests.support.cluster.worker_process import WorkerProcess
from tests.system.answers import Answers
from tests.system.records import Book
from tests.system.scenario import Scenario, let_run, until_rescored
from tests.system.watch import Watch

_SWAPS, _ROLL_BACKS = 10, (4, 8)
_CALM_SECONDS, _PAUSE_SECONDS = 5.0, 0.5


class Queries:
    """Asks workers for lists at a steady rate, and keeps what they answer.

    Parameters
    ----------
    per_second : queries, to all workers in turn.
    users : so many, as the load has them.

    Attributes
    ----------
    failed : in words; 404 is no failure, for a user of whom nothing was applied yet.
    took : milliseconds of each answer, with the time of its question.
    """

    def __init__(self, workers: Sequence[WorkerProcess], answers: Answers, per_second: int, users: int) -> None:
        self._workers, self._answers = workers, answers
        self._per_second, self._users = per_second, users
        self._chance = random.Random(answers.seed)
        self.failed: list[str] = []
        self.took: list[tuple[float, float]] = []

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Ask while the context lasts."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            task = asyncio.create_task(self._ask_all(session))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait([task])

    def between(self, begin: float, end: float) -> list[float]:
        """Return the milliseconds of the answers to what was asked in a time."""
        return [took for asked, took in self.took if begin <= asked < end]

    async def _ask_all(self, session: aiohttp.ClientSession) -> None:
        began, number = time.monotonic(), 0
        async with asyncio.TaskGroup() as asking:
            while True:
                due = began + number / self._per_second
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                asking.create_task(self._ask(session, self._workers[number % len(self._workers)], due))
                number += 1

    async def _ask(self, session: aiohttp.ClientSession, worker: WorkerProcess, due: float) -> None:
        user = f"u{self._chance.randrange(self._users)}"
        path, applied = f"/v1/users/{user}/recommendations?limit=20", self._answers.applied(user)
        try:
            async with session.get(worker.url + path) as response:
                body = await response.json(content_type=None)
                self._answers.take(path, response.status, response.headers, body, user, applied)
                if response.status != 200:
                    self.failed.append(f"{worker.id}{path}: {response.status} {body}")
        except (aiohttp.ClientError, TimeoutError) as error:
            self.failed.append(f"{worker.id}{path}: {error!r}")
        self.took.append((due, 1000 * (time.monotonic() - due)))


@pytest.mark.parametrize(
    ("swaps", "per_second", "users"), [(3, 50, 200), pytest.param(_SWAPS, 200, 2_000, marks=pytest.mark.full)]
)
async def test_swaps_under_events_and_queries(
    cluster: Cluster, book: Book, seed: int, swaps: int, per_second: int, users: int
) -> None:
    """F34: and events that come during the canary and the swap are in the new version's answers."""
    scenario = Scenario(cluster, book, "F34", f"{swaps} swaps under events and queries", seed)
    workers = await scenario.begin(2)
    mix = Mix(per_second=5 * per_second, wrong=0.0, users=users)
    async with Watch(cluster, seed, users) as watch, Load(cluster, seed, mix) as load:
        watch.answers.most_kept = 100_000
        queries = Queries(workers, watch.answers, per_second, users)
        await _known(workers)
        async with queries.asking():
            began = time.monotonic()
            await let_run(_CALM_SECONDS)
            calm, times = time.monotonic(), []
            for number in range(swaps):
                since = time.monotonic()
                if number in _ROLL_BACKS:
                    await cluster.publisher().roll_back("global")
                else:
                    await scenario.publish(number + 2)
                await until_rescored(cluster)
                times.append(time.monotonic() - since)
                await let_run(_PAUSE_SECONDS)
            ended = time.monotonic()
    assert queries.failed == []
    assert len(watch.answers.versions) == len({model.version for model in scenario.models})
    before, during = queries.between(began, calm), queries.between(calm, ended)
    scenario.record.notes |= {
        "answers_checked": len(watch.answers.lists),
        "queries": len(queries.took),
        "longest_swap_seconds": max(times),
        "events_acknowledged": load.acknowledged,
        "p50_before_ms": percentile(before, 0.5),
        "p50_during_ms": percentile(during, 0.5),
        "p99_before_ms": percentile(before, 0.99),
        "p99_during_ms": percentile(during, 0.99),
    }
    await scenario.conclude(load, watch)
    print(scenario.record.notes)  # noqa: T201 - what the run is for


@pytest.mark.full
async def test_versions_that_are_published_while_nobody_runs(cluster: Cluster, book: Book, seed: int) -> None:
    """F40: the newest of several is what serves after the start, from a topic that was compacted meanwhile."""
    scenario = Scenario(cluster, book, "F40", "three versions published while all workers are down", seed)
    workers = await scenario.begin(2)
    await compact_soon(cluster, cluster.names.models)
    async with Watch(cluster, seed) as watch, Load(cluster, seed) as load:
        await let_run(2.0)
        for number in (2, 3):
            since = scenario.fault()
            for worker in workers:
                worker.kill()
            for more in range(3):
                await scenario.publish(10 * number + more)
            await compacted(cluster, cluster.names.models)
            for worker in workers:
                worker.start()
            await scenario.served_again(since)
            await until_rescored(cluster)
            for worker in workers:
                _, said = await worker.get("/v1/models")
                assert [region["active"] for region in said["regions"]] == [scenario.models[-1].version]
    await scenario.conclude(load, watch)


async def _known(workers: Sequence[WorkerProcess]) -> None:
    """Wait until events were applied, so that answers are of users."""
    for worker in workers:
        await worker.ready(120)
    await let_run(_CALM_SECONDS)
