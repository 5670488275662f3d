"""The proxy on a real broker: what it holds is nowhere, what it lets go arrives, who is cut comes back."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from deploy.kafka import Broker, BrokerFailed
from tests.support.cluster.kafka_proxy import FETCH, METADATA, PRODUCE, Direction, KafkaProxy
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.proxied import new_topic
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka


@pytest_asyncio.fixture
async def topic(proxied: tuple[Broker, int]) -> str:
    return await new_topic(proxied[0])


@pytest_asyncio.fixture
async def producer(proxy: KafkaProxy, topic: str) -> AsyncIterator[AIOKafkaProducer]:
    """A client that comes through the proxy and has sent one record, b"0"; it gives a request up after two seconds."""
    producer = AIOKafkaProducer(
        bootstrap_servers=proxy.address, client_id="late-one", request_timeout_ms=2000, retry_backoff_ms=20
    )
    await producer.start()
    await producer.send_and_wait(topic, b"0")
    yield producer
    proxy.release()
    proxy.heal()
    proxy.accept()
    await producer.stop()


async def values(proxied: tuple[Broker, int], topic: str) -> list[bytes | None]:
    """What is in the topic, read past the proxy."""
    return [record.value for record in await read_topic(proxied[0].address, topic)]


async def waits(proxy: KafkaProxy) -> bool:
    return proxy.waiting > 0


async def test_a_held_produce_is_in_the_topic_when_it_is_released_and_not_before(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer
) -> None:
    passed = proxy.passed[PRODUCE]
    proxy.hold(PRODUCE)
    sent = await producer.send(topic, b"1")
    await wait_for("held request", partial(waits, proxy))
    async with AIOKafkaProducer(bootstrap_servers=proxied[0].address) as other:
        await other.send_and_wait(topic, b"past")
    assert await values(proxied, topic) == [b"0", b"past"]
    assert proxy.passed[PRODUCE] == passed
    assert not sent.done()
    proxy.release()
    await asyncio.wait_for(sent, 60)
    assert await values(proxied, topic) == [b"0", b"past", b"1"]


async def test_other_kinds_pass_what_is_held(proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer) -> None:
    proxy.hold(PRODUCE)
    records = await asyncio.wait_for(read_topic(proxy.address, topic), 60)
    assert [record.value for record in records] == [b"0"]
    assert proxy.passed[FETCH] > 0
    assert proxy.passed[METADATA] > 0


async def test_a_fault_is_for_the_clients_that_were_chosen(
    proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer
) -> None:
    proxy.clients = "late"
    proxy.hold(PRODUCE)
    sent = await producer.send(topic, b"1")
    await wait_for("held request", partial(waits, proxy))
    async with AIOKafkaProducer(bootstrap_servers=proxy.address, client_id="other") as other:
        await asyncio.wait_for(other.send_and_wait(topic, b"2"), 60)
    assert not sent.done()


async def test_a_late_request_is_late_by_what_was_said(
    proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer
) -> None:
    clock = asyncio.get_running_loop().time
    proxy.delay(0.5, PRODUCE)
    before = clock()
    await asyncio.wait_for(producer.send_and_wait(topic, b"1"), 60)
    assert clock() - before >= 0.5
    assert proxy.due(FETCH, "late-one") <= clock()
    proxy.delay(0.0, PRODUCE)
    assert proxy.due(PRODUCE, "late-one") <= clock()


async def test_what_a_client_sent_before_its_end_arrives_after_it(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer
) -> None:
    proxy.hold(PRODUCE)
    sent = await producer.send(topic, b"late")
    await wait_for("held request", partial(waits, proxy))
    for connection in producer.client._conns.values():  # as the kernel does for a process that was killed
        connection._writer.transport.abort()
    sent.cancel()
    proxy.release()

    async def arrived() -> bool:
        return b"late" in await values(proxied, topic)

    await wait_for("record of the client that has gone", arrived)


async def test_who_was_cut_comes_back(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer
) -> None:
    proxy.hold(PRODUCE)
    sent = await producer.send(topic, b"1")
    await wait_for("held request", partial(waits, proxy))
    proxy.cut()
    assert (await values(proxied, topic)) == [b"0"], "what was cut is lost"
    proxy.release()
    await asyncio.wait_for(sent, 60)
    assert await values(proxied, topic) == [b"0", b"1"], "the client sent it again"


async def test_nobody_gets_in_while_it_refuses(proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer) -> None:
    proxy.refuse()
    stranger = AIOKafkaProducer(bootstrap_servers=proxy.address)
    with pytest.raises(KafkaConnectionError):
        await stranger.start()
    await stranger.stop()
    sent = await producer.send(topic, b"1")
    proxy.accept()
    await asyncio.wait_for(sent, 60)


@pytest.mark.parametrize("direction", Direction)
async def test_what_is_swallowed_is_lost_in_that_direction_only(
    direction: Direction, proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer
) -> None:
    open_before = proxy.connections
    proxy.swallow(direction)
    sent = await producer.send(topic, b"1")

    async def gave_up() -> bool:  # the client's own deadline ends it, nothing else does
        return proxy.connections < open_before or sent.done()

    if direction is Direction.TO_CLIENT:

        async def arrived() -> bool:
            return b"1" in await values(proxied, topic)

        await wait_for("record whose acknowledgement is lost", arrived)
    await wait_for("a client that gives up", gave_up)
    assert not sent.done() or sent.exception() is not None
    if direction is Direction.TO_BROKER:
        assert await values(proxied, topic) == [b"0"]
    proxy.heal()
    if not sent.done():
        await asyncio.wait_for(asyncio.wait([sent]), 60)
    await asyncio.wait_for(producer.send_and_wait(topic, b"2"), 60)
    assert (await values(proxied, topic))[-1] == b"2"


async def test_a_stranded_connection_loses_everything_and_a_new_one_nothing(
    proxied: tuple[Broker, int], proxy: KafkaProxy, topic: str, producer: AIOKafkaProducer
) -> None:
    proxy.strand()
    sent = await producer.send(topic, b"1")
    async with AIOKafkaProducer(bootstrap_servers=proxy.address) as other:
        await asyncio.wait_for(other.send_and_wait(topic, b"2"), 60)
    assert not sent.done()
    await asyncio.wait_for(asyncio.wait([sent]), 60)  # its own deadline ends the connection
    await asyncio.wait_for(producer.send_and_wait(topic, b"3"), 60)
    assert await values(proxied, topic) in ([b"0", b"2", b"3"], [b"0", b"2", b"1", b"3"])


def test_a_broker_says_which_proxies_it_knows(proxied: tuple[Broker, int]) -> None:
    broker, port = proxied
    host, behind = broker.behind(port)
    assert host == "127.0.0.1"
    assert len({behind, port, int(broker.address.rpartition(":")[2])}) == 3
    with pytest.raises(BrokerFailed, match="no listener for a proxy at port 1:"):
        broker.behind(1)
