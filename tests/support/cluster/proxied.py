"""A broker behind a proxy, for the tests of one module, and topics of one test on it."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import pytest_asyncio

from agents.kafka.connection import Connection
from agents.kafka.topics import TopicSpec, create_topics
from deploy.kafka import Broker
from deploy.kafka.ports import free_ports
from tests.support.cluster.kafka_proxy import KafkaProxy


@pytest.fixture(scope="module")
def proxied() -> Iterator[tuple[Broker, int]]:
    """A broker, and the port of the proxy that it was told of."""
    (port,) = free_ports(1)
    with Broker(proxies=(port,)) as broker:
        yield broker, port


@pytest_asyncio.fixture
async def proxy(proxied: tuple[Broker, int]) -> AsyncIterator[KafkaProxy]:
    """The proxy in front of that broker, of one test."""
    broker, port = proxied
    async with KafkaProxy(port, broker.behind(port)) as proxy:
        yield proxy


async def new_topic(broker: Broker, partitions: int = 1) -> str:
    """Make a topic that nobody else has; returns its name."""
    name = f"topic-{uuid4().hex[:12]}"
    await create_topics(Connection(broker.address), [TopicSpec(name, partitions, "delete")], replication=1)
    return name
