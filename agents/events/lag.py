"""How far the reader is in each partition, and how far that is behind the end."""

from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.events.metrics import EventMetrics
from agents.events.open_transactions import OpenTransactions


class Lag:
    """The offsets that one topic's partitions are read up to; begun anew with every generation.

    Parameters
    ----------
    topic : which one.
    metrics : shows it.

    Attributes
    ----------
    next : partition to the offset behind the last record that was handed over.
    passed : partition to the fetch position, which goes past markers of transactions where `next` stands before them.
    transactions : what waits behind open transactions.
    """

    def __init__(self, topic: str, metrics: EventMetrics) -> None:
        self._topic = topic
        self._metrics = metrics
        self.next: dict[int, int] = {}
        self.passed: dict[int, int] = {}
        self.transactions = OpenTransactions()

    def reached(self, partition: int) -> int:
        """Return the offset up to which a partition was fetched."""
        return max(self.next.get(partition, 0), self.passed.get(partition, 0))

    def behind(self, consumer: AIOKafkaConsumer, partitions: Iterable[int]) -> int:
        """Return the records up to the high watermarks; what an open transaction holds up is among them.

        It is acknowledged, and not applied. Markers of transactions, which are never handed over, are no records.
        """
        return sum(self._up_to(at, consumer.highwater(at)) for at in self._at(partitions))

    def fetchable(self, consumer: AIOKafkaConsumer, partitions: Iterable[int]) -> int:
        """Return the records that a fetch would bring: those up to the last stable offsets."""
        return sum(self._up_to(at, consumer.last_stable_offset(at)) for at in self._at(partitions))

    async def look(self, consumer: AIOKafkaConsumer, partitions: Iterable[int]) -> None:
        """Look where the consumer stands, and show it."""
        own = self._at(partitions)
        self.passed = {at.partition: await consumer.position(at) for at in consumer.assignment()}
        self._metrics.lag_records.set(self.behind(consumer, partitions))
        ends = {at.partition: (consumer.last_stable_offset(at), consumer.highwater(at)) for at in own}
        self.transactions.look({at: (stable or 0, end) for at, (stable, end) in ends.items() if end is not None})
        longest = self.transactions.longest
        self._metrics.open_transaction_records.set(self.transactions.records)
        self._metrics.open_transaction_seconds.set(0.0 if longest is None else longest.seconds)

    def _up_to(self, at: TopicPartition, end: int | None) -> int:
        return max(0, (end or 0) - self.reached(at.partition))

    def _at(self, partitions: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, partition) for partition in partitions]
