"""The dead-letter topic: what was rejected and why, and sending it again."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import ConsumerRecord

from agents.events.dead_letters import (
    EXCEPTION_HEADER,
    MESSAGE_HEADER,
    OFFSET_HEADER,
    PARTITION_HEADER,
    REASON_HEADER,
    TOPIC_HEADER,
)
from agents.kafka.connection import Connection
from app.kafka_clients import producer_of, read_topic

_OWN_HEADERS = frozenset(
    {TOPIC_HEADER, PARTITION_HEADER, OFFSET_HEADER, EXCEPTION_HEADER, MESSAGE_HEADER, REASON_HEADER}
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter: where it lies, where it came from, why, and the original key, value and headers."""

    partition: int
    offset: int
    source_topic: str
    source_partition: int | None
    source_offset: int | None
    reason: str
    message: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def letter_of(record: ConsumerRecord) -> Letter:
    """Return the letter that a record of the dead-letter topic is; headers that are missing leave gaps, not errors."""
    headers = dict(record.headers)  # of a header that repeats, the last is ours
    return Letter(
        partition=record.partition,
        offset=record.offset,
        source_topic=_text(headers.get(TOPIC_HEADER)),
        source_partition=_number(headers.get(PARTITION_HEADER)),
        source_offset=_number(headers.get(OFFSET_HEADER)),
        reason=_text(headers.get(REASON_HEADER)),
        message=_text(headers.get(MESSAGE_HEADER)),
        key=record.key,
        value=record.value,
        headers=tuple((name, value) for name, value in record.headers if name not in _OWN_HEADERS),
    )


async def read_letters(connection: Connection, topic: str, limit: int, reason: str | None = None) -> list[Letter]:
    """Return the `limit` latest letters, of one reason if given, oldest first by the time they were written."""
    latest: dict[int, deque[tuple[int, Letter]]] = {}
    async for record in read_topic(connection, topic):
        letter = letter_of(record)
        if reason is None or letter.reason == reason:
            latest.setdefault(record.partition, deque(maxlen=limit)).append((record.timestamp, letter))
    letters = [entry for entries in latest.values() for entry in entries]
    letters.sort(key=lambda entry: (entry[0], entry[1].partition, entry[1].offset))
    return [letter for _, letter in letters[-limit:]]


async def replay_letters(connection: Connection, topic: str, letters: Sequence[Letter]) -> int:
    """Send the letters' original keys, values and headers to a topic; return how many, all acknowledged.

    The letters stay where they are. One that was applied after all changes nothing when it comes again.
    """
    async with producer_of(connection) as producer:
        waiting = [
            await producer.send(topic, letter.value, key=letter.key, headers=list(letter.headers)) for letter in letters
        ]
        await producer.flush()
        await asyncio.gather(*waiting)
    return len(letters)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="backslashreplace")


def _number(value: bytes | None) -> int | None:
    return int(value) if value is not None and value.isdigit() else None
