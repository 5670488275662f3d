"""Nothing skipped, nothing applied twice, while workers are killed, lose their data, come and go."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.integration.cluster import Cluster
from tests.integration.happenings import happenings
from tests.integration.verdict import applied, check_changelog, check_databases
from tests.integration.waiting import wait_for
from tests.integration.workers import WorkerProcess

EVENTS_PER_SECOND = 400


@asynccontextmanager
async def stream(cluster: Cluster, seed: int) -> AsyncIterator[None]:
    """Send events at an even pace while the body runs, one in forty of them twice."""
    ending = asyncio.Event()
    sending = asyncio.create_task(_send_until(ending, cluster, seed))
    try:
        yield
    finally:
        ending.set()
        await sending


async def _send_until(ending: asyncio.Event, cluster: Cluster, seed: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all", linger_ms=5)
    await producer.start()
    events = happenings(seed)
    try:
        while not ending.is_set():
            sent = list(islice(events, EVENTS_PER_SECOND // 10))
            for key, value in (*sent, sent[0]):
                await producer.send(cluster.names.member_events, key=key, value=value)
            await asyncio.wait([asyncio.create_task(ending.wait())], timeout=0.1)
        await producer.flush()
    finally:
        await producer.stop()


@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.full)])
async def test_kill_9_in_mid_stream_on_the_data_folder_and_without_it(cluster: Cluster, kills: int) -> None:
    model = await cluster.publish()
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")  # noqa: T201 - to replay a failure
    chance = random.Random(seed)
    workers = await cluster.start_workers(2)
    async with stream(cluster, seed):
        for number in range(kills):
            victim = chance.choice(workers)
            await _let_run(chance.uniform(0.1, 1.0))
            victim.kill()
            if number % 2:
                victim.lose_data()
            victim.start()
            await victim.ready()
    expected = await applied(cluster)
    await check_changelog(cluster, model, expected)
    await _check_users_over_http(workers, expected.facts)
    for worker in workers:
        assert worker.stop() == 0, worker.log_tail()


async def test_workers_come_and_go_under_load(cluster: Cluster) -> None:
    model = await cluster.publish()
    first, second = cluster.worker("0"), cluster.worker("1")
    first.start()
    await first.ready()
    async with stream(cluster, seed=11):
        second.start()
        await second.ready()
        await _let_run(1.0)
        assert second.stop() == 0, second.log_tail()
    expected = await applied(cluster)
    await check_changelog(cluster, model, expected)
    await _check_users_over_http([first], expected.facts)
    assert first.stop() == 0, first.log_tail()
    await check_databases(cluster, first.data)


async def test_the_same_events_sent_again_change_nothing(cluster: Cluster) -> None:
    model = await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    sent = list(islice(happenings(3), 1500))
    await cluster.send(sent)
    await applied(cluster)
    await cluster.send(sent)
    await check_changelog(cluster, model, await applied(cluster))
    assert worker.stop() == 0, worker.log_tail()


async def _let_run(seconds: float) -> None:
    """Let load go on; this is part of the scenario, nothing is waited for."""
    await asyncio.sleep(seconds)


async def _check_users_over_http(
    workers: list[WorkerProcess], facts: dict[str, list[tuple[int, str, int, float]]]
) -> None:
    """Check that every worker answers every user, its own or not, from the whole history.

    A static member that left keeps its partitions until the session timeout, so an answer may take as long.
    """
    for worker in workers:
        for user, expected in facts.items():
            answer = await wait_for(f"answer for {user}", partial(_user, worker, user), seconds=20)
            assert sorted(fact["video_id"] for fact in answer["history"]) == sorted(fact[1] for fact in expected)


async def _user(worker: WorkerProcess, user: str) -> dict[str, Any] | None:
    status, answer = await worker.get(f"/v1/users/{user}")
    assert status in {200, 503}, answer
    return answer if status == 200 else None
