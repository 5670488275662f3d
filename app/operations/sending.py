"""Sending events from a file to their topic, at once, at a rate, or at the pace at which they happened."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import msgspec
from aiokafka import AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import KafkaError

from agents.kafka.connection import Connection
from app.errors import JobFailed
from app.kafka_clients import producer_of
from app.offline.data.events_file import key_of
from models.json_nesting import shallow

MAX_UNACKNOWLEDGED = 5000

Pace: TypeAlias = Callable[[int, bytes], float]
"""From the number of a record, from 0, and its value to when it is due: seconds after the first."""

_SHORTEST_WAIT = 0.005


@dataclass(slots=True)
class SendReport:
    """How many records were handed to the producer, and how many the broker has acknowledged."""

    sent: int = 0
    acknowledged: int = 0
    seconds: float = 0.0


def at_once(number: int, value: bytes) -> float:
    """Every record is due at the start."""
    return 0.0


def at_rate(per_second: float) -> Pace:
    """Return the pace of so many records a second, evenly spaced."""
    return lambda number, value: number / per_second


def as_it_happened(speed: float) -> Pace:
    """Return the pace of the events' own times, `speed` times as fast.

    What has no readable time, or an earlier one than the record before it, is due together with that.
    """
    first: datetime | None = None
    due = 0.0

    def pace(number: int, value: bytes) -> float:
        nonlocal first, due
        if (happened := _time_of(value)) is not None:
            first = first or happened
            due = max(due, (happened - first).total_seconds() / speed)
        return due

    return pace


async def send_events(
    connection: Connection,
    topic: str,
    lines: Iterable[bytes],
    pace: Pace = at_once,
    progress: Callable[[SendReport], None] | None = None,
) -> SendReport:
    """Send lines as they are, keyed by the user id in them; return when all are acknowledged.

    A line that is no event is sent, too, without a key if it has no user id: it is the worker that decides.

    Parameters
    ----------
    pace
        When each line is due.
    progress
        Called with the report so far, after each line and each acknowledgement that is waited for.

    Raises
    ------
    JobFailed
        If the broker does not acknowledge a record; the message tells how many were.
    """
    report, started = SendReport(), time.monotonic()
    async with producer_of(connection) as producer:
        try:
            await _send(producer, topic, _paced(lines, pace, started), report, progress)
        except KafkaError as error:
            raise JobFailed(
                f"{topic}: at least {report.acknowledged} of {report.sent} records were acknowledged, then: {error}"
            ) from error
    report.seconds = time.monotonic() - started
    if progress is not None:
        progress(report)
    return report


async def _send(
    producer: AIOKafkaProducer,
    topic: str,
    lines: AsyncIterator[bytes],
    report: SendReport,
    progress: Callable[[SendReport], None] | None,
) -> None:
    waiting: deque[asyncio.Future[ConsumerRecord]] = deque()
    async for line in lines:
        waiting.append(await producer.send(topic, line, key=key_of(line)))
        report.sent += 1
        await _acknowledge(waiting, report, MAX_UNACKNOWLEDGED)
        if progress is not None:
            progress(report)
    await producer.flush()
    await _acknowledge(waiting, report, 0)


async def _paced(lines: Iterable[bytes], pace: Pace, started: float) -> AsyncIterator[bytes]:
    for number, line in enumerate(lines):
        wait = pace(number, line) - (time.monotonic() - started)
        if wait > _SHORTEST_WAIT:  # shorter ones are made up for by the next: a sleep costs more than a send
            await asyncio.sleep(wait)
        yield line


async def _acknowledge(waiting: "deque[asyncio.Future[ConsumerRecord]]", report: SendReport, most: int) -> None:
    """Wait until at most `most` records are unacknowledged, and count those that are."""
    while waiting and (len(waiting) > most or waiting[0].done()):
        await waiting.popleft()
        report.acknowledged += 1


class _Timed(msgspec.Struct):
    ts: datetime


_TIMED = msgspec.json.Decoder(_Timed)


def _time_of(value: bytes) -> datetime | None:
    try:
        happened = _TIMED.decode(shallow(value)).ts
    except (msgspec.DecodeError, UnicodeError):
        return None
    return happened if happened.tzinfo else None
