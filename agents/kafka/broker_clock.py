"""Whether this machine's clock agrees with the broker's.

Nothing here orders anything by a clock. But how long a database was away is told by one, tombstones are kept for a day
by the broker's, and the time of an answer is the worker's: a clock that is wrong by hours makes all of them wrong.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError

from agents.kafka.connection import Connection

HARMLESS_SECONDS = 5400.0
"""Two starts of a worker may differ by twice as much, and a database that was away for 23 hours is believed."""
_LOG_APPEND_TIME = 1
_ANSWER_MS = 10_000
_MINUTE_SECONDS, _HOUR_SECONDS = 60.0, 3600.0
_log = logging.getLogger(__name__)


class ClockWrong(Exception):
    """The clock of this machine is too far from the broker's; the message has both times."""


async def check_clock(
    connection: Connection, topic: str, taken_ahead_seconds: float, clock: Callable[[], float] = time.time
) -> None:
    """Compare the clock with the broker's, which dates a record without key and value that is written to `topic`.

    Parameters
    ----------
    connection, topic : where to write; whoever reads that topic must pass over what it holds.
    taken_ahead_seconds : how far ahead of its own time the broker takes records there, where it keeps their times.
    clock : seconds since the epoch.

    Raises
    ------
    ClockWrong
        When they differ by more than `HARMLESS_SECONDS`, or by so much that the broker takes no records.
    """
    options = {**connection.client_options(), "acks": "all", "request_timeout_ms": _ANSWER_MS}
    async with AIOKafkaProducer(**options) as producer:
        before = clock()
        try:
            async with asyncio.timeout(_ANSWER_MS / 1000):
                written = await _write(producer, topic, before)
        except InvalidTimestampError:  # which only a clock that is ahead meets
            latest = await _latest_taken(producer, topic, before)
            raise _wrong(before, latest - taken_ahead_seconds) from None
        except (KafkaError, TimeoutError) as error:  # no leader, too few replicas, not allowed to write there
            _log.warning("the clock is not compared with the broker's, for topic %s takes no record: %r", topic, error)
            return
        after = clock()
    if written is None:
        _log.warning(
            "the clock cannot be compared with the broker's, for topic %s keeps the time of whoever writes to it; "
            "give it message.timestamp.type=LogAppendTime with kafka-configs",
            topic,
        )
    elif max(before - written, written - after) > HARMLESS_SECONDS:
        raise _wrong(before, written)


async def _write(producer: AIOKafkaProducer, topic: str, now: float) -> float | None:
    """Write an empty record; return the time that the broker gave it, None when it kept ours."""
    metadata = await producer.send_and_wait(topic, value=b"", partition=0, timestamp_ms=int(now * 1000))
    return metadata.timestamp / 1000 if metadata.timestamp_type == _LOG_APPEND_TIME else None


async def _latest_taken(producer: AIOKafkaProducer, topic: str, refused: float) -> float:
    """Return the latest time that the broker takes of a record, within a minute; `refused` is one that it does not."""
    back = _HOUR_SECONDS
    while back < refused and not await _takes(producer, topic, refused - back):
        back *= 2
    taken, refused = refused - back, refused - back / 2 if back > _HOUR_SECONDS else refused
    while refused - taken > _MINUTE_SECONDS:
        middle = (taken + refused) / 2
        if await _takes(producer, topic, middle):
            taken = middle
        else:
            refused = middle
    return taken


async def _takes(producer: AIOKafkaProducer, topic: str, now: float) -> bool:
    try:
        await _write(producer, topic, now)
    except InvalidTimestampError:
        return False
    return True


def _wrong(here: float, broker: float) -> ClockWrong:
    return ClockWrong(
        f"this machine's clock says {_shown(here)}, the broker's {_shown(broker)}: {_span(abs(here - broker))} "
        f"{'ahead' if here > broker else 'behind'}; set the clock that is wrong, by NTP for example, and start again"
    )


def _shown(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _span(seconds: float) -> str:
    minutes = round(seconds / _MINUTE_SECONDS)
    return f"{minutes} minutes" if seconds < 2 * _HOUR_SECONDS else f"{seconds / _HOUR_SECONDS:.1f} hours"
