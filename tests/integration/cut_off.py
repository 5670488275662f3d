"""A worker that is cut off from its group, beside one that is not: what it answers and writes, and until when."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import aiohttp

from agents.kafka.partitions import partition_of
from deploy.kafka import Broker
from deploy.kafka.ports import free_ports
from models.factorization.factor_model import FactorModel
from tests.integration.group_view import settled
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.kafka_proxy import HEARTBEAT, PRODUCE, KafkaProxy
from tests.support.cluster.worker_process import WorkerProcess

SESSION_SECONDS = 6.0
"""The session timeout of a cluster's workers."""
HELD_SECONDS = 0.75 * SESSION_SECONDS
"""So long after the last request that was answered a worker may write, and answer as fresh."""
_EVERY_SECONDS = 0.05
_AT_ONCE = 3
_PATIENCE_SECONDS = 2.0
_CALLS = ("/v1/users/{}/recommendations", "/v1/users/{}", "/v1/users/{}/recommendations/v1", "/v1/routing/users/{}")


@dataclass
class Pair:
    """Two workers with two partitions each, of which `cut` comes to its broker through `proxy`."""

    cluster: Cluster
    proxy: KafkaProxy
    model: FactorModel
    cut: WorkerProcess
    other: WorkerProcess


@asynccontextmanager
async def pair(folder: Path, **settings: str) -> AsyncIterator[Pair]:
    """Start a broker, the proxy and both workers; end them."""
    (port,) = free_ports(1)
    with Broker(data_dir=folder / "broker", proxies=[port]) as broker:
        async with KafkaProxy(port, broker.behind(port)) as proxy:
            cluster = Cluster(broker.address, f"test-{uuid4().hex[:12]}", folder)
            await cluster.create_topics()
            model = await cluster.publish()
            try:
                cut = cluster.worker("cut", **{**settings, "NEARLINE_KAFKA__BOOTSTRAP": proxy.address})
                other = cluster.worker("other", **settings)
                for worker in (cut, other):
                    worker.start()
                for worker in (cut, other):
                    await worker.ready()
                await settled(cluster, [cut, other])
                yield Pair(cluster, proxy, model, cut, other)
            finally:
                cluster.end()


@dataclass
class Asked:
    """What one worker answered about users of its own partitions.

    Attributes
    ----------
    fresh : when it was asked what it answered as fresh.
    others : how often it answered how else.
    silent, answered : how often it did not answer in time, and did, by call.
    """

    fresh: list[float] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    silent: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)

    def take(self, asked: float, call: str, status: int, body: Any) -> None:
        """Note an answer."""
        self.answered[call] += 1
        if status == 200 and "stale" in body:
            kind = "stale" if body["stale"] else "fresh"
        elif call.startswith("/v1/routing"):
            kind = "fresh" if body["here"] else "not here"
        else:
            kind = "fresh" if status in {200, 404} else str(status)
        if kind == "fresh":
            self.fresh.append(asked)
        else:
            self.others[kind] += 1


class Questions:
    """Asks a worker about users of its own partitions while its context lasts, as long as the process lives."""

    def __init__(self, worker: WorkerProcess) -> None:
        self.answers = Asked()
        self._worker = worker

    def __str__(self) -> str:
        return f"answered otherwise: {dict(self.answers.others)}, not at all: {dict(self.answers.silent)}"

    async def __aenter__(self) -> Self:
        _, body = await self._worker.get("/v1/routing/partitions")
        own = {one["partition"] for one in body["partitions"] if one["here"]}
        assert own
        users = [f"u{number}" for number in range(60) if partition_of(b"u%d" % number, PARTITIONS) in own]
        pid = self._worker.pid
        self._asking = [asyncio.create_task(self._ask(users[place::_AT_ONCE], pid)) for place in range(_AT_ONCE)]
        return self

    async def all_answered(self) -> bool:
        """Whether each call was answered, the first time of which may take long."""
        return self.answers.answered.keys() == set(_CALLS)

    async def __aexit__(self, *_: object) -> None:
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _ask(self, users: list[str], pid: int) -> None:
        number = 0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)) as session:
            while self._worker.alive and self._worker.pid == pid:
                number += 1
                call = _CALLS[number % len(_CALLS)]
                path = call.format(users[number % len(users)])
                asked = time.monotonic()
                try:
                    async with session.get(self._worker.url + path) as response:
                        self.answers.take(asked, call, response.status, await response.json(content_type=None))
                except (aiohttp.ClientError, TimeoutError, OSError):
                    self.answers.silent[call] += 1
                await asyncio.sleep(_EVERY_SECONDS)


@dataclass
class Overlap:
    """How long after its lease had lapsed a worker still did what only an owner may, in seconds; below 0 for never."""

    fresh_answer: float
    write: float
    end: float

    @classmethod
    def measured(cls, answered: float, asked: Asked, proxy: KafkaProxy, ended: float) -> "Overlap":
        """Compare with when the last request that was answered went by, which is when it was sent or a moment later."""
        lapsed = answered + HELD_SECONDS
        write = proxy.passed_at.get(PRODUCE, -1e9)
        return cls(round(max(asked.fresh) - lapsed, 3), round(write - lapsed, 3), round(ended - lapsed, 3))


def last_heartbeat(proxy: KafkaProxy) -> float:
    """When the last heartbeat went by."""
    return proxy.passed_at[HEARTBEAT]
