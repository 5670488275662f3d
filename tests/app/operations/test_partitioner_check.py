"""Of the records that were looked at, those count that are events and lie where murmur2 would not have put them."""

from types import SimpleNamespace
from typing import Any

from agents.kafka.partitions import partition_of
from app.operations.partitioner_check import PartitionerSample


def record(key: bytes | None, value: bytes | None = b"{}") -> Any:
    """A record."""
    return SimpleNamespace(key=key, value=value)


def test_events_of_strangers_are_counted_by_partition() -> None:
    users = [f"u{number}".encode() for number in range(20)]
    sample = PartitionerSample()
    for partition in range(4):
        belonging = [record(user) for user in users if partition_of(user, 4) == partition]
        sample.take(partition, belonging, 4)
    assert (sample.events, sample.misplaced.total()) == (20, 0)
    sample.take(2, map(record, users), 4)
    strangers = sum(partition_of(user, 4) != 2 for user in users)
    assert (sample.events, dict(sample.misplaced)) == (40, {2: strangers})


def test_erasures_and_records_without_a_key_say_nothing_of_a_partitioner() -> None:
    sample = PartitionerSample()
    for partition in range(4):
        sample.take(partition, [record(b"ann", None), record(None), record(None, None)], 4)
    assert (sample.events, sample.misplaced.total()) == (0, 0)
