"""Who is erased is nowhere: not in an answer, not in a table, not in a changelog once that is compacted."""

import asyncio
import json
import os
import sys
import zlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord
from rocksdict import AccessType, Options, Rdict

from agents.kafka.partitions import partition_of
from tables.tombstones import tombstone_offset
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.compaction import compact_soon
from tests.support.cluster.happenings import rating
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.verdict import applied
from tests.support.cluster.worker_process import ROOT, WorkerProcess
from tests.support.waiting import wait_for

_PATIENCE_SECONDS = 90.0
USERS = ["ann", "bob", "cleo", "dora", "eve"]


async def erase(worker: WorkerProcess, user: str) -> list[int]:
    """Ask a worker to erase a user; returns the partitions in which there was something."""
    async with aiohttp.ClientSession() as session, session.delete(f"{worker.url}/v1/users/{user}") as response:
        told = await response.json()
        assert response.status == 200, told
    assert [one["partition"] for one in told["partitions"]] == list(range(PARTITIONS))
    assert all(one["applied"] for one in told["partitions"])
    return [one["partition"] for one in told["partitions"] if one["removed"]]


def home(user: str) -> int:
    """The partition where murmur2 puts a user."""
    return partition_of(user.encode(), PARTITIONS)


async def send_to(cluster: Cluster, placed: Iterable[tuple[int, tuple[bytes, bytes | None]]]) -> None:
    """Send records into partitions of the producer's own choice."""
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all", linger_ms=5)
    await producer.start()
    for partition, (key, value) in placed:
        await producer.send(cluster.names.member_events, key=key, value=value, partition=partition)
    await producer.flush()
    await producer.stop()


async def run_command(cluster: Cluster, *words: str, status: int = 0) -> str:
    """Run the command line, which must end with a status; returns what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", *words),
        cwd=ROOT,
        env={**os.environ, **cluster.environment()},
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate()
    assert process.returncode == status
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
            assert await erase(first, user) == [home(user)]
        told = await run_command(cluster, "state", "erase", "eve", "--url", second.url)
        assert cluster.names.users_changelog in told
        assert f"something was removed in partitions {home('eve')}\n" in told
        assert await erase(second, "nobody") == []
        assert await erase(second, "ann") == [], "it may be asked again"
        for worker in (first, second):
            for user in USERS:
                assert (await worker.get(f"/v1/users/{user}"))[0] == 404
                status, answer = await worker.get(f"/v1/users/{user}/recommendations")
                assert (status, answer["source"], answer["as_of"]) == (200, "popular", None)
        for user in USERS:
            records = await records_of(cluster, user)
            assert {record.partition for record in records} == set(range(PARTITIONS)), "a late row may lie anywhere"
            at_home = [record for record in records if record.partition == home(user)]
            assert at_home[0].value is not None
            assert at_home[-1].value is None
            assert tombstone_offset(at_home[-1].headers) is not None
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


async def _is_found(worker: WorkerProcess, user: str, elsewhere: bool) -> bool:
    status, answer = await worker.get(f"/v1/users/{user}/recommendations")
    found = answer.get("kept_elsewhere") == "found"
    return status == 200 and answer["source"] == "nearline" and found == elsewhere


async def _has(worker: WorkerProcess, user: str, videos: set[str]) -> bool:
    status, answer = await worker.get(f"/v1/users/{user}")
    return status == 200 and {fact["video_id"] for fact in answer["history"]} == videos


async def test_whoever_produces_erases_and_what_waits_before_it_is_gone_too(cluster: Cluster) -> None:
    """The worker is away; on its return it finds events, erasures between them, and records that erase nobody."""
    async with with_users(cluster, 1) as (worker,):
        worker.kill()
        await cluster.send(
            [
                rating("ann-9", "ann", "v9"),
                (b"ann", None),
                (b"bob", None),
                rating("bob-9", "bob", "v9"),
                (b"\0source-position", None),
                (b"x" * 65, None),
            ]
        )
        worker.start()
        await worker.ready()
        await applied(cluster)
        await user_as(worker, "ann", 404)
        assert await _has(worker, "bob", {"v9"})
        assert await _has(worker, "cleo", {"v0", "v1", "v2"})
        letters = await read_topic(cluster.bootstrap, cluster.names.dead_letters)
        assert sorted(dict(letter.headers)["reason"] for letter in letters) == [b"invalid_key", b"invalid_key"]
        letters_told = await run_command(cluster, "dlq", "list", "--json")
        assert sorted(letter["reason"] for letter in json.loads(letters_told)) == ["invalid_key", "invalid_key"]


async def test_a_user_whom_another_partitioner_put_elsewhere_is_erased_for_good(cluster: Cluster) -> None:
    """crc32 of the key, as librdkafka has it by default; and one user who lies in all partitions."""
    crc32 = {user: zlib.crc32(user.encode()) % PARTITIONS for user in USERS}
    strangers = [user for user in USERS if crc32[user] != home(user)]
    assert strangers
    await cluster.publish()
    first, second = await cluster.start_workers(2)
    await send_to(
        cluster,
        [(crc32[user], rating(f"{user}-{number}", user, f"v{number}")) for user in USERS for number in range(3)]
        + [(partition, rating(f"all-{partition}", "everywhere", f"v{partition}")) for partition in range(PARTITIONS)],
    )
    await applied(cluster)
    for worker in (first, second):
        for user in USERS:
            await wait_for("own list", lambda: _is_found(worker, user, user in strangers), _PATIENCE_SECONDS)  # noqa: B023
    warned = [(await worker.get("/health/ready"))[1].get("warnings", []) for worker in (first, second)]
    assert "murmur2" in json.dumps(warned)
    checked = json.loads(await run_command(cluster, "topics", "check", "--json", status=1))["partitioner"]
    assert checked["misplaced"] == 3 * len(strangers) + PARTITIONS - 1
    for user in USERS:
        assert await erase(first, user) == [crc32[user]]
    assert await erase(second, "everywhere") == list(range(PARTITIONS))
    for worker in (first, second):
        assert worker.stop() == 0, worker.log_tail()
        assert not any(databases_name(worker, user) for user in [*USERS, "everywhere"])
        worker.lose_data()
    first.start()
    await first.ready()
    assert first.stop() == 0, first.log_tail()
    assert not any(databases_name(first, user) for user in [*USERS, "everywhere"]), "rebuilt from an empty folder"


async def test_a_standby_forgets_the_erased_before_it_takes_over(cluster: Cluster) -> None:
    await cluster.publish()
    workers = [cluster.worker(str(number), NEARLINE_WORKER__STANDBY_REPLICAS="1") for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await worker.ready()
    first, second = workers
    await cluster.send(rating(f"{user}-{number}", user, f"v{number}") for user in USERS for number in range(3))
    await applied(cluster)
    for user in USERS[1:]:
        assert await erase(first, user) == [home(user)]
    first.kill()
    await user_as(second, "ann", 200)
    for user in USERS[1:]:
        await user_as(second, user, 404)
    assert second.stop() == 0, second.log_tail()
    assert not any(databases_name(second, user) for user in USERS[1:])


@pytest.mark.full
async def test_a_compacted_changelog_does_not_name_the_erased(cluster: Cluster) -> None:
    async with with_users(cluster, 1) as (worker,):
        for user in USERS[1:]:
            assert await erase(worker, user) == [home(user)]
        await compact_soon(cluster, cluster.names.users_changelog, delete_retention_ms="0")
        numbers = iter(range(1_000_000))

        async def nobody_left() -> bool:
            # an active segment is not compacted: something must be written behind it, in every partition
            await cluster.send(rating(f"ann-{next(numbers)}", f"ann{number}", "v1") for number in range(20))
            return not [user for user in USERS[1:] if await records_of(cluster, user)]

        await wait_for("compaction", nobody_left, 240.0)
        assert await records_of(cluster, "ann")
