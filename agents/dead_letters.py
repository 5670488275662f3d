"""Where an event goes that cannot be applied: byte for byte, with where it came from and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import ConsumerRecord

from agents.producer import Outgoing
from models.events import Rejected

TOPIC_HEADER = "__streams.errors.topic"
PARTITION_HEADER = "__streams.errors.partition"
OFFSET_HEADER = "__streams.errors.offset"
EXCEPTION_HEADER = "__streams.errors.exception"
MESSAGE_HEADER = "__streams.errors.message"
REASON_HEADER = "reason"
"""Header names as Kafka Streams' dead-letter queue has them (KIP-1034), and our own machine-readable reason."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A source record that was rejected, and the rejection."""

    record: ConsumerRecord
    rejected: Rejected


def outgoing(letters: Iterable[DeadLetter], topic: str) -> list[Outgoing]:
    """Return the records for the dead-letter topic.

    Key and value are the bytes as received. The partition is left to the key, so letters of one key stay in
    order; headers of the source record are kept, ours come after them.
    """
    return [
        Outgoing(topic, letter.record.key, letter.record.value, headers=(*letter.record.headers, *_headers(letter)))
        for letter in letters
    ]


def _headers(letter: DeadLetter) -> tuple[tuple[str, bytes], ...]:
    record, rejected = letter.record, letter.rejected
    return (
        (TOPIC_HEADER, record.topic.encode()),
        (PARTITION_HEADER, b"%d" % record.partition),
        (OFFSET_HEADER, b"%d" % record.offset),
        (EXCEPTION_HEADER, type(rejected).__name__.encode()),
        (MESSAGE_HEADER, str(rejected).encode()),
        (REASON_HEADER, rejected.reason.encode()),
    )
