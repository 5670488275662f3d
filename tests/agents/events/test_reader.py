"""The reader on a real broker: it goes on where the table stands, hands over whole chunks, and stops when told."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import cast

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from agents.changelog.recovery import Recovery, RecoveryBounds
from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import Chunk, make_chunk_channel
from agents.events.reader import Assignment, Reader, ReaderBounds
from agents.events.source import Source
from agents.kafka import leaders
from agents.kafka.producer import MAX_BATCH_BYTES
from agents.kafka.producer_claims import ClaimsForbidden
from agents.liveness.exit_status import EXIT_CONFIG
from agents.liveness.supervisor import Supervisor
from app.worker.metrics import WorkerMetrics
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position, fingerprint
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import rating
from tests.support.cluster.oracle import read_topic
from tests.support.event_path.changelog_log import Log
from tests.support.own_partitions import own_partitions
from tests.support.waiting import wait_for

_RECOVERY = RecoveryBounds(fetch_bytes=1 << 16, fetch_wait_ms=20, standstill_seconds=30.0)


class Reading:
    """A reader of a cluster's member events; what it hands over is taken and kept."""

    def __init__(self, cluster: Cluster, table: BatchTable, metrics: WorkerMetrics) -> None:
        self.said: list[tuple[str, int]] = []
        supervisor = Supervisor(lambda reason, status: self.said.append((reason, status)))  # type: ignore[arg-type, return-value]
        self.partitions = set(range(PARTITIONS))
        self.own = own_partitions(table, Log(), metrics.users, supervisor)
        self.channel = make_chunk_channel(faust.App("reading", autodiscover=False), 1)
        self.chunks: list[Chunk] = []
        self.prepared: list[set[int]] = []
        self.ends_while_it_prepares = False
        self.takes = asyncio.Event()
        self.takes.set()
        self.reader = Reader(
            source=Source(cluster.connection, cluster.names.member_events, f"{cluster.names.app_id}-reader"),
            own=self.own,
            channel=self.channel,
            assignment=Assignment(lambda: set(self.partitions), set),
            recovery=Recovery(cluster.connection, table, _RECOVERY, supervisor, metrics.changelog),
            sizes=ChunkSizes(1000, MAX_BATCH_BYTES),
            bounds=ReaderBounds(fetch_wait_ms=20, linger_seconds=0.0, takeover_seconds=30.0),
            metrics=metrics.events,
            before_first_chunk=self.prepare,
        )

    async def prepare(self, partitions: set[int]) -> None:
        """Note what is taken over, which nothing was read of yet."""
        assert not partitions & {at for chunk in self.chunks for at in chunk.records}
        self.prepared.append(partitions)
        if self.ends_while_it_prepares:
            await self.own.ownership.revoke()

    async def take(self) -> None:
        """Take chunks as the agent does, for ever."""
        async for chunk in self.channel:
            await self.takes.wait()
            self.chunks.append(cast(Chunk, chunk))
            self.channel.taken()

    async def takes_over(self) -> None:
        """Wait until all partitions run."""

        async def run() -> bool:
            return self.reader.running

        await wait_for("takeover", run)

    def records(self) -> dict[int, list[ConsumerRecord]]:
        """What was handed over, by partition, in order."""
        found: dict[int, list[ConsumerRecord]] = {}
        for chunk in self.chunks:
            for at, records in chunk.records.items():
                found.setdefault(at, []).extend(records)
        return found

    async def has(self, count: int) -> None:
        """Wait until so many records were handed over."""

        async def are_there() -> bool:
            return sum(map(len, self.records().values())) >= count

        await wait_for(f"{count} records", are_there)


@asynccontextmanager
async def reading(cluster: Cluster, table: BatchTable, metrics: WorkerMetrics) -> AsyncIterator[Reading]:
    """Connect a reader, and let an agent take its chunks."""
    rig = Reading(cluster, table, metrics)
    taking = asyncio.create_task(rig.take())
    await rig.reader.connect()
    try:
        yield rig
    finally:
        await rig.reader.stop()
        taking.cancel()


def stands_behind(table: BatchTable, record: ConsumerRecord) -> None:
    """Store that everything up to a record is applied."""
    position = Position(record.offset + 1, fingerprint(record.timestamp, record.key, record.value))
    table.commit(record.partition, {POSITION_KEY: position.encode()}, -1)


async def sent(cluster: Cluster, count: int, start: int = 0) -> dict[int, list[ConsumerRecord]]:
    """Send ratings of many users, and return all records of the topic by partition."""
    await cluster.send([rating(f"e{number}", f"u{number}", "v1") for number in range(start, start + count)])
    records: dict[int, list[ConsumerRecord]] = {at: [] for at in range(PARTITIONS)}
    for record in await read_topic(cluster.bootstrap, cluster.names.member_events):
        records[record.partition].append(record)
    return records


def offsets(records: dict[int, list[ConsumerRecord]]) -> dict[int, list[int]]:
    """Return the offsets by partition, of those that have any."""
    return {at: [record.offset for record in found] for at, found in records.items() if found}


async def test_it_goes_on_where_the_table_stands_and_every_chunk_says_what_it_follows(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    records = await sent(cluster, 80)
    stands_behind(table, records[0][4])
    expected = {**records, 0: records[0][5:]}
    async with reading(cluster, table, metrics) as rig:
        await rig.reader.assigned()
        await rig.has(75)
        assert offsets(rig.records()) == offsets(expected)
        assert set().union(*rig.prepared) == rig.partitions
        assert rig.reader.running
        reached = dict.fromkeys(range(PARTITIONS), 0) | {0: 5}
        for chunk in rig.chunks:
            assert chunk.generation == rig.own.ownership.generation
            assert chunk.after == {at: reached[at] for at in chunk.records}
            reached |= {at: found[-1].offset + 1 for at, found in chunk.records.items()}
        assert rig.reader.reached() == reached
        assert rig.reader.lag() == 0
    assert rig.said == []


async def test_a_partition_that_nobody_leads_keeps_no_other_waiting_and_is_read_when_somebody_does(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, orphans = leaders.by_leader, {0, 2}

    def led(
        consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> dict[int | None, list[TopicPartition]]:
        missing = [at for at in partitions if at.topic == cluster.names.member_events and at.partition in orphans]
        found = known(consumer, [at for at in partitions if at not in missing])
        return {**found, None: missing} if missing else found

    monkeypatch.setattr(leaders, "by_leader", led)
    monkeypatch.setattr(leaders, "AWAY_SECONDS", 0.5)
    records = await sent(cluster, 80)
    async with reading(cluster, table, metrics) as rig:
        assert not rig.reader.served
        await rig.reader.assigned()
        assert not rig.reader.served
        await rig.has(len(records[1]) + len(records[3]))
        assert set(rig.own.ownership.running) == {1, 3}
        assert not rig.reader.running

        async def served() -> bool:
            return rig.reader.served

        await wait_for("all but what nobody leads", served)
        orphans.discard(0)
        await rig.has(80 - len(records[2]))
        assert not rig.reader.running
        orphans.clear()
        await rig.takes_over()
        await rig.has(80)
        assert offsets(rig.records()) == offsets(records)
        assert rig.prepared == [{1, 3}, {0}, {2}]
    assert rig.said == []


async def test_offsets_without_records_are_part_of_what_a_chunk_follows(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    """A transaction ends with a marker, which has an offset and is no record."""
    topic = cluster.names.member_events
    async with transactional(cluster) as producer:
        for number in range(3):
            key, value = rating(f"e{number}", "u", "v1")
            async with producer.transaction():
                await producer.send_and_wait(topic, key=key, value=value, partition=1)
    first, *_ = await read_topic(cluster.bootstrap, topic)
    stands_behind(table, first)
    async with reading(cluster, table, metrics) as rig:
        rig.partitions = {1}
        await rig.reader.assigned()
        await rig.has(2)
        assert offsets(rig.records()) == {1: [2, 4]}
        reached = 1
        for chunk in rig.chunks:
            assert chunk.after == {1: reached}
            reached = chunk.records[1][-1].offset + 1
    assert rig.said == []


async def test_after_a_revocation_nothing_is_handed_over_and_the_next_generation_begins_at_the_position(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    await sent(cluster, 40)
    async with reading(cluster, table, metrics) as rig:
        await rig.reader.assigned()
        await rig.has(40)
        await rig.reader.revoked()
        assert (rig.own.ownership.generation, rig.own.ownership.running) == (1, set())
        assert rig.reader.lag() is None
        rig.chunks.clear()
        records = await sent(cluster, 40, start=40)
        stands_behind(table, records[1][1])
        rig.partitions = {1}
        await rig.reader.assigned()
        await rig.has(len(records[1]) - 2)
        assert offsets(rig.records()) == {1: [record.offset for record in records[1][2:]]}
        assert {chunk.generation for chunk in rig.chunks} == {1}
    assert rig.said == []


async def test_a_topic_that_was_made_again_is_noticed_and_nothing_of_it_is_handed_over(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    records = await sent(cluster, 40)
    table.commit(2, {POSITION_KEY: Position(3, fingerprint=12345).encode()}, -1)
    async with reading(cluster, table, metrics) as rig:
        rig.partitions = {2}
        await rig.reader.assigned()

        async def is_told() -> bool:
            return bool(rig.said)

        await wait_for("the end of the process", is_told)
        assert len(records[2]) > 3
        assert rig.chunks == []
    reason, status = rig.said[0]
    assert "the record at offset 2 is not the one that this worker applied" in reason
    assert status == EXIT_CONFIG


async def test_a_takeover_that_may_not_claim_ends_the_worker_for_good(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(cluster, 40)

    async def claim(_: Reading, __: set[int]) -> None:
        raise ClaimsForbidden("no rule allows it")

    monkeypatch.setattr(Reading, "prepare", claim)
    async with reading(cluster, table, metrics) as rig:
        await rig.reader.assigned()

        async def is_told() -> bool:
            return bool(rig.said)

        await wait_for("the end of the process", is_told)
        assert rig.own.ownership.running == set()
        assert rig.chunks == []
    assert rig.said[0] == ("no rule allows it", EXIT_CONFIG)


async def test_what_retention_took_before_it_was_read_is_counted_and_the_rest_is_read(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    records = await sent(cluster, 60)
    stands_behind(table, records[3][1])
    at = TopicPartition(cluster.names.member_events, 3)
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        await admin.delete_records({at: RecordsToDelete(before_offset=7)})
    finally:
        await admin.close()
    async with reading(cluster, table, metrics) as rig:
        rig.partitions = {3}
        await rig.reader.assigned()
        await rig.has(len(records[3]) - 7)
        assert offsets(rig.records()) == {3: [record.offset for record in records[3][7:]]}
    assert metrics.events.retention_gap._value.get() == 5
    assert rig.said == []


@asynccontextmanager
async def transactional(cluster: Cluster) -> AsyncIterator[AIOKafkaProducer]:
    """Start a producer with transactions of its own."""
    name = f"{cluster.names.app_id}-transactions"
    producer = AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, transactional_id=name, acks="all")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_what_waits_behind_an_open_transaction_is_lag_until_it_ends(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    topic = cluster.names.member_events
    async with transactional(cluster) as producer, reading(cluster, table, metrics) as rig:
        rig.partitions = {0}
        await producer.begin_transaction()
        await producer.send_and_wait(topic, key=b"u1", value=b"{}", partition=0)
        await cluster.send_to(0, [rating(f"e{number}", "u2", "v1") for number in range(50)])
        await rig.reader.assigned()

        async def is_told() -> bool:
            held_up = rig.reader.open_transaction
            return held_up is not None and held_up.seconds > 1

        await wait_for("the open transaction", is_told)
        assert rig.reader.lag() == metrics.events.lag_records._value.get() == 51
        held_up = rig.reader.open_transaction
        assert held_up is not None
        assert (held_up.partition, held_up.records) == (0, 51)
        assert metrics.events.open_transaction_records._value.get() == 51
        assert metrics.events.open_transaction_seconds._value.get() > 0
        assert rig.reader.reached() == {0: 0}, "the watchdog compares it with the last stable offset, which is 0, too"
        assert rig.chunks == []
        await producer.abort_transaction()
        await rig.has(50)

        async def is_over() -> bool:
            return not (metrics.events.open_transaction_seconds._value.get() or metrics.events.lag_records._value.get())

        await wait_for("the end of the lag, the marker at the end notwithstanding", is_over)
        assert rig.reader.open_transaction is None
        assert offsets(rig.records()) == {0: list(range(1, 51))}
    assert rig.said == []


@pytest.mark.parametrize("followed", [True, False])
async def test_a_marker_where_the_applied_record_was_is_another_topics(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics, followed: bool
) -> None:
    topic = cluster.names.member_events
    async with transactional(cluster) as producer, producer.transaction():
        for _ in range(5):
            await producer.send(topic, key=b"u1", value=b"{}", partition=2)
    if followed:
        await cluster.send_to(2, [rating("e1", "u1", "v1")])
    table.commit(2, {POSITION_KEY: Position(6, fingerprint=12345).encode()}, -1)  # the marker is at offset 5
    async with reading(cluster, table, metrics) as rig:
        rig.partitions = {2}
        await rig.reader.assigned()

        async def is_told() -> bool:
            return bool(rig.said)

        await wait_for("the end of the process", is_told)
        assert rig.chunks == []
    reason, status = rig.said[0]
    assert "this worker applied a record at offset 5, and there is none now" in reason
    assert status == EXIT_CONFIG


async def test_a_generation_that_ends_while_a_takeover_is_prepared_takes_nothing_over(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    await sent(cluster, 20)
    async with reading(cluster, table, metrics) as rig:
        rig.ends_while_it_prepares = True
        await rig.reader.assigned()
        task = rig.reader._task
        assert task is not None
        await asyncio.wait([task], timeout=30)
        assert task.cancelled()
        assert rig.prepared
        assert rig.own.ownership.running == set()
        assert rig.chunks == []
    assert rig.said == []


async def test_a_revocation_returns_when_the_write_under_way_has_ended(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    acknowledged = asyncio.Event()

    async def write() -> None:
        await acknowledged.wait()

    async with reading(cluster, table, metrics) as rig:
        await rig.reader.assigned()
        await rig.takes_over()
        ownership = rig.own.ownership
        async with ownership.preparing(ownership.generation):
            ownership.write(write())
        revocation = asyncio.create_task(rig.reader.revoked())

        async def generation_has_ended() -> bool:
            return ownership.generation == 1

        await wait_for("end of the generation", generation_has_ended)
        assert not revocation.done()
        assert ownership.running == rig.partitions, "they are ours until the write has ended"
        acknowledged.set()
        await revocation
        assert ownership.running == set()
    assert rig.said == []


async def test_a_standby_that_is_taken_over_is_no_standby_any_more(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    table.complete_standbys.update(range(PARTITIONS))
    async with reading(cluster, table, metrics) as rig:
        await rig.reader.assigned()
        await rig.takes_over()
        assert table.complete_standbys == set()
        await rig.reader.revoked()
        assert table.complete_standbys == rig.partitions, "nobody else has written since"


async def test_the_group_is_told_what_is_stored_and_not_what_is_fetched(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    records = await sent(cluster, 40)
    stands_behind(table, records[0][4])
    stands_behind(table, records[2][1])
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()

    async def committed() -> dict[int, int]:
        found = await admin.list_consumer_group_offsets(f"{cluster.names.app_id}-reader")
        return {at.partition: place.offset for at, place in found.items()}

    try:
        async with reading(cluster, table, metrics) as rig:
            await rig.reader.assigned()
            await rig.has(40 - 5 - 2)
            assert rig.reader.reached()[0] == len(records[0]) > 5
            rig.reader._reported, before = 0.0, rig.reader._committing

            async def is_told_again() -> bool:
                told = rig.reader._committing
                return told is not None and told is not before and told.done()

            await wait_for("commit", is_told_again)
            assert await committed() == {0: 5, 2: 2}
    finally:
        await admin.close()


async def test_lag_is_what_the_topic_has_and_the_agent_has_not_been_handed(
    cluster: Cluster, table: BatchTable, metrics: WorkerMetrics
) -> None:
    async with reading(cluster, table, metrics) as rig:
        rig.takes.clear()
        await rig.reader.assigned()
        await rig.takes_over()
        await sent(cluster, 40)

        async def a_chunk_waits() -> bool:
            return rig.channel.busy

        await wait_for("chunk", a_chunk_waits)
        await sent(cluster, 40, start=40)

        async def something_waits() -> bool:
            return bool(rig.reader.lag())

        await wait_for("lag of what waits", something_waits)
        waiting = 80 - sum(rig.reader.reached().values())
        assert 0 < (rig.reader.lag() or 0) <= waiting  # less where what is fetched ahead tells an end of a moment ago
        rig.takes.set()
        await rig.has(80)

        async def nothing_waits() -> bool:
            return rig.reader.lag() == 0

        await wait_for("lag of 0", nothing_waits)
        assert sum(rig.reader.reached().values()) == 80
