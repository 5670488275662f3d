"""Three brokers, of which leaders die."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.kafka.partitions import partition_of
from agents.kafka.topics import topic_specs
from agents.liveness.exit_status import EXIT_RETRY
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.load import Load
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.three_brokers import ThreeBrokers, three_brokers
from tests.support.waiting import wait_for
from tests.system.records import Book
from tests.system.rest import at_rest
from tests.system.scenario import SERVED, Scenario, let_run
from tests.system.watch import Watch

pytestmark = [pytest.mark.kafka, pytest.mark.full]
_DEATHS = 4
_DEAD = 3
_EVENTS = {0: 1, 1: 2, 2: _DEAD, 3: 1}
_CHANGELOG = {0: _DEAD, 1: _DEAD, 2: 1, 3: 2}
"""By partition, the broker that has its only copy. The first ones to be read are the ones that nobody leads."""
_WHOLE = 3
_LEFT_OVER_SECONDS = 65.0
_PATIENCE = {"NEARLINE_WORKER__TAKEOVER_SECONDS": "15", "NEARLINE_WORKER__STUCK_SECONDS": "30"}
"""A worker that takes what nobody leads for a standstill would end within the time that it is watched."""


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[ThreeBrokers]:
    """Three brokers of this test's own."""
    with three_brokers(tmp_path / "brokers") as made:
        yield made


@pytest_asyncio.fixture
async def on_three(brokers: ThreeBrokers, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster whose topics have three copies."""
    made = Cluster(brokers.address, "system", tmp_path, replication=3)
    await made.create_topics()
    try:
        yield made
    finally:
        made.end()


async def test_a_leader_that_dies(on_three: Cluster, brokers: ThreeBrokers, book: Book, seed: int) -> None:
    """F9: kill -9 of who leads a partition of the changelog, again and again; nothing acknowledged is lost."""
    scenario = Scenario(on_three, book, "F9", "kill -9 of a changelog partition's leader, of three brokers", seed)
    await scenario.begin(2)
    async with Watch(on_three, seed) as watch, Load(on_three, seed) as load, scenario.supervised():
        for number in range(_DEATHS):
            await let_run(scenario.chance.uniform(1.0, 3.0))
            leader = brokers.nodes[await _leader(on_three, on_three.names.users_changelog, number % 4)]
            since = scenario.fault()
            await asyncio.to_thread(leader.kill)
            await scenario.served_again(since, 180)
            await let_run(scenario.chance.uniform(1.0, 5.0))
            leader.start()
            await asyncio.to_thread(brokers.wait_for_all)
            await at_rest(on_three, 180)
        scenario.record.notes["given_up_by_the_producer"] = load.given_up
    since = time.monotonic()
    await scenario.served_again(since, 180)
    await scenario.conclude(load, watch)


@pytest_asyncio.fixture
async def single_copies(brokers: ThreeBrokers, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster whose events and rows have one copy, each partition on a broker that is known."""
    made = Cluster(brokers.address, "system", tmp_path, replication=3)
    await _create_apart(made, {made.names.member_events: _EVENTS, made.names.users_changelog: _CHANGELOG})
    await made.create_topics()
    try:
        yield made
    finally:
        made.end()


@pytest.mark.parametrize("killed", [True, False], ids=["worker-and-folder-lost", "worker-that-runs"])
async def test_partitions_that_nobody_leads_at_a_takeover(
    single_copies: Cluster, brokers: ThreeBrokers, book: Book, seed: int, *, killed: bool
) -> None:
    """Those that somebody leads are recovered, taken over and served; the others follow when their broker is back.

    A worker that runs cannot write a chunk whose changelog has no leader, and leaves once.
    """
    cluster, dead = single_copies, brokers.nodes[_DEAD]
    what = "one of three brokers stays away: its partitions have no other copy"
    scenario = Scenario(cluster, book, "no leader", what, seed)
    (worker,) = await scenario.begin(1, **_PATIENCE)
    events = happenings(seed)
    await cluster.send(next(events) for _ in range(600))
    await at_rest(cluster)
    since = scenario.fault()
    await asyncio.to_thread(dead.kill)
    if killed:
        worker.kill()
        worker.lose_data()
        worker.start()
    else:
        await cluster.send_to(1, [_event_of(_new_user(1))])
        assert await asyncio.to_thread(worker.wait, 90) == EXIT_RETRY, worker.log_tail()
        worker.start()
    async with scenario.supervised():
        await wait_for("answer for a user whose partition has leaders", lambda: _answers(worker, _WHOLE), 120)
        scenario.record.seconds.append(round(time.monotonic() - since, 2))
        user = _new_user(_WHOLE)
        await cluster.send_to(_WHOLE, [_event_of(user)])
        await cluster.send_to(0, [_event_of(_new_user(0))])  # it waits: nobody takes its row
        await wait_for("a new user", lambda: _found(worker, user), 30)
        await wait_for("partitions without a leader in readiness", lambda: _names_the_leaderless(worker, cluster), 30)
        await wait_for("end of the start", lambda: _has_started(worker), 30)
        left, pid = time.monotonic(), worker.pid

        async def watched() -> bool:
            assert (worker.alive, worker.pid) == (True, pid), worker.log_tail()
            assert await _answers(worker, _WHOLE), worker.log_tail()
            return time.monotonic() - left > _LEFT_OVER_SECONDS

        await wait_for("long watch", watched, 2 * _LEFT_OVER_SECONDS)
        assert {one for one in range(PARTITIONS) if await _answers(worker, one)} == {_WHOLE}
        dead.start()
        await asyncio.to_thread(brokers.wait_for_all)
        since = time.monotonic()
        await scenario.served_again(since, 60)
        await worker.ready(60)
    await scenario.conclude()


def _new_user(partition: int) -> str:
    return next(
        name for name in map("new-{}".format, range(999)) if partition_of(name.encode(), PARTITIONS) == partition
    )


def _event_of(user: str) -> tuple[bytes, bytes]:
    _, value = next(happenings(int.from_bytes(user.encode()) % 10**6))
    return user.encode(), json.dumps(json.loads(value) | {"user_id": user}).encode()


async def _answers(worker: WorkerProcess, partition: int) -> bool:
    """Return whether a worker answers for a user of a partition."""
    return (await worker.get(f"/v1/users/{_new_user(partition)}"))[0] in SERVED


async def _found(worker: WorkerProcess, user: str) -> bool:
    return (await worker.get(f"/v1/users/{user}"))[0] == 200


async def _has_started(worker: WorkerProcess) -> bool:
    return (await worker.get("/health/startup"))[0] == 200


async def _names_the_leaderless(worker: WorkerProcess, cluster: Cluster) -> bool:
    status, body = await worker.get("/health/ready")
    said = str(body)
    events, rows = f"{cluster.names.member_events}: 2", f"{cluster.names.users_changelog}: 0, 1"
    return status == 503 and events in said and rows in said


async def _create_apart(cluster: Cluster, leaders: dict[str, dict[int, int]]) -> None:
    """Make topics of one copy whose leaders are given, by topic and partition."""
    specs = {spec.name: spec for spec in topic_specs(cluster.names, PARTITIONS)}
    new = [
        NewTopic(
            name,
            -1,
            -1,
            replica_assignments={partition: [node] for partition, node in led.items()},
            topic_configs={
                "cleanup.policy": specs[name].cleanup_policy,
                **specs[name].config,
                "min.insync.replicas": "1",
            },
        )
        for name, led in leaders.items()
    ]
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        response = await admin.create_topics(new)
    finally:
        await admin.close()
    assert not any(code for _, code, *_ in response.topic_errors), response.topic_errors


async def _leader(cluster: Cluster, topic: str, partition: int) -> int:
    """Return the node that leads a partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        (described,) = await admin.describe_topics([topic])
    finally:
        await admin.close()
    return next(int(one["leader"]) for one in described["partitions"] if one["partition"] == partition)
