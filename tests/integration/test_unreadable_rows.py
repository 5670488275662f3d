"""Rows of somebody else in the changelog: each costs itself; one of a later release stops workers and says so."""

import asyncio
from collections.abc import Callable
from itertools import islice

import pytest
from aiokafka import AIOKafkaProducer

from agents.kafka.partitions import partition_of
from agents.users.user_state import UserState
from tables.position import POSITION_KEY
from tables.rows_aside import key_hash
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings, rating
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.verdict import applied, database_rows
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for

EXIT_CONFIG = 78
ANN, BOB, CLEO = "ann", "bob", "cleo"
Garbage = Callable[[bytes], bytes]
"""What is put in the place of a user's row."""

GARBAGE: dict[str, Garbage] = {
    "three bytes": lambda row: b"abc",
    "of no format": lambda row: row[:8] + b"\xc8" + row[9:],
    "cut": lambda row: row[:-5],
    "text": lambda row: b"some text that is much longer than the beginning of a row",
}


async def put(cluster: Cluster, key: bytes, value: bytes, partition: int) -> None:
    """Write a record into the changelog, as somebody else."""
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(cluster.names.users_changelog, key=key, value=value, partition=partition)
    finally:
        await producer.stop()


async def put_for(cluster: Cluster, user: str, garbage: Garbage) -> None:
    """Write garbage under a user's key."""
    await put(cluster, user.encode(), garbage(await row_of(cluster, user)), at_home(user))


async def row_of(cluster: Cluster, user: str) -> bytes:
    """The last row of a user that a worker put into the changelog."""
    changelog = await read_topic(cluster.bootstrap, cluster.names.users_changelog)
    rows: list[bytes] = [one.value for one in changelog if one.key == user.encode() and one.value[8:9] == b"\2"]
    return rows[-1]


def at_home(user: str) -> int:
    """The partition of a user."""
    return partition_of(user.encode(), PARTITIONS)


async def metric(worker: WorkerProcess, name: str) -> float:
    """The value of a metric without labels."""
    _, text = await worker.get("/metrics")
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def facts(worker: WorkerProcess, user: str) -> list[str]:
    """The videos of a user's history; none for one that is unknown."""
    status, answer = await worker.get(f"/v1/users/{user}")
    assert status in {200, 404}, answer
    return sorted(fact["video_id"] for fact in answer["history"]) if status == 200 else []


async def until_known(worker: WorkerProcess, user: str, video: str) -> None:
    """Wait until a fact of a user is there."""

    async def is_known() -> bool:
        return video in await facts(worker, user)

    await wait_for(f"{video} in the history of {user}", is_known, 60)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(garbage, id=name, marks=[pytest.mark.full] if name in {"cut", "text", "of no format"} else [])
        for name, garbage in GARBAGE.items()
    ],
)
async def test_a_row_that_lands_while_a_worker_is_stopped_or_runs_costs_at_most_its_user(
    cluster: Cluster, garbage: Garbage
) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send(islice(happenings(31), 300))
    people = (ANN, BOB, CLEO)
    await cluster.send(rating(f"{user}{number}", user, f"v{number}") for user in people for number in range(3))
    await applied(cluster)
    whole = ["v0", "v1", "v2"]
    await put_for(cluster, ANN, garbage)  # it runs: its own row counts
    await cluster.send([rating("cleo9", CLEO, "v9"), rating("ann9", ANN, "v9"), rating("bob9", BOB, "v9")])
    for user in people:
        await until_known(worker, user, "v9")
    assert await facts(worker, ANN) == [*whole, "v9"]
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()

    await put_for(cluster, BOB, garbage)
    worker.start()
    await worker.ready(120)
    assert await facts(worker, ANN) == await facts(worker, CLEO) == [*whole, "v9"]
    before = await facts(worker, BOB)
    assert before in ([], [*whole, "v9"]), "either row counts, and nothing between"
    status, answer = await worker.get(f"/v1/users/{BOB}/recommendations")
    assert (status, bool(answer["items"])) == (200, True)
    assert await metric(worker, "nearline_rows_set_aside_total") >= 1
    said = f"partition {at_home(BOB)}: the row under the key of hash {key_hash(BOB.encode())}"
    assert said in worker.log.read_text()
    await cluster.send([rating("bob10", BOB, "v10")])
    await until_known(worker, BOB, "v10")
    assert await facts(worker, BOB) == sorted([*before, "v10"])
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()

    worker.lose_data()
    worker.start()
    await worker.ready(120)
    assert await facts(worker, BOB) == sorted([*before, "v10"]), "on an empty folder, too"
    assert await facts(worker, ANN) == [*whole, "v9"]
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()


async def test_a_position_that_cannot_be_read_is_passed_over(cluster: Cluster) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send([rating("a1", ANN, "v1")])
    await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    for value in (b"abc", b"any bytes that are no position"):
        await put(cluster, POSITION_KEY, value, at_home(ANN))
    worker.start()
    await worker.ready(120)
    await cluster.send([rating("a2", ANN, "v2")])
    await until_known(worker, ANN, "v2")
    assert await facts(worker, ANN) == ["v1", "v2"]
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    worker.lose_data()
    worker.start()
    await worker.ready(120)
    assert await facts(worker, ANN) == ["v1", "v2"]
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()


@pytest.mark.parametrize("key", ["a user", "the position"])
async def test_a_row_of_a_later_release_ends_a_worker_with_78_and_says_which(cluster: Cluster, key: str) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    await cluster.send([rating("a1", ANN, "v1")])
    await applied(cluster)
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()
    place = ANN.encode() if key == "a user" else POSITION_KEY
    row = database_row(worker, place)
    await put(cluster, place, row[:8] + bytes([3, 7, 8, 9]) + row[12:], at_home(ANN))
    for _ in range(2):
        worker.start()
        assert await asyncio.to_thread(worker.wait, 120) == EXIT_CONFIG, worker.log_tail()
        said = worker.log_tail()
        assert f"partition {at_home(ANN)}" in said
        assert "of format 3, written by release 7.8.9" in said
        assert "Run that release, or a later one" in said


def database_row(worker: WorkerProcess, key: bytes) -> bytes:
    """A row of ann's partition as the stopped worker's database holds it."""
    row = dict(database_rows(worker.data, at_home(ANN)))[key]
    assert row
    assert key == POSITION_KEY or UserState.decode(row)
    return row
