"""An erasure is one record in every partition of the source, with the user's key and no value."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from agents.kafka.connection import Connection
from agents.kafka.producer import AcknowledgedProducer, Outgoing
from agents.liveness.process_guard import ProcessGuard
from agents.users.erasure import Erasure, ErasureNotSent
from tests.support.leases import held_lease
from tests.support.leaving import LeavingSupervisor


class Taking:
    """Takes records as a broker would, or not."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.taken: list[Outgoing] = []

    async def send(self, records: Iterable[Outgoing]) -> Sequence[int]:
        """Take records; each partition is ten times as far as its number."""
        if self.failure is not None:
            raise self.failure
        self.taken += records
        return [10 * (record.partition or 0) for record in self.taken]


def erasure(producer: Any) -> Erasure:
    """What sends to three partitions."""
    applied: Any = None
    return Erasure(producer, "member-events", 3, applied)


async def test_every_partition_gets_the_record() -> None:
    broker = Taking()
    assert await erasure(broker).send("bj\u00f6rn") == [0, 10, 20]
    key = "bj\u00f6rn".encode()
    assert broker.taken == [Outgoing("member-events", key, None, partition) for partition in range(3)]


async def test_what_the_broker_refuses_is_not_sent() -> None:
    with pytest.raises(ErasureNotSent, match="KafkaConnectionError"):
        await erasure(Taking(KafkaConnectionError("nobody there"))).send("ann")


async def test_before_a_worker_is_connected_nothing_is_sent() -> None:
    producer = AcknowledgedProducer(Connection("127.0.0.1:9"), ProcessGuard(3.0, LeavingSupervisor()), held_lease())
    with pytest.raises(ErasureNotSent, match="not started"):
        await erasure(producer).send("ann")
