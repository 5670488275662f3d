"""Queries: every worker answers every user, alike, with at most one hop."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

import aiohttp
import pytest

from agents.kafka.partitions import partition_of
from app.query.http.headers import HOP_HEADER
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.load import Load
from tests.support.cluster.worker_process import WorkerProcess
from tests.system.records import Book
from tests.system.rest import at_rest
from tests.system.scenario import Scenario, let_run, owner_urls, until_served
from tests.system.watch import Watch

_USERS = 400


@pytest.mark.full
async def test_any_worker_answers_any_user_alike(cluster: Cluster, book: Book, seed: int) -> None:
    """F36: the list and the history of each of many users, from each of three workers; one hop, and never a second."""
    scenario = Scenario(cluster, book, "F36", f"{_USERS} users asked of each of three workers", seed)
    workers = await scenario.begin(3)
    await cluster.send(islice(happenings(seed, users=_USERS), 4_000))
    await at_rest(cluster)
    owners = await owner_urls(cluster)
    hops = await _hops(workers)
    passed_on = 0
    async with aiohttp.ClientSession() as session:
        for number in range(_USERS):
            owner = owners[partition_of(b"u%d" % number, PARTITIONS)]
            for path in (f"/v1/users/u{number}", f"/v1/users/u{number}/recommendations?limit=50"):
                answers = [await _get(session, worker.url + path) for worker in workers]
                assert answers[0][0] in {200, 404}, answers[0]
                assert answers[1:] == answers[:-1], path
                passed_on += sum(worker.url != owner for worker in workers)
        assert await _hops(workers) - hops == passed_on, "each question that was passed on was passed on once"
        stranger = next(worker for worker in workers if worker.url != owners[0])
        user = next(f"u{number}" for number in range(99) if partition_of(b"u%d" % number, PARTITIONS) == 0)
        status, _ = await _get(session, f"{stranger.url}/v1/users/{user}", {HOP_HEADER: "1"})
        assert status == 503
    assert await _hops(workers) - hops == passed_on + 1, "what was passed on already went no further"
    await scenario.conclude()


@pytest.mark.full
async def test_queries_while_partitions_move(cluster: Cluster, book: Book, seed: int) -> None:
    """F35: workers die and come while all of them are asked; the watch knows what may be answered."""
    scenario = Scenario(cluster, book, "F35", "queries of all workers while partitions move", seed)
    workers = await scenario.begin(3)
    async with Watch(cluster, seed) as watch, Load(cluster, seed) as load:
        for worker in workers * 2:
            since = scenario.fault()
            worker.kill()
            await scenario.served_again(since)  # by the others, when its session has ended
            worker.start()
            await worker.ready(120)
            await until_served(cluster)
            await let_run(1.0)
    answers = watch.answers
    scenario.record.notes |= {"served": answers.served, "refused": answers.refused, "silent": answers.silent}
    assert answers.served > answers.refused, "most questions are answered"
    await scenario.conclude(load, watch)


async def _get(session: aiohttp.ClientSession, url: str, headers: Mapping[str, str] | None = None) -> tuple[int, Any]:
    async with session.get(url, headers=headers) as response:
        return response.status, await response.json(content_type=None)


async def _hops(workers: list[WorkerProcess]) -> int:
    """Return how many requests came to workers from other workers."""
    count = 0.0
    for worker in workers:
        _, text = await worker.get("/metrics")
        count += sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if _is_hop(line))
    return int(count)


def _is_hop(line: str) -> bool:
    return line.startswith("nearline_http_requests_total{") and 'hop="1"' in line
