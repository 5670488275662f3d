"""One scenario: a cluster under load and under watch, faults that are timed, and the verdict at the end."""

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp

from agents.kafka.partitions import partition_of
from agents.liveness.exit_status import EXIT_DISK, EXIT_RETRY, EXIT_STUCK
from models.factorization.factor_model import FactorModel
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.load import Load
from tests.support.cluster.oracle import HISTORY_LIMIT
from tests.support.cluster.published_models import random_model
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for
from tests.system.faults import codes_of
from tests.system.invariants import Facts, Verdict, judge, owners_of
from tests.system.records import Book, Record
from tests.system.rest import at_rest, mended
from tests.system.watch import Watch

_PROBES = {
    partition: next(f"u{number}" for number in range(999) if partition_of(b"u%d" % number, PARTITIONS) == partition)
    for partition in range(PARTITIONS)
}
"""A user of each partition."""
START_AGAIN = frozenset({EXIT_STUCK, EXIT_DISK, EXIT_RETRY})
_COULD_NOT_START = 1
_NO_BROKER = re.compile("nearline: (cannot reach Kafka|Kafka: |there was no answer in time)")
_SUPERVISOR_SECONDS = 0.5
STATIC_FOR_LONG = {"NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS": "60"}
"""Settings with which a restarted worker has the partitions that it had, however slow the machine is."""
SERVED = frozenset({200, 404})
"""What an owner that runs answers: here it is, or nobody of that name."""


class Scenario:
    """Keeps the record of one scenario and closes it.

    Parameters
    ----------
    record : what it will say; `conclude` enters it into the book.

    Raises
    ------
    ValueError
        If nothing says what the fault is, see `tests.system.faults`.
    """

    def __init__(self, cluster: Cluster, book: Book, fault: str, what: str, seed: int) -> None:
        codes_of(fault)
        self.cluster, self.record = cluster, Record(fault, what, seed)
        self.seed, self.chance = seed, random.Random(seed)
        self.models: list[FactorModel] = []
        self._book = book

    async def publish(self, seed: int = 1) -> FactorModel:
        """Publish one more model."""
        self.models.append(await self.cluster.publish(seed))
        return self.models[-1]

    async def publish_for(self, *regions: str) -> None:
        """Publish a model for each of these regions, all under the name that the first model of all regions gets."""
        for number, region in enumerate(regions):
            self.models.append(await self.cluster.publish(100 + number, region=region, version=random_model(1).version))

    async def begin(self, workers: int, regions: Sequence[str] = (), **settings: str) -> list[WorkerProcess]:
        """Publish a model, and one for each region, and start workers with these settings; returns when all are ready.

        The models of all regions have one name.
        """
        await self.publish_for(*regions)
        await self.publish()
        started = [self.cluster.worker(str(number), **settings) for number in range(workers)]
        for worker in started:
            worker.start()
        for worker in started:
            await worker.ready(120)
        return started

    @asynccontextmanager
    async def supervised(self) -> AsyncIterator[None]:
        """Start workers that leave with a status that asks for it, as their supervisor does; they are noted."""
        task = asyncio.create_task(self._supervise())
        try:
            yield
        finally:
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            if isinstance(outcome, Exception):
                raise outcome

    async def _supervise(self) -> None:
        while True:
            await asyncio.sleep(_SUPERVISOR_SECONDS)
            for worker in self.cluster.workers:
                if worker.status in START_AGAIN or _found_no_broker(worker):
                    self.record.notes["left_by_itself"] = self.record.notes.get("left_by_itself", 0) + 1
                    worker.start()

    def fault(self) -> float:
        """Count a fault; returns its time, for `served_again`."""
        self.record.kills += 1
        return time.monotonic()

    async def served_again(self, since: float, seconds: float = 120.0) -> None:
        """Wait until every partition is served, and note how long it took since a fault."""
        await until_served(self.cluster, seconds)
        self.record.seconds.append(round(time.monotonic() - since, 2))

    async def conclude(
        self,
        load: Load | None = None,
        watch: Watch | None = None,
        *,
        late_batches: bool = False,
        history_limit: int = HISTORY_LIMIT,
    ) -> Verdict:
        """Come to rest, stop every worker, judge, enter the record; fails when anything is wrong."""
        await until_served(self.cluster)
        await at_rest(self.cluster)
        if late_batches:
            await mended(self.cluster)
        await until_served(self.cluster)
        owners = owners_of(await owner_urls(self.cluster), self.cluster)
        wrong = await self.stop_all()
        facts = Facts(
            self.models,
            is_wrong=load.is_wrong if load else lambda _: False,
            answers=watch.answers if watch else None,
            folders=owners,
            late_batches=late_batches,
            history_limit=history_limit,
        )
        verdict = await judge(self.cluster, facts)
        verdict.wrong += wrong + (watch.found if watch else [])
        self.enter(verdict)
        return verdict

    def enter(self, verdict: Verdict) -> None:
        """Enter the record with a verdict, which must be good."""
        record = self.record
        record.events, record.lost, record.doubled = verdict.events, verdict.lost, verdict.doubled
        record.erasures, record.returned = verdict.erasures, verdict.returned
        self._book.enter(record)
        assert not verdict.wrong, f"seed {record.seed}: {verdict}"
        assert (verdict.lost, verdict.doubled, verdict.returned) == (0, 0, 0), f"seed {record.seed}: {verdict}"
        assert verdict.events, "nothing was judged"

    async def stop_all(self) -> list[str]:
        """Stop every worker that runs, in good order; returns what went wrong with it."""
        running = [worker for worker in self.cluster.workers if worker.alive]
        statuses = await asyncio.gather(*(asyncio.to_thread(worker.stop, 60) for worker in running))
        return [
            f"worker {worker.id} ended with status {status} on SIGTERM:\n{worker.log_tail(15)}"
            for worker, status in zip(running, statuses, strict=True)
            if status
        ]


def _found_no_broker(worker: WorkerProcess) -> bool:
    return worker.status == _COULD_NOT_START and _NO_BROKER.search(worker.log_tail(20)) is not None


async def until_served(cluster: Cluster, seconds: float = 120.0) -> None:
    """Wait until any worker that runs answers for a user of every partition."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:

        async def all_served() -> bool:
            return await _served(session, [worker for worker in cluster.workers if worker.runs])

        try:
            await wait_for("answers for every partition", all_served, seconds)
        except AssertionError as error:
            logs = "\n".join(f"worker {worker.id}:\n{worker.log_tail(25)}" for worker in cluster.workers)
            raise AssertionError(f"{error}\n{logs}") from None


async def until_rescored(cluster: Cluster, seconds: float = 120.0) -> None:
    """Wait until every worker that runs serves one version, and has no user left whose list is of another."""

    async def all_rescored() -> bool:
        said = [await worker.get("/v1/models") for worker in cluster.workers if worker.runs]
        regions = [region for status, body in said if status == 200 for region in body["regions"]]
        ready = len({(region["region"], region["active"]) for region in regions}) == len({r["region"] for r in regions})
        rescored = [region["rescored"] for region in regions]
        return ready and bool(rescored) and all(one is not None and one["done"] for one in rescored)

    await wait_for("one version for all users", all_rescored, seconds)


async def _served(session: aiohttp.ClientSession, workers: list[WorkerProcess]) -> bool:
    if not workers:
        return False
    for place, user in enumerate(_PROBES.values()):
        worker = workers[place % len(workers)]
        if await _status(session, f"{worker.url}/v1/users/{user}") not in SERVED:
            return False
    return True


async def _status(session: aiohttp.ClientSession, url: str) -> int:
    try:
        async with session.get(url) as response:
            return response.status
    except (aiohttp.ClientError, TimeoutError, OSError):
        return 0


async def owner_urls(cluster: Cluster) -> dict[int, str]:
    """Return the owner's address of each partition, as the owners themselves say."""
    owners: dict[int, str] = {}
    for worker in [worker for worker in cluster.workers if worker.alive]:
        status, body = await worker.get("/v1/routing/partitions")
        assert status == 200, body
        owners.update({one["partition"]: worker.url for one in body["partitions"] if one["here"]})
    assert owners.keys() == set(range(PARTITIONS)), owners
    return owners


async def let_run(seconds: float) -> None:
    """Let load go on; this is part of a scenario, nothing is waited for."""
    await asyncio.sleep(seconds)
