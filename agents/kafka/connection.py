"""How to reach Kafka."""

from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


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


async def learn_leaders(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Let a consumer find out who leads a topic's partitions, which costs its first question about them 100 ms."""
    await consumer.end_offsets([TopicPartition(topic, 0)])
