"""Clients of the query view that behave badly: slow, dead, too many."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load
from tests.support.cluster.worker_process import WorkerProcess
from tests.system.needs import Needs
from tests.system.records import Book
from tests.system.rest import at_rest
from tests.system.scenario import Scenario, let_run
from tests.system.watch import Watch

_CLIENTS = 500
_LIST = b"GET /v1/users/u1/recommendations?limit=200 HTTP/1.1\r\nHost: nearline\r\n\r\n"
_CUT = _LIST[:40]
"""A request whose end never comes."""
_MORE_MB = 100


@pytest.mark.full
async def test_clients_that_never_read_and_never_finish(cluster: Cluster, book: Book, seed: int) -> None:
    """F37: five hundred connections that are held open; events are applied and others get their answers meanwhile."""
    scenario = Scenario(cluster, book, "F37", f"{_CLIENTS} clients that never read, or never finish asking", seed)
    (worker,) = await scenario.begin(1)
    async with Watch(cluster, seed) as watch, Load(cluster, seed) as load:
        await let_run(2.0)
        before = Needs.of(worker.pid)
        for sent in (_LIST * 50, _CUT, b""):
            since = scenario.fault()
            async with _connections(worker, sent):
                await scenario.served_again(since)
                await at_rest(cluster)  # what has come until now is applied
                during = Needs.of(worker.pid)
                scenario.record.notes["rss_mb_more"] = round(during.rss_mb - before.rss_mb, 1)
                assert during.rss_mb - before.rss_mb < _MORE_MB
        await worker.ready()
        assert watch.answers.silent == 0, "somebody else was not answered"
    await scenario.conclude(load, watch)


@asynccontextmanager
async def _connections(worker: WorkerProcess, sent: bytes) -> AsyncIterator[None]:
    """Open connections, send the same on each, and read nothing."""
    opened = []
    try:
        for _ in range(_CLIENTS):
            _, writer = await asyncio.open_connection("127.0.0.1", worker.port, limit=1024)
            opened.append(writer)
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
            writer.write(sent)
        yield
    finally:
        for writer in opened:
            writer.transport.abort()
