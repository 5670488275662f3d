"""How to reach Kafka."""

from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError


@dataclass(frozen=True, slots=True)
class Connection:
    """Addresses of the brokers, and what every client needs beside them.

    Parameters
    ----------
    bootstrap : "host:port", several separated by commas.
    """

    bootstrap: str

    def client_options(self) -> dict[str, Any]:
        """Return the keyword arguments that every aiokafka client takes."""
        return {"bootstrap_servers": self.bootstrap.split(",")}


def some_node(client: AIOKafkaClient) -> int:
    """Return a broker that a client knows of; raises `KafkaConnectionError`, which may be tried again, for none.

    A broker that was frozen and goes on tells of none for a moment: its controller has given it up.
    """
    node = client.get_random_node()
    if node is None:
        raise KafkaConnectionError("no broker is in the cluster, as the one says that was asked")
    return int(node)
