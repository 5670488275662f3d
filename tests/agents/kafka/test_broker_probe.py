"""The probe: what one partition lacks takes nothing away from the others, and a broker that answers is not away."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from aiokafka import AIOKafkaProducer, TopicPartition

from agents.kafka.broker_probe import BrokerProbe
from agents.kafka.connection import Connection
from agents.kafka.topics import TopicSpec, create_topics
from agents.liveness.watchdog import AWAY_SECONDS
from deploy.kafka.ports import free_ports
from tests.support.waiting import wait_for


class Clock:
    """The real one, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@asynccontextmanager
async def asking(probe: BrokerProbe) -> AsyncIterator[None]:
    """Let a probe ask as long as the context lasts."""
    task = asyncio.create_task(probe.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def topic_of(kafka: str, partitions: int, events: int) -> str:
    """Make a topic with so many events in its partition 1."""
    topic = f"probe-{uuid4().hex[:12]}"
    await create_topics(Connection(kafka), [TopicSpec(topic, partitions, "delete")], 1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    try:
        for _ in range(events):
            await producer.send_and_wait(topic, b"event", partition=1)
    finally:
        await producer.stop()
    return topic


async def test_a_partition_that_nobody_leads_is_told_and_the_others_are_answered_for(kafka: str) -> None:
    clock = Clock()
    topic = await topic_of(kafka, 3, events=2)
    probe = BrokerProbe(Connection(kafka), [topic], lambda: {0, 1, 2, 7}, clock)
    async with asking(probe):

        async def answered() -> bool:
            return probe.ends == {0: 0, 1: 2, 2: 0}

        await wait_for("ends of the partitions that have a leader", answered)
        assert probe.leaderless == {}, "not told yet: an election takes a moment"
        assert probe.silent_seconds < AWAY_SECONDS
        clock.ahead += AWAY_SECONDS + 1
        assert probe.leaderless == {topic: [7]}

        async def heard() -> bool:
            return probe.silent_seconds < 2

        await wait_for("an answer although one partition has no leader", heard)
        assert (probe.leaderless, probe.ends) == ({topic: [7]}, {0: 0, 1: 2, 2: 0})


async def test_a_broker_without_the_topic_is_not_away_and_a_leader_that_comes_is_seen(kafka: str) -> None:
    clock, topic = Clock(), f"probe-{uuid4().hex[:12]}"
    probe = BrokerProbe(Connection(kafka), [topic], lambda: {0, 1}, clock)
    async with asking(probe):

        async def noticed() -> bool:
            clock.ahead += 0.2
            return probe.leaderless == {topic: [0, 1]}

        await wait_for("two partitions that nobody leads", noticed)
        before = clock()

        async def heard() -> bool:
            return clock() - probe.silent_seconds > before

        await wait_for("an answer of the broker", heard)
        await create_topics(Connection(kafka), [TopicSpec(topic, 2, "delete")], 1)

        async def led() -> bool:
            return probe.ends == {0: 0, 1: 0} and probe.leaderless == {}

        await wait_for("leaders", led)


async def test_a_spare_hears_the_broker_too(kafka: str) -> None:
    clock = Clock()
    probe = BrokerProbe(Connection(kafka), [await topic_of(kafka, 1, events=0)], set, clock)
    clock.ahead += 100.0
    assert probe.silent_seconds >= 100

    async def heard() -> bool:
        return probe.silent_seconds < 2

    async with asking(probe):
        await wait_for("an answer", heard)
    assert probe.leaderless == {}


async def test_without_a_broker_it_is_silent() -> None:
    clock = Clock()
    probe = BrokerProbe(Connection(f"127.0.0.1:{free_ports(1)[0]}"), ["events"], lambda: {0}, clock)
    async with asking(probe):

        async def tried() -> bool:
            clock.ahead += 1.0
            return probe.silent_seconds > 20

        await wait_for("a long silence", tried)
    assert probe.ends == {}


class TwoLeaders:
    """A consumer, as far as the probe needs one, of a cluster where one broker of two does not answer."""

    def __init__(self) -> None:
        self.silent = {2}
        cluster = SimpleNamespace(leader_for_partition=lambda at: 1 + at.partition % 2)
        self._client = SimpleNamespace(cluster=cluster, force_metadata_update=self._look)

    async def _look(self) -> bool:
        return True

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Answer for the one broker, and never for the other one."""
        leaders = {1 + at.partition % 2 for at in partitions}
        if leaders & self.silent:
            await asyncio.Event().wait()
        return dict.fromkeys(partitions, 9)


async def test_a_leader_that_is_silent_takes_nothing_from_another_ones_answer() -> None:
    clock = Clock()
    probe = BrokerProbe(Connection("127.0.0.1:1"), ["events"], lambda: range(4), clock)
    consumer = cast("Any", TwoLeaders())
    for _ in range(2):
        clock.ahead += AWAY_SECONDS + 1
        began = clock()
        await probe._look(consumer)
        assert probe.silent_seconds <= clock() - began < AWAY_SECONDS
    assert probe.ends == {0: 9, 2: 9}
    assert probe.leaderless == {"events": [1, 3]}
    consumer.silent = set()
    await probe._look(consumer)
    assert (probe.ends, probe.leaderless) == (dict.fromkeys(range(4), 9), {})


async def test_a_changelog_partition_that_nobody_leads_is_told_too_and_its_end_is_none_of_the_source() -> None:
    clock = Clock()
    probe = BrokerProbe(Connection("127.0.0.1:1"), ["events", "rows"], lambda: range(2), clock)
    consumer = cast("Any", TwoLeaders())
    consumer.silent = set()
    consumer._client.cluster.leader_for_partition = lambda at: -1 if at == ("rows", 1) else 1
    for _ in range(2):
        clock.ahead += AWAY_SECONDS + 1
        await probe._look(consumer)
    assert (probe.leaderless, probe.ends) == ({"rows": [1]}, {0: 9, 1: 9})
    assert probe.silent_seconds < AWAY_SECONDS
