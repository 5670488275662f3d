"""Reading a whole topic: from its beginning, and from the moment on that somebody leads it."""

import asyncio
from collections.abc import Collection
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from agents.kafka import leaders
from agents.kafka.broadcast import BroadcastReader
from agents.kafka.connection import Connection
from agents.kafka.topics import TopicSpec, create_topics
from tests.support.waiting import wait_for


async def test_a_topic_that_nobody_leads_is_waited_for_and_then_read_to_its_end(
    kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, known, asked = f"broadcast-{uuid4().hex[:12]}", leaders.by_leader, list[int]()
    await create_topics(Connection(kafka), [TopicSpec(topic, 1, "compact")], 1)
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        for number in range(3):
            await producer.send_and_wait(topic, b"%d" % number, key=b"key")
    led = asyncio.Event()

    def by_leader(
        consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
    ) -> dict[int | None, list[TopicPartition]]:
        asked.append(len(partitions))
        return known(consumer, partitions) if led.is_set() else {None: list(partitions)}

    monkeypatch.setattr(leaders, "by_leader", by_leader)
    applied: list[bytes | None] = []

    async def apply(record: ConsumerRecord) -> None:
        applied.append(record.value)

    reader = BroadcastReader(Connection(kafka), topic, apply)
    task = asyncio.create_task(reader.run())

    async def waits() -> bool:
        assert not task.done()
        return len(asked) > 4

    await wait_for("several questions", waits)
    assert not reader.caught_up.is_set()
    led.set()
    async with asyncio.timeout(30.0):
        await reader.caught_up.wait()
    assert applied == [b"0", b"1", b"2"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
