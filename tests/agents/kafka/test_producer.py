"""The acknowledged producer on a real broker: the last record is last, however many batches it takes."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from agents.kafka.connection import Connection
from agents.kafka.producer import MAX_BATCH_BYTES, AcknowledgedProducer
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from tables.tombstones import tombstone_offset
from tests.support.cluster.oracle import read_topic


@pytest.mark.parametrize("row_bytes", [10, 700, 300_000])
async def test_rows_come_before_the_last_record_and_tombstones_have_their_applied_offset(
    kafka: str, row_bytes: int
) -> None:
    topic = f"append-{row_bytes}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": str(2 * MAX_BATCH_BYTES)})])
    await admin.close()
    rows: dict[bytes, bytes | None] = {b"u%d" % number: b"x" * row_bytes for number in range(3_000_000 // row_bytes)}
    rows = dict(list(rows.items())[:4000])
    producer = AcknowledgedProducer(Connection(kafka), ProcessGuard(60.0, Supervisor()))
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
