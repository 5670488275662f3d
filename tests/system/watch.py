"""Looks at a cluster from outside while a scenario runs: asks for users, reads metrics, follows commits."""

import asyncio
import random
from typing import Any, Self

import aiohttp
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from agents.kafka.partitions import partition_of
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.worker_process import WorkerProcess
from tests.system.answers import Answers
from tests.system.positions import Positions
from tests.system.progress import Progress

_ASKING_AT_ONCE = 3
_ASK_SECONDS = 0.05
_ERASE_SECONDS = 1.5
_PROGRESS_SECONDS = 1.0
_COMMITS_SECONDS = 1.0
_OWNERS_SECONDS = 0.2
_PATIENCE_SECONDS = 5.0
STUCK_SECONDS = 60.0


class Watch:
    """Watches while its context lasts; what it found wrong is in `found` afterwards, and answers are in `answers`.

    Parameters
    ----------
    users : to ask for, at random.
    commits : whether to compare commits with the changelog, which reads all of it once.
    stuck_seconds : how long events may wait while none is applied.
    """

    def __init__(
        self,
        cluster: Cluster,
        seed: int,
        users: int = 60,
        *,
        commits: bool = False,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self._cluster, self._users, self._commits = cluster, [f"u{number}" for number in range(users)], commits
        self._stuck_seconds = stuck_seconds
        self._chance = random.Random(seed)
        self.answers = Answers(seed)
        self.found: list[str] = []
        self.erased = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS))
        works = [*([self._ask] * _ASKING_AT_ONCE), self._erase, self._watch_progress, self._watch_owners]
        works += [self._compare_commits] * self._commits
        self._tasks = [asyncio.create_task(work()) for work in works]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome
        await self._session.close()

    async def _ask(self) -> None:
        while True:
            await asyncio.sleep(_ASK_SECONDS)
            workers = [worker for worker in self._cluster.workers if worker.runs]
            if workers:
                user = self._chance.choice(self._users)
                path = f"/v1/users/{user}" + self._chance.choice(("", "/recommendations?limit=20"))
                await self._question(self._chance.choice(workers), path, user)

    async def _erase(self) -> None:
        """Erase users as an admin does; what is answered as applied may not be seen again."""
        while True:
            await asyncio.sleep(_ERASE_SECONDS)
            workers = [worker for worker in self._cluster.workers if worker.runs]
            if workers:
                user = self._chance.choice(self._users)
                status, body = await self._delete(f"{self._chance.choice(workers).url}/v1/users/{user}")
                if status == 200:
                    home = partition_of(user.encode(), PARTITIONS)
                    (offset,) = (one["offset"] for one in body["partitions"] if one["partition"] == home)
                    self.answers.erased(user, offset)
                    self.erased += 1

    async def _delete(self, url: str) -> tuple[int, Any]:
        try:
            async with self._session.delete(url) as response:
                return response.status, await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return 0, None

    async def _question(self, worker: WorkerProcess, path: str, user: str) -> None:
        applied = self.answers.applied(user)
        try:
            async with self._session.get(worker.url + path) as response:
                is_json = "json" in response.content_type
                body: Any = await response.json(content_type=None) if is_json else await response.text()
                self.answers.take(path, response.status, response.headers, body, user, applied)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.answers.silent += 1

    async def _watch_progress(self) -> None:
        """I8: no events wait for a minute while none is applied; what workers say of themselves is not asked."""
        progress = Progress(self._cluster, self._stuck_seconds)
        await progress.start()
        try:
            while True:
                await asyncio.sleep(_PROGRESS_SECONDS)
                if any(worker.runs for worker in self._cluster.workers):
                    self.found += await progress.look()
                else:
                    progress.nobody_runs()
        finally:
            await progress.stop()

    async def _watch_owners(self) -> None:
        """No two workers run a partition at one time.

        All are asked twice, in one order: who says so both times ran it in between, when the other one said so, too.
        """
        while True:
            await asyncio.sleep(_OWNERS_SECONDS)
            workers = [worker for worker in self._cluster.workers if worker.runs]
            asked = [(worker, await self._partitions(worker)) for worker in (*workers, *workers)]
            earlier, later = asked[: len(workers)], asked[len(workers) :]
            for place, (worker, first) in enumerate(earlier):
                both = first & later[place][1]
                for other, meanwhile in (*earlier[place + 1 :], *later[:place]):
                    if other is not worker and both & meanwhile:
                        self.found.append(f"workers {worker.id} and {other.id} both run {sorted(both & meanwhile)}")

    async def _partitions(self, worker: WorkerProcess) -> set[int]:
        try:
            async with self._session.get(f"{worker.url}/v1/routing/partitions") as response:
                body = await response.json() if response.status == 200 else {"partitions": []}
        except (aiohttp.ClientError, TimeoutError, OSError):
            return set()
        return {one["partition"] for one in body["partitions"] if one["here"]}

    async def metrics(self, worker: WorkerProcess) -> dict[str, float]:
        """Return a worker's counters and gauges, those with labels summed up; empty when it does not answer."""
        try:
            async with self._session.get(f"{worker.url}/metrics") as response:
                return read_metrics(await response.text())
        except (aiohttp.ClientError, TimeoutError, OSError):
            return {}

    async def _compare_commits(self) -> None:
        """I6: what the group was told is never ahead of the changelog."""
        cluster = self._cluster
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        positions = Positions(cluster)
        await admin.start()
        await positions.start()
        try:
            while True:
                await asyncio.sleep(_COMMITS_SECONDS)
                committed = await committed_offsets(admin, cluster)
                await positions.look()
                for partition, offset in committed.items():
                    if offset > (reached := positions.reached[partition]):
                        self.found.append(
                            f"I6 partition {partition}: {offset} is committed, the changelog is at {reached}"
                        )
        finally:
            await positions.stop()
            await admin.close()


async def committed_offsets(admin: AIOKafkaAdminClient, cluster: Cluster) -> dict[int, int]:
    """Return what the reader's group was told, by partition of the source topic."""
    try:
        found = await admin.list_consumer_group_offsets(f"{cluster.names.app_id}-reader")
    except KafkaError:  # nobody has committed yet, or the broker is away
        return {}
    return {at.partition: place.offset for at, place in found.items() if at.topic == cluster.names.member_events}


def read_metrics(text: str) -> dict[str, float]:
    """Return the sums of the samples of each name in Prometheus' text."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        if not line.startswith("#") and line:
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            found[name] = found.get(name, 0.0) + float(value)
    return found
