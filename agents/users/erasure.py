"""Erasing a user: a record with their key and no value, in every partition of the member events.

What is erased is everything that this system keeps of the user: the history, the recent event ids and the list. The
record has an offset, so whoever reads the partition, now or again, comes to the same. It goes to every partition, for
a producer with another partitioner may have put the user anywhere. An event behind it begins a new history, also one
that a producer repeats, for nobody remembers that it was applied. Counts of popularity name no user, and stay.
"""

from aiokafka.errors import KafkaError

from agents.kafka.producer import AcknowledgedProducer, Outgoing
from agents.users.applied_erasures import Applied, AppliedErasures


class ErasureNotSent(Exception):
    """The broker did not take the erasure, in all partitions or in some; to ask again does no harm."""


class Erasure:
    """Sends erasures, and tells of this worker's partitions whether they are applied.

    Parameters
    ----------
    producer, topic : where records of the member events go.
    partitions : N.
    applied : what erasures came to here.
    """

    def __init__(self, producer: AcknowledgedProducer, topic: str, partitions: int, applied: AppliedErasures) -> None:
        self._producer = producer
        self._topic = topic
        self._partitions = partitions
        self._applied = applied

    async def send(self, user_id: str) -> list[int]:
        """Send an erasure to every partition; return its offsets, by partition, when all are acknowledged.

        Raises
        ------
        ErasureNotSent
            When this worker has no broker, or the broker refused. Who stops waiting does not take anything back.
        """
        key = user_id.encode()
        try:
            return await self._producer.send(
                [Outgoing(self._topic, key, None, partition) for partition in range(self._partitions)]
            )
        except (KafkaError, RuntimeError) as error:
            raise ErasureNotSent(f"{type(error).__name__}: {error}") from error

    def applied(self, partition: int, offset: int) -> Applied | None:
        """Return what an erasure came to, None while it is not applied; raises `agents.users.users.NotHere`."""
        return self._applied.applied(partition, offset)
