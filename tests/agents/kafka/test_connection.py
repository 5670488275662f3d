"""A client that knows nobody."""

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError

from agents.kafka.connection import some_node


async def test_a_client_that_knows_no_broker_may_ask_again() -> None:
    client = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")  # it has not asked anybody
    with pytest.raises(KafkaConnectionError, match="no broker is in the cluster") as nobody:
        some_node(client)
    assert nobody.value.retriable
    await client.close()
