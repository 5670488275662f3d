"""A batch that lands late in the changelog costs nothing, not even after compaction; a hole in the source is told."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from itertools import islice

import pytest_asyncio
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import ConsumerRecord

from agents.kafka.producer import AcknowledgedProducer
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from tables.position import POSITION_KEY
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings, rating
from tests.support.cluster.oracle import newest_rows, read_topic
from tests.support.cluster.verdict import applied, check_databases
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for

_PATIENCE_SECONDS = 90.0


@pytest_asyncio.fixture
async def zombie(cluster: Cluster) -> AsyncIterator[AcknowledgedProducer]:
    """The producer of a worker that is thought dead."""
    producer = AcknowledgedProducer(cluster.connection, ProcessGuard(3600.0, Supervisor()))
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
        rows[b"never heard of"] = position
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
        return last == {at: row for at, row in newest_rows(records).items() if at[1] != b"never heard of"}

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
