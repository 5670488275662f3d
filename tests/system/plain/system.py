"""What the scenarios ask of either system, and what came of it."""

from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from tests.support.cluster.cluster import PARTITIONS

__all__ = ["PARTITIONS", "System", "Tally", "committed", "ends", "is_committed"]


@dataclass(frozen=True, slots=True)
class Tally:
    """The state at the end of a scenario against the events that were sent.

    Parameters
    ----------
    sent : events in the topic.
    lost : events whose effect is not in the table although their offset is committed: nobody will read them again.
    doubled : effects that are in the table beyond the one of each event.
    starts : of the worker.
    """

    sent: int
    lost: int
    doubled: int
    starts: int


class System(Protocol):
    """One worker of a system, with topics of its own."""

    topic: str
    group: str
    starts: int

    async def prepare(self) -> None:
        """Make topics and whatever else is needed, once."""

    async def start(self, bootstrap: str) -> None:
        """Start the worker on an empty folder, as on another machine, and return when it applies events."""

    def kill(self) -> None:
        """End it as kill -9 does."""

    async def stop(self) -> None:
        """End it in good order, by SIGTERM."""

    async def wait_until_done(self) -> None:
        """Wait until it has applied what there is, or has not done anything for long."""

    async def tally(self) -> Tally:
        """Count, when it is stopped."""

    def end(self) -> None:
        """Leave nothing running."""


async def committed(bootstrap: str, system: System) -> dict[int, int]:
    """Return what the system says of how far it is done: by partition, the first offset that it would read again."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(system.group)
        return {at.partition: place.offset for at, place in found.items() if at.topic == system.topic}
    except GroupCoordinatorNotAvailableError:  # nobody has committed on this broker yet
        return {}
    finally:
        await admin.close()


async def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Return the end offset of each partition of a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        places = await consumer.end_offsets([TopicPartition(topic, number) for number in range(PARTITIONS)])
        return {at.partition: end for at, end in places.items()}
    finally:
        await consumer.stop()


def is_committed(record: ConsumerRecord, committed_offsets: dict[int, int]) -> bool:
    """Return whether a record of the source topic would not be read again."""
    return bool(record.offset < committed_offsets.get(record.partition, 0))
