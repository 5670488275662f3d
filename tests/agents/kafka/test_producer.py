"""The acknowledged producer on a real broker: the last record is last, however many batches it takes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.protocol.produce import ProduceRequest

from agents.kafka.connection import Connection
from agents.kafka.producer import MAX_BATCH_BYTES, AcknowledgedProducer, Outgoing
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from tables.tombstones import tombstone_offset
from tests.support.cluster.oracle import read_topic
from tests.support.leases import held_lease
from tests.support.leaving import LeavingSupervisor, Left
from tests.support.waiting import wait_for


@pytest.fixture
async def topic(kafka: str) -> str:
    """A topic of one partition, which takes the largest batches."""
    name = f"append-{uuid4().hex[:12]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": str(2 * MAX_BATCH_BYTES)})])
    await admin.close()
    return name


class Overheard(ProcessGuard):
    """A guard that notes what leaves the process, and what has come back of it."""

    def __init__(self) -> None:
        super().__init__(60.0, Supervisor())
        self.sent: list[Any] = []
        self.answered = 0

    def guarded(self, send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return what sends, and notes requests that bring records, each once."""
        checked = super().guarded(send)

        async def noted(node: int, request: Any, **options: Any) -> Any:
            if not isinstance(request, ProduceRequest) or any(request is known for known, _ in self.sent):
                return await checked(node, request, **options)
            self.sent.append((request, self.answered))
            answer = await checked(node, request, **options)
            self.answered += 1
            return answer

        return noted


@asynccontextmanager
async def producing(kafka: str, guard: ProcessGuard) -> AsyncIterator[AcknowledgedProducer]:
    """Start a producer."""
    producer = AcknowledgedProducer(Connection(kafka), guard, held_lease())
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_every_replica_has_what_is_acknowledged(kafka: str, topic: str) -> None:
    guard = Overheard()
    async with producing(kafka, guard) as producer:
        await producer.append(topic, 0, {b"u": b"row"}, {}, (b"position", b"7"))
        await producer.send([Outgoing(topic, b"letter", b"value")])
    assert [request.required_acks for request, _ in guard.sent] == [-1, -1]


async def test_what_was_sent_is_there(kafka: str, topic: str) -> None:
    guard = Overheard()
    async with producing(kafka, guard) as producer:
        await producer.send([Outgoing(topic, b"%d" % number, b"value") for number in range(3)])
        assert guard.answered == len(guard.sent) > 0
    assert [record.key for record in await read_topic(kafka, topic)] == [b"0", b"1", b"2"]


async def test_the_last_batch_goes_out_when_the_others_are_acknowledged(kafka: str, topic: str) -> None:
    """The position is in it: it must never be there without the rows that it covers, wherever a crash comes."""
    guard = Overheard()
    rows: dict[bytes, bytes | None] = {b"u%d" % number: bytes(300_000) for number in range(10)}
    async with producing(kafka, guard) as producer:
        batches: list[list[bool]] = []
        futures: list[asyncio.Future[Any]] = []
        plain = producer._running().send_batch

        async def send_batch(*args: Any, **options: Any) -> Any:
            batches.append([future.done() for future in futures])
            futures.append(await plain(*args, **options))
            return futures[-1]

        producer._running().send_batch = send_batch
        landed = await producer.append(topic, 0, rows, {}, (b"position", b"7"))
    assert len(landed) == len(batches) > 2
    assert batches[-1] == [True] * (len(batches) - 1)
    assert guard.sent[-1][1] == len(guard.sent) - 1


async def end_without_its_sender(producer: AcknowledgedProducer) -> None:
    """Close what a producer has open whose own task met the end of the process; a stop would wait for that task."""
    plain = producer._running()
    with suppress(Left):
        await plain._sender.close()
    await plain.client.close()
    plain._closed = True


async def test_nothing_leaves_a_process_that_slept(kafka: str, topic: str) -> None:
    now = [100.0]
    supervisor = LeavingSupervisor()
    async with producing(kafka, ProcessGuard(5.0, supervisor, lambda: now[0])) as producer:
        await producer.append(topic, 0, {b"before": b"row"}, {}, (b"position", b"7"))
        now[0] += 5.1
        appending = asyncio.create_task(producer.append(topic, 0, {b"after": b"row"}, {}, (b"position", b"8")))

        async def has_left() -> bool:
            return bool(supervisor.reasons) or appending.done()

        await wait_for("end of the process", has_left)
        assert supervisor.reasons, "what a process that slept has sent is acknowledged"
        assert "did not run for 5.1 s" in supervisor.reasons[0]
        appending.cancel()
        await asyncio.wait([appending])
        now[0] = 100.0
        await end_without_its_sender(producer)
    assert b"after" not in {record.key for record in await read_topic(kafka, topic)}


@pytest.mark.parametrize("row_bytes", [10, 700, 300_000])
async def test_rows_come_before_the_last_record_and_tombstones_have_their_applied_offset(
    kafka: str, topic: str, row_bytes: int
) -> None:
    rows: dict[bytes, bytes | None] = {b"u%d" % number: b"x" * row_bytes for number in range(3_000_000 // row_bytes)}
    rows = dict(list(rows.items())[:4000])
    producer = AcknowledgedProducer(Connection(kafka), ProcessGuard(60.0, Supervisor()), held_lease())
    await producer.start()
    try:
        landed = await producer.append(topic, 0, rows, {}, (b"position", b"7"))
        again = await producer.append(topic, 0, {b"gone": None}, {b"gone": 7}, (b"position", b"8"))
    finally:
        await producer.stop()
    records = await read_topic(kafka, topic)
    assert [(record.key, record.value) for record in records] == [
        *rows.items(),
        (b"position", b"7"),
        (b"gone", None),
        (b"position", b"8"),
    ]
    assert [offset for batch in landed for offset in batch] == list(range(len(rows) + 1))
    assert (len(landed) > 1) == (len(rows) * row_bytes > MAX_BATCH_BYTES)
    assert again == [range(len(rows) + 1, len(rows) + 3)]
    assert [tombstone_offset(record.headers) for record in records] == [*[None] * (len(rows) + 1), 7, None]
