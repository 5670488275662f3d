"""Taking a partition over: whether its table is complete, and where reading goes on.

"Complete" is asked of the broker, not believed: the database must hold the changelog to its end. "Where" is the
position stored with the rows; the fingerprint beside it tells whether the source topic is still the same one.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents.fatal import leave
from tables.fenced_table import FencedTable
from tables.position import Position, fingerprint

_POLL_SECONDS = 0.05


class SourceChanged(Exception):
    """The source topic is not the one that the stored position is about."""


@dataclass(frozen=True, slots=True)
class StartPoint:
    """Where a partition's reading goes on.

    Parameters
    ----------
    next_offset : first offset to apply.
    before : fingerprint of the record at `next_offset` - 1, None where there is nothing to compare.
    missed : records that retention removed before they were read.
    """

    next_offset: int
    before: int | None = None
    missed: int = 0

    @property
    def seek(self) -> int:
        """Return the first offset to fetch: one earlier when there is a record to compare."""
        return self.next_offset if self.before is None else self.next_offset - 1

    def check(self, record: ConsumerRecord) -> None:
        """Raise `SourceChanged` unless `record`, the one before the start, is the one that was applied."""
        found = fingerprint(record.timestamp, record.key, record.value)
        if record.offset != self.next_offset - 1 or found != self.before:
            raise SourceChanged(
                f"{record.topic} partition {record.partition}: the record at offset {self.next_offset - 1} is not the "
                "one that this worker applied; the topic was deleted and made again. Its offsets mean other events "
                "now: start with a new application id, or put the old topic back"
            )


async def incomplete(table: FencedTable, consumer: AIOKafkaConsumer, partitions: Iterable[int]) -> set[int]:
    """Return the partitions whose database is not open yet, or does not hold the changelog to its end."""
    topic = table.changelog_topic_name
    ends = await consumer.end_offsets([TopicPartition(topic, partition) for partition in partitions])
    return {
        at.partition for at, end in ends.items() if (held := table.recovered_to(at.partition)) is None or held + 1 < end
    }


async def await_recovery(
    table: FencedTable,
    consumer: AIOKafkaConsumer,
    partitions: Collection[int],
    recovered: Callable[[], bool],
    standstill_seconds: float,
) -> None:
    """Return when every partition's table is complete and Faust says that recovery has ended.

    Leaves when the tables have not moved for `standstill_seconds`; a long recovery that moves is left alone.
    """
    deadline = time.monotonic() + standstill_seconds
    held: dict[int, int | None] = {}
    while (missing := await incomplete(table, consumer, partitions)) or not recovered():
        before, held = held, {partition: table.recovered_to(partition) for partition in partitions}
        if held != before:
            deadline = time.monotonic() + standstill_seconds
        elif time.monotonic() > deadline:
            leave(f"recovery of {sorted(missing)} stands still for {standstill_seconds} s")
        await asyncio.sleep(_POLL_SECONDS)


async def start_points(
    table: FencedTable, consumer: AIOKafkaConsumer, topic: str, partitions: Iterable[int]
) -> dict[int, StartPoint]:
    """Return where to go on in each partition of `topic`; raises `SourceChanged` for a position past its end."""
    wanted = [TopicPartition(topic, partition) for partition in partitions]
    first = await consumer.beginning_offsets(wanted)
    end = await consumer.end_offsets(wanted)
    return {at.partition: _start(at, table.position(at.partition), first[at], end[at]) for at in wanted}


def _start(at: TopicPartition, stored: Position | None, first: int, end: int) -> StartPoint:
    if stored is None:
        return StartPoint(first)
    if stored.next_offset > end:
        raise SourceChanged(
            f"{at.topic} partition {at.partition} ends at offset {end}, but {stored.next_offset} were applied; the "
            "topic was deleted and made again, or lost its tail. Start with a new application id, or restore it"
        )
    if stored.next_offset < first:
        return StartPoint(first, missed=first - stored.next_offset)
    if stored.next_offset == first:
        return StartPoint(first)
    return StartPoint(stored.next_offset, before=stored.fingerprint)
