"""Where an event goes that cannot be applied: byte for byte, with where it came from and why."""

from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import ConsumerRecord

from agents.kafka.producer import AcknowledgedProducer, Outgoing
from models.feedback.events import Rejected

TOPIC_HEADER = "__streams.errors.topic"
PARTITION_HEADER = "__streams.errors.partition"
OFFSET_HEADER = "__streams.errors.offset"
EXCEPTION_HEADER = "__streams.errors.exception"
MESSAGE_HEADER = "__streams.errors.message"
REASON_HEADER = "reason"
CUT_HEADER = "nearline.cut.bytes"
NULL_HEADER = "nearline.null"
"""Header names as Kafka Streams' dead-letter queue has them (KIP-1034), and ours: a machine-readable reason, the
size of a letter that was cut, and what was null."""

MAX_LETTER_BYTES = 1 << 20
"""Largest key, value and headers that are kept whole; the topic takes twice as much."""
_CUT_KEY_BYTES = 1 << 10
_CUT_VALUE_BYTES = MAX_LETTER_BYTES - (64 << 10)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A source record that was rejected, and the rejection."""

    record: ConsumerRecord
    rejected: Rejected


class DeadLetters:
    """The dead-letter topic.

    Parameters
    ----------
    producer : sends to it.
    topic : its name.
    """

    def __init__(self, producer: AcknowledgedProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def send(self, letters: Iterable[DeadLetter]) -> None:
        """Return when the broker has all of them; raises what it answered."""
        await self._producer.send(outgoing(letters, self._topic))


def outgoing(letters: Iterable[DeadLetter], topic: str) -> list[Outgoing]:
    """Return the records for the dead-letter topic.

    Key and value are the bytes as received. The partition is left to the key, so letters of one key stay in
    order; headers of the source record are kept, ours come after them. A record beyond `MAX_LETTER_BYTES`, which
    only a compressing producer can send, is cut, and a header says how large it was; where it came from is in
    the headers in any case.
    """
    return [_outgoing(letter, topic) for letter in letters]


def _outgoing(letter: DeadLetter, topic: str) -> Outgoing:
    key, value, kept = letter.record.key, letter.record.value, tuple(letter.record.headers)
    own = _headers(letter)
    size = len(key or b"") + len(value or b"") + sum(len(name) + len(held or b"") for name, held in kept)
    if size > MAX_LETTER_BYTES:
        key, value, kept = key and key[:_CUT_KEY_BYTES], value and value[:_CUT_VALUE_BYTES], ()
        own = (*own, (CUT_HEADER, b"%d" % size))
    if key is None and value is None:  # aiokafka sends no record without both; the header tells it from an empty one
        value, own = b"", (*own, (NULL_HEADER, b"value"))
    return Outgoing(topic, key, value, headers=(*kept, *own))


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
