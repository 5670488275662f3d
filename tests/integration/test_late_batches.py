"""A batch that lands late in the changelog costs nothing, not even after compaction; a hole in the source is told."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from itertools import islice
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import ConsumerRecord

from agents.kafka.producer import AcknowledgedProducer
from agents.liveness.exit_status import EXIT_RETRY
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from deploy.kafka import Broker
from deploy.kafka.ports import free_ports
from tables.applied_offset import RESERVED
from tables.position import POSITION_KEY
from tests.integration.group_view import serves_all, settled
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings, rating
from tests.support.cluster.kafka_proxy import PRODUCE, Direction, KafkaProxy
from tests.support.cluster.oracle import newest_rows, read_topic
from tests.support.cluster.verdict import applied, check_databases
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.leases import held_lease
from tests.support.waiting import wait_for

_PATIENCE_SECONDS = 90.0


@pytest_asyncio.fixture
async def zombie(cluster: Cluster) -> AsyncIterator[AcknowledgedProducer]:
    """The producer of a worker that is thought dead."""
    producer = AcknowledgedProducer(cluster.connection, ProcessGuard(3600.0, Supervisor()), held_lease())
    await producer.start()
    yield producer
    await producer.stop()


async def changelog(cluster: Cluster) -> list[ConsumerRecord]:
    """Every record of the changelog."""
    return await read_topic(cluster.bootstrap, cluster.names.users_changelog)


def compacted(records: list[ConsumerRecord]) -> Mapping[tuple[int, bytes], bytes]:
    """What compaction leaves: the last record of each key."""
    last = {(record.partition, record.key): record.value for record in records}
    return {at: value for at, value in last.items() if value is not None}


async def metric(worker: WorkerProcess, name: str) -> float:
    """The value of a metric without labels."""
    _, text = await worker.get("/metrics")
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(f"{name} "))


async def test_rows_that_land_late_are_followed_by_the_newer_ones(
    cluster: Cluster, zombie: AcknowledgedProducer
) -> None:
    await cluster.publish()
    (worker,) = await cluster.start_workers(1)
    events = happenings(21)
    for _ in range(3):
        await cluster.send(islice(events, 200))
        await applied(cluster)
    first_rows: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
    for record in await changelog(cluster):
        first_rows[record.partition].setdefault(record.key, record.value)
    late = 0
    for partition, rows in first_rows.items():
        position = rows.pop(POSITION_KEY)
        assert position is not None
        rows[b"never heard of"] = next(row for key, row in rows.items() if not key.startswith(RESERVED))
        await zombie.append(
            cluster.names.users_changelog, partition, rows, dict.fromkeys(rows, 0), (POSITION_KEY, position)
        )
        late += len(rows) + 1
    lost = compacted(await changelog(cluster))
    assert lost != newest_rows(await changelog(cluster)), "compaction would go back to the late rows"
    one_each = {record.partition: record for record in await read_topic(cluster.bootstrap, cluster.names.member_events)}
    assert one_each.keys() == set(range(PARTITIONS))
    await cluster.send((record.key, record.value) for record in one_each.values())  # repeats, which change no user

    async def mended() -> bool:
        records = await changelog(cluster)
        last = compacted(records)
        return last == newest_rows(records)

    await wait_for("newer rows behind the late ones", mended, _PATIENCE_SECONDS)
    assert await metric(worker, "nearline_changelog_intruded_records_total") == late
    before = compacted(await changelog(cluster))
    assert worker.stop() == 0, worker.log_tail()
    worker.lose_data()
    worker.start()
    await worker.ready()
    assert worker.stop() == 0, worker.log_tail()
    assert compacted(await changelog(cluster)) == before, "a rebuild comes to the same"
    await check_databases(cluster, worker.data)


async def erase(worker: WorkerProcess, user: str) -> None:
    """Erase a user, and wait until the worker has nobody by that name."""
    async with aiohttp.ClientSession() as session, session.delete(f"{worker.url}/v1/users/{user}") as response:
        assert response.status < 300, await response.text()
    await wait_for(f"end of {user}", lambda: nobody([worker], [user]), _PATIENCE_SECONDS)


async def nobody(workers: list[WorkerProcess], users: list[str]) -> bool:
    """Whether all these workers answer 404 for all these users."""
    return {(await worker.get(f"/v1/users/{user}"))[0] for worker in workers for user in users} == {404}


async def alive_again(workers: list[WorkerProcess]) -> None:
    """Start those again that have left, as whoever supervises them does, and wait until all are ready."""
    for worker in workers:
        if not worker.alive:
            assert worker.wait(1) == EXIT_RETRY, worker.log_tail()
            worker.start()
    for worker in workers:
        await worker.ready()


async def test_whom_a_successor_erased_an_owner_that_was_cut_off_does_not_bring_back(tmp_path: Path) -> None:
    """Its batch with events of theirs comes behind the erasure, as does one of a release that claims nothing."""
    (port,) = free_ports(1)
    with Broker(data_dir=tmp_path / "broker", proxies=[port]) as broker:
        async with KafkaProxy(port, broker.behind(port)) as proxy:
            cluster = Cluster(broker.address, f"test-{uuid4().hex[:12]}", tmp_path)
            await cluster.create_topics()
            try:
                await _erase_behind_a_cut(cluster, proxy)
            finally:
                proxy.release()
                cluster.end()


async def _erase_behind_a_cut(cluster: Cluster, proxy: KafkaProxy) -> None:
    await cluster.publish()
    users, others = [f"gone{number}" for number in range(8)], [f"here{number}" for number in range(20)]
    cut, other = cluster.worker("0", NEARLINE_KAFKA__BOOTSTRAP=proxy.address), cluster.worker("1")
    for worker in (cut, other):
        worker.start()
    for worker in (cut, other):
        await worker.ready()
    await settled(cluster, [cut, other])
    await cluster.send(rating(f"{user}-{video}", user, video) for user in users + others for video in ("v1", "v2"))
    await applied(cluster)
    proxy.hold(PRODUCE)
    await cluster.send(rating(f"{user}-v3", user, "v3") for user in users)

    async def waits() -> bool:
        return proxy.waiting > 0

    await wait_for("batch of the first owner", waits, _PATIENCE_SECONDS)
    proxy.swallow(*Direction)
    await wait_for("all partitions on its successor", lambda: serves_all(other), _PATIENCE_SECONDS)
    await applied(cluster)
    for user in users:
        await erase(other, user)
    proxy.release()
    await _land_once_more(cluster, set(users))
    proxy.heal()

    async def both() -> bool:
        await alive_again([cut, other])
        return {await metric(worker, "nearline_partitions_running") for worker in (cut, other)} == {PARTITIONS / 2}

    await wait_for("partitions on both", both, _PATIENCE_SECONDS)
    await cluster.send(rating(f"{user}-v4", user, "v4") for user in others)
    await applied(cluster)

    async def last_records() -> bool:
        last = {record.key: record.value for record in await changelog(cluster)}
        return all(last[user.encode()] is None for user in users)

    await wait_for("tombstones behind the late rows", last_records, _PATIENCE_SECONDS)
    assert await nobody([cut, other], users)
    assert not {key.decode() for _, key in newest_rows(await changelog(cluster))} & set(users)
    for worker in (cut, other):
        assert worker.stop() == 0, worker.log_tail()
        worker.lose_data()
    for worker in (cut, other):
        worker.start()
    await alive_again([cut, other])
    assert await nobody([cut, other], users)
    assert {(await cut.get(f"/v1/users/{user}"))[0] for user in others} == {200}


async def _land_once_more(cluster: Cluster, users: set[str]) -> None:
    """Append the newest rows of users once more, behind their removal, with the position of that time."""
    rows: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
    positions: dict[int, bytes] = {}
    for record in await changelog(cluster):
        if record.key == POSITION_KEY and record.partition not in positions:
            positions[record.partition] = record.value
        elif record.key.decode(errors="replace") in users and record.value is not None:
            rows[record.partition][record.key] = record.value
    producer = AcknowledgedProducer(cluster.connection, ProcessGuard(3600.0, Supervisor()), held_lease())
    await producer.start()
    try:
        for partition, late in rows.items():
            last = (POSITION_KEY, positions[partition])
            await producer.append(cluster.names.users_changelog, partition, late, {}, last)
    finally:
        await producer.stop()


async def test_records_that_retention_took_before_they_were_read_are_counted(cluster: Cluster) -> None:
    await cluster.publish()
    worker = cluster.worker("0")
    worker.start()
    await worker.ready()
    user, first = rating("e0", "ann", "v0")
    await cluster.send([(user, first)])
    await applied(cluster)
    assert worker.stop() == 0, worker.log_tail()
    await cluster.send(rating(f"e{number}", "ann", f"v{number}") for number in range(1, 8))
    source = await read_topic(cluster.bootstrap, cluster.names.member_events)
    at = TopicPartition(cluster.names.member_events, source[0].partition)
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    await admin.delete_records({at: RecordsToDelete(before_offset=6)})
    await admin.close()
    worker.start()
    await worker.ready()

    async def history() -> list[str]:
        status, answer = await worker.get("/v1/users/ann")
        found = sorted(fact["video_id"] for fact in answer["history"]) if status == 200 else []
        return found if "v7" in found else []

    assert await wait_for("events behind the hole", history, _PATIENCE_SECONDS) == ["v0", "v6", "v7"]
    assert await metric(worker, "nearline_retention_gap_records_total") == 5
    assert "retention removed 5 records before they were read" in worker.log.read_text()
    assert worker.stop() == 0, worker.log_tail()
