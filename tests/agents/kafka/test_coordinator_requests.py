"""What the coordinator answers renews the lease, and what it does not answer is tried anew, on a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from prometheus_client import CollectorRegistry

from agents.kafka.connection import Connection
from agents.kafka.coordinator_requests import CoordinatorRequests
from agents.kafka.group import open_group
from agents.liveness.lease import Lease
from agents.liveness.metrics import LivenessMetrics
from deploy.kafka import Broker
from tests.support.cluster.kafka_proxy import HEARTBEAT, JOIN_GROUP, SYNC_GROUP, KafkaProxy
from tests.support.cluster.proxied import new_topic
from tests.support.leaving import LeavingSupervisor
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka

SESSION, ANSWER = 6.0, 2.0


class NotingLease(Lease):
    """A lease that notes what it is told."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told: list[str] = []

    def joins(self) -> None:
        self.told.append("joins")
        super().joins()

    def synced(self, sent: float) -> None:
        self.told.append("synced")
        super().synced(sent)

    def lost(self) -> None:
        self.told.append("lost")
        super().lost()


@dataclass
class Member:
    """A member of a group, and what its lease is told."""

    consumer: AIOKafkaConsumer
    lease: NotingLease
    metrics: LivenessMetrics

    @property
    def unanswered(self) -> float:
        value = self.metrics.heartbeats_unanswered._value.get()
        assert isinstance(value, float)
        return value


@pytest_asyncio.fixture
async def topic(proxied: tuple[Broker, int]) -> str:
    """The topic's name is the group's, too."""
    return await new_topic(proxied[0], 2)


@asynccontextmanager
async def member_of(
    topic: str, bootstrap: str, listener: ConsumerRebalanceListener | None = None
) -> AsyncIterator[Member]:
    """Join, and read for ever."""
    metrics = LivenessMetrics(CollectorRegistry())
    lease = NotingLease(SESSION, 60.0 + SESSION, LeavingSupervisor(), metrics.lease_lapses)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=topic,
        session_timeout_ms=int(SESSION * 1000),
        heartbeat_interval_ms=500,
        rebalance_timeout_ms=60_000,
        request_timeout_ms=60_000,
        enable_auto_commit=False,
    )
    await consumer.start()
    CoordinatorRequests(lease, ANSWER, 60.0, metrics.heartbeats_unanswered).go_between(consumer)
    consumer.subscribe([topic], listener=listener)
    reading = asyncio.create_task(consumer.getone())
    try:
        yield Member(consumer, lease, metrics)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await consumer.stop()


async def holds(member: Member) -> None:
    """Wait until its lease is held."""

    async def held() -> bool:
        return not member.lease.lapsed

    await wait_for("lease that is held", held)


async def test_a_member_is_renewed_by_each_heartbeat(proxy: KafkaProxy, topic: str) -> None:
    async with member_of(topic, proxy.address) as member:
        assert member.lease.lapsed
        await holds(member)
        ages = []

        async def beaten() -> bool:
            ages.append(member.lease.age_seconds)
            assert not member.lease.lapsed
            return proxy.passed[HEARTBEAT] >= 8

        await wait_for("heartbeats", beaten)
        assert 0 < max(ages) < HELD_AT_MOST
        assert set(member.lease.told[:-1]) == {"joins"}
        assert member.lease.told[-1] == "synced"
        assert member.unanswered == 0


HELD_AT_MOST = 0.75 * SESSION


async def test_a_half_open_connection_heals_by_itself_and_the_lease_never_lapses(proxy: KafkaProxy, topic: str) -> None:
    async with member_of(topic, proxy.address) as member:
        await holds(member)
        beats = proxy.passed[HEARTBEAT]
        proxy.strand()

        async def healed() -> bool:
            assert not member.lease.lapsed
            return proxy.passed[HEARTBEAT] >= beats + 4

        await wait_for("heartbeats on another connection", healed)
        assert member.unanswered >= 1
        assert "lost" not in member.lease.told


async def test_heartbeats_that_nobody_answers_let_the_lease_lapse_and_one_that_is_answered_renews_it(
    proxy: KafkaProxy, topic: str
) -> None:
    async with member_of(topic, proxy.address) as member:
        await holds(member)
        proxy.hold(HEARTBEAT)

        async def lapsed() -> bool:
            return member.lease.lapsed

        await wait_for("lapse", lapsed)
        assert HELD_AT_MOST <= member.lease.age_seconds < SESSION
        assert member.unanswered >= 1
        proxy.release()
        await holds(member)


class Slow(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member that takes longer to give its partitions back than a heartbeat may take."""

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        if revoked:
            await asyncio.sleep(1.5 * ANSWER)  # this is the scenario

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        """Take them."""


async def test_a_join_has_the_time_of_a_rebalance_and_does_not_count_as_silence(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str
) -> None:
    async with member_of(topic, proxied[0].address, Slow()) as slow:
        await holds(slow)
        async with member_of(topic, proxy.address) as joins:
            await holds(joins)
            assert proxy.passed[JOIN_GROUP] == 2  # for its member id, and then once
            assert proxy.passed[SYNC_GROUP] == 1
            assert joins.unanswered == 0
            await holds(slow)
            assert "lost" not in slow.lease.told


class Late(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member whose partitions take longer to open than its session lasts."""

    async def on_partitions_revoked(self, revoked: set[Any]) -> None:
        """Give them back."""

    async def on_partitions_assigned(self, assigned: set[Any]) -> None:
        await asyncio.sleep(1.2 * SESSION)  # this is the scenario


async def test_heartbeats_begin_before_the_partitions_are_open(proxy: KafkaProxy, topic: str) -> None:
    async with member_of(topic, proxy.address, Late()) as member:
        await holds(member)

        async def beaten() -> bool:
            assert not member.lease.lapsed
            return proxy.passed[HEARTBEAT] >= 2 * 1.2 * SESSION

        await wait_for("heartbeats", beaten)
        assert member.lease.told.count("synced") == 1
        assert "lost" not in member.lease.told


async def test_a_member_that_the_coordinator_does_not_know_any_more_is_told_so_at_once(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str
) -> None:
    async with member_of(topic, proxy.address) as member:
        await holds(member)
        async with open_group(Connection(proxied[0].address), topic, 10) as group:
            (found,) = (await group.describe()).members
            await group.remove(found)

        async def told() -> bool:
            return "lost" in member.lease.told

        await wait_for("loss", told)
        await holds(member)
        assert member.lease.told[-1] == "synced"
