"""Learning who leads partitions: a help, and no condition."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError

from agents.kafka.connection import learn_leaders, some_node


class Unanswered:
    """A consumer of a topic whose first partition nobody leads."""

    def __init__(self, *, gives_up: bool) -> None:
        self.asked: list[TopicPartition] = []
        self._gives_up = gives_up

    async def end_offsets(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Wait for a leader, for ever or until that takes too long."""
        self.asked += wanted
        if self._gives_up:
            raise KafkaTimeoutError("no leader")
        return await asyncio.Future()


@pytest.mark.parametrize("gives_up", [False, True])
async def test_a_start_does_not_need_a_leader_of_the_first_partition(
    monkeypatch: pytest.MonkeyPatch, gives_up: bool
) -> None:
    monkeypatch.setattr("agents.kafka.connection._LEARN_SECONDS", 0.05)
    consumer = Unanswered(gives_up=gives_up)
    async with asyncio.timeout(5.0):
        await learn_leaders(cast(AIOKafkaConsumer, consumer), "topic")
    assert consumer.asked == [TopicPartition("topic", 0)]


async def test_a_client_that_knows_no_broker_may_ask_again() -> None:
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")  # it has not asked anybody
    with pytest.raises(KafkaConnectionError, match="no broker is in the cluster") as nobody:
        some_node(client)
    assert nobody.value.retriable
    await client.close()
