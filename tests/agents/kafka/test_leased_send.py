"""The gate before the socket, on a real broker: what is lapsed waits, and goes on, whichever try it is."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiokafka.protocol.transaction import InitProducerIdRequest
from prometheus_client import CollectorRegistry

from agents.kafka.connection import Connection
from agents.kafka.producer import AcknowledgedProducer, Outgoing
from agents.liveness.lease import Lease
from agents.liveness.metrics import LivenessMetrics
from agents.liveness.process_guard import ProcessGuard
from agents.liveness.supervisor import Supervisor
from deploy.kafka import Broker
from tests.support.cluster.kafka_proxy import API_VERSIONS, PRODUCE, KafkaProxy
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.proxied import new_topic
from tests.support.leaving import LeavingSupervisor, Left
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka

SESSION = 8.0


class Clock:
    """A clock that is set by hand and counts who asks."""

    now, asked = 1000.0, 0

    def __call__(self) -> float:
        self.asked += 1
        return self.now

    async def asked_again(self) -> None:
        """Wait until it was asked ten times more."""
        before = self.asked

        async def often() -> bool:
            return self.asked > before + 10

        await wait_for("questions for the time", often)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lease(clock: Clock) -> Lease:
    lapses = LivenessMetrics(CollectorRegistry()).lease_lapses
    lease = Lease(SESSION, 60.0, LeavingSupervisor(), lapses, clock)
    lease.synced(clock.now)
    return lease


@pytest_asyncio.fixture
async def topic(proxied: tuple[Broker, int]) -> str:
    return await new_topic(proxied[0])


@pytest_asyncio.fixture
async def producer(proxy: KafkaProxy, topic: str, lease: Lease) -> AsyncIterator[AcknowledgedProducer]:
    """A producer that has sent one record, b"0"."""
    producer = AcknowledgedProducer(Connection(proxy.address), ProcessGuard(3600.0, Supervisor()), lease)
    await producer.start()
    await producer.send([record(topic, 0)])
    yield producer
    proxy.release()
    proxy.accept()
    await producer.stop()


def record(topic: str, number: int) -> Outgoing:
    return Outgoing(topic, None, b"%d" % number, 0)


async def values(proxied: tuple[Broker, int], topic: str) -> list[bytes | None]:
    return [record.value for record in await read_topic(proxied[0].address, topic)]


async def test_what_is_sent_while_the_lease_is_lapsed_waits_and_goes_on_when_it_is_held(
    proxied: tuple[Broker, int],
    proxy: KafkaProxy,
    producer: AcknowledgedProducer,
    topic: str,
    lease: Lease,
    clock: Clock,
) -> None:
    clock.now += 6.0
    sending = asyncio.create_task(producer.append(topic, 0, {b"user": b"row"}, {}, (b"position", b"7")))
    await clock.asked_again()
    assert proxy.passed[PRODUCE] == 1
    assert not sending.done()
    lease.answered(clock.now)
    await sending
    assert await values(proxied, topic) == [b"0", b"row", b"7"]


async def test_what_the_broker_did_not_answer_is_not_sent_again_while_the_lease_is_lapsed(
    proxied: tuple[Broker, int],
    proxy: KafkaProxy,
    producer: AcknowledgedProducer,
    topic: str,
    lease: Lease,
    clock: Clock,
) -> None:
    proxy.hold(PRODUCE)
    sending = asyncio.create_task(producer.send([record(topic, 1)]))

    async def held() -> bool:
        return proxy.waiting == 1

    await wait_for("batch at the proxy", held)
    clock.now += 6.0
    proxy.cut()  # it is lost there, and tried again
    proxy.release()
    await clock.asked_again()
    assert proxy.passed[PRODUCE] == 1
    assert not sending.done()
    lease.answered(clock.now)
    await sending
    assert await values(proxied, topic) == [b"0", b"1"]


async def test_a_lease_that_lapses_while_a_connection_is_made_keeps_what_waits_for_it(
    proxied: tuple[Broker, int],
    proxy: KafkaProxy,
    producer: AcknowledgedProducer,
    topic: str,
    lease: Lease,
    clock: Clock,
) -> None:
    proxy.hold(API_VERSIONS)  # the first that is sent on a new connection
    proxy.cut()
    sending = asyncio.create_task(producer.send([record(topic, 1)]))

    async def connecting() -> bool:
        return proxy.waiting >= 1

    await wait_for("connection that is made", connecting)
    clock.now += 6.0
    proxy.release()
    await clock.asked_again()
    assert proxy.passed[PRODUCE] == 1
    lease.answered(clock.now)
    await sending
    assert await values(proxied, topic) == [b"0", b"1"]


async def test_no_producer_id_is_taken_from_anybody_while_the_lease_is_lapsed(
    proxy: KafkaProxy, producer: AcknowledgedProducer, topic: str, lease: Lease, clock: Clock
) -> None:
    client = producer._running().client
    clock.now += 6.0
    node = client.get_random_node()
    asking = asyncio.create_task(client.send(node, InitProducerIdRequest(None, 1000)))
    await clock.asked_again()
    assert proxy.passed[InitProducerIdRequest.API_KEY] == 0
    lease.answered(clock.now)
    await asking  # what a new broker answers is its affair
    assert proxy.passed[InitProducerIdRequest.API_KEY] == 1


async def test_nothing_is_sent_after_the_session_timeout(
    proxied: tuple[Broker, int], proxy: KafkaProxy, lease: Lease, topic: str, clock: Clock
) -> None:
    clock.now += SESSION
    with pytest.raises(Left, match="others may own its partitions"):
        await lease.held()
    assert proxy.passed[PRODUCE] == 0
