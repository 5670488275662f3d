"""Who is erased is nowhere: not in an answer, not in a table, not in a changelog once that is compacted."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.structs import ConsumerRecord
from rocksdict import AccessType, Options, Rdict

from agents.kafka.partitions import partition_of
from tables.tombstones import tombstone_offset
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import rating
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.verdict import applied
from tests.support.cluster.worker_process import ROOT, WorkerProcess
from tests.support.waiting import wait_for

_PATIENCE_SECONDS = 90.0
USERS = ["ann", "bob", "cleo", "dora", "eve"]


async def erase(worker: WorkerProcess, user: str) -> int:
    """Ask a worker to erase a user; returns the status."""
    async with aiohttp.ClientSession() as session, session.delete(f"{worker.url}/v1/users/{user}") as response:
        await response.read()
        return response.status


async def erase_by_command(cluster: Cluster, worker: WorkerProcess, user: str) -> str:
    """Run the command line; returns what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "state", "erase", user, "--url", worker.url),
        cwd=ROOT,
        env={**os.environ, **cluster.environment()},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return told.decode()


async def records_of(cluster: Cluster, user: str) -> list[ConsumerRecord]:
    """The records of a user in the changelog."""
    records = await read_topic(cluster.bootstrap, cluster.names.users_changelog)
    return [record for record in records if record.key == user.encode()]


def databases_name(worker: WorkerProcess, user: str) -> bool:
    """Whether a stopped worker's databases hold a user's id, in any key or row."""
    found = False
    for folder in worker.data.rglob("users-*.db"):
        database = Rdict(str(folder), options=Options(raw_mode=True), access_type=AccessType.read_only())
        try:
            found |= any(user.encode() in key + value for key, value in database.items())
        finally:
            database.close()
    return found


@asynccontextmanager
async def with_users(cluster: Cluster, workers: int) -> AsyncIterator[list[WorkerProcess]]:
    """Run workers that have a history of every user."""
    await cluster.publish()
    started = await cluster.start_workers(workers)
    await cluster.send(rating(f"{user}-{number}", user, f"v{number}") for user in USERS for number in range(3))
    await applied(cluster)
    yield started
    for worker in started:
        assert worker.stop() == 0, worker.log_tail()


async def user_as(worker: WorkerProcess, user: str, status: int) -> Any:
    """Wait until a worker answers so for a user."""

    async def answer() -> Any:
        found, body = await worker.get(f"/v1/users/{user}")
        return body if found == status else None

    return await wait_for(f"status {status} for {user}", answer, _PATIENCE_SECONDS)


async def test_a_user_is_erased_by_any_worker_and_may_come_back_as_somebody_new(cluster: Cluster) -> None:
    partitions = {partition_of(user.encode(), PARTITIONS) for user in USERS}
    assert len(partitions) > 1, "both workers have some of them"
    async with with_users(cluster, 2) as (first, second):
        for user in USERS[:4]:
            await user_as(first, user, 200)
            assert await erase(first, user) == 204
        told = await erase_by_command(cluster, second, "eve")
        assert cluster.names.users_changelog in told
        assert await erase(second, "nobody") == 204
        for worker in (first, second):
            for user in USERS:
                assert (await worker.get(f"/v1/users/{user}"))[0] == 404
                status, answer = await worker.get(f"/v1/users/{user}/recommendations")
                assert (status, answer["source"], answer["as_of"]) == (200, "popular", None)
        for user in USERS:
            records = await records_of(cluster, user)
            assert records[0].value is not None
            assert records[-1].value is None
            assert tombstone_offset(records[-1].headers) is not None
        assert await records_of(cluster, "nobody") == [], "where there was nothing, nothing is written"
        await cluster.send([rating("ann-0", "ann", "v0"), rating("ann-new", "ann", "v9")])
        answer = await user_as(second, "ann", 200)
        await wait_for("both events", lambda: _has(second, "ann", {"v0", "v9"}), _PATIENCE_SECONDS)
        assert answer["counts"].keys() == {"rate"}
    for worker in (first, second):
        assert not any(databases_name(worker, user) for user in USERS[1:])
    first.lose_data()
    first.start()
    await first.ready()
    for user in USERS[1:]:
        await user_as(first, user, 404)
    assert await _has(first, "ann", {"v0", "v9"})
    assert first.stop() == 0, first.log_tail()
    assert not any(databases_name(first, user) for user in USERS[1:])


async def _has(worker: WorkerProcess, user: str, videos: set[str]) -> bool:
    status, answer = await worker.get(f"/v1/users/{user}")
    return status == 200 and {fact["video_id"] for fact in answer["history"]} == videos


@pytest.mark.full
async def test_a_compacted_changelog_does_not_name_the_erased(cluster: Cluster) -> None:
    async with with_users(cluster, 1) as (worker,):
        for user in USERS[1:]:
            assert await erase(worker, user) == 204
        eagerly = {
            "cleanup.policy": "compact",
            "delete.retention.ms": "0",
            "max.compaction.lag.ms": "100",
            "min.cleanable.dirty.ratio": "0.01",
            "min.compaction.lag.ms": "0",
            "segment.ms": "100",
        }
        admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
        await admin.start()
        await admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, cluster.names.users_changelog, configs=eagerly)]
        )
        await admin.close()
        numbers = iter(range(1_000_000))

        async def nobody_left() -> bool:
            # an active segment is not compacted: something must be written behind it, in every partition
            await cluster.send(rating(f"ann-{next(numbers)}", f"ann{number}", "v1") for number in range(20))
            return not [user for user in USERS[1:] if await records_of(cluster, user)]

        await wait_for("compaction", nobody_left, 240.0)
        assert await records_of(cluster, "ann")
