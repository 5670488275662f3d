"""Where the reading of a partition goes on that is taken over.

It is the position stored with the rows; the fingerprint beside it tells whether the source topic is still the same
one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from aiokafka import ConsumerRecord, TopicPartition

from agents.kafka.leaders import LeaderQuestions
from tables.batch_table import BatchTable
from tables.position import Position, fingerprint

_MADE_AGAIN = (
    "the topic was deleted and made again. Its offsets mean other events now: put the old topic back; or keep this "
    "data folder, and start with a new application id and another"
)


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
        """Raise `SourceChanged` unless `record`, the first one from `seek` on, is the one that was applied."""
        if record.offset != self.next_offset - 1:
            self.missing(record.topic, record.partition)
        if fingerprint(record.timestamp, record.key, record.value) != self.before:
            raise SourceChanged(
                f"{record.topic} partition {record.partition}: the record at offset {self.next_offset - 1} is not the "
                f"one that this worker applied; {_MADE_AGAIN}"
            )

    def missing(self, topic: str, partition: int) -> NoReturn:
        """Raise `SourceChanged`: nothing is where the record before the start was, and retention has not been there.

        A position is stored behind a record that was applied, never behind a marker of a transaction.
        """
        raise SourceChanged(
            f"{topic} partition {partition}: this worker applied a record at offset {self.next_offset - 1}, and there "
            f"is none now, but a marker of a transaction or a hole that compaction left; {_MADE_AGAIN}"
        )


async def start_points(
    table: BatchTable, questions: LeaderQuestions, topic: str, partitions: Iterable[int], seconds: float
) -> dict[int, StartPoint]:
    """Return where to go on in those partitions of `topic` whose leaders answer, as `questions.ask` does.

    Raises
    ------
    SourceChanged
        For a position past its partition's end.
    """
    extents = await questions.ask([TopicPartition(topic, partition) for partition in partitions], seconds)
    return {at.partition: _start(at, table.position(at.partition), extent) for at, extent in extents.items()}


def _start(at: TopicPartition, stored: Position | None, extent: range) -> StartPoint:
    first, end = extent.start, extent.stop
    if stored is None:
        return StartPoint(first)
    if stored.next_offset > end:
        raise SourceChanged(
            f"{at.topic} partition {at.partition} ends at offset {end}, but {stored.next_offset} were applied; the "
            "topic was deleted and made again, or lost its tail. Restore it; or keep this data folder, and start with "
            "a new application id and another. `nearline state check` shows the positions of a folder"
        )
    if stored.next_offset < first:
        return StartPoint(first, missed=first - stored.next_offset)
    if stored.next_offset == first:
        return StartPoint(first)
    return StartPoint(stored.next_offset, before=stored.fingerprint)
