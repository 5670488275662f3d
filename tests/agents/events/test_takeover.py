"""Where reading goes on: at the stored position, and only in the topic that the position is about."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition

from agents.events.takeover import SourceChanged, StartPoint, start_points
from agents.kafka.leaders import LeaderQuestions
from tables.position import Position, fingerprint

RECORD: Any = SimpleNamespace(topic="events", partition=0, offset=6, timestamp=1000, key=b"u1", value=b"{}")
APPLIED = fingerprint(1000, b"u1", b"{}")


class Answers:
    """Questions that are answered for the partitions given, and for no other ones."""

    def __init__(self, first: int, end: int, led: set[int]) -> None:
        self._extent, self._led = range(first, end), led

    async def ask(self, partitions: list[TopicPartition], seconds: float) -> dict[TopicPartition, range]:
        return {at: self._extent for at in partitions if at.partition in self._led and seconds}


def answers(first: int, end: int, led: set[int] | None = None) -> LeaderQuestions:
    """Return questions that say where partitions, by default the first one, begin and end."""
    return cast(LeaderQuestions, Answers(first, end, {0} if led is None else led))


def table(position: Position | None = None) -> Any:
    """A table with one partition."""
    return SimpleNamespace(position=lambda _: position)


@pytest.mark.parametrize(
    ("stored", "first", "end", "expected"),
    [
        (None, 0, 9, StartPoint(0)),
        (None, 4, 9, StartPoint(4)),
        (Position(7, APPLIED), 0, 9, StartPoint(7, before=APPLIED)),
        (Position(9, APPLIED), 0, 9, StartPoint(9, before=APPLIED)),
        (Position(7, APPLIED), 7, 9, StartPoint(7)),  # the record before is gone, by retention
        (Position(3, APPLIED), 7, 9, StartPoint(7, missed=4)),
        (Position(0, 0), 0, 0, StartPoint(0)),
    ],
)
async def test_start(stored: Position | None, first: int, end: int, expected: StartPoint) -> None:
    assert await start_points(table(stored), answers(first, end), "events", [0], 1.0) == {0: expected}


async def test_a_position_past_the_end_is_another_topics() -> None:
    with pytest.raises(SourceChanged, match="partition 0 ends at offset 5, but 7 were applied"):
        await start_points(table(Position(7, APPLIED)), answers(0, 5), "events", [0], 1.0)


async def test_a_partition_that_nobody_answers_for_has_no_start_and_the_others_have_theirs() -> None:
    found = await start_points(table(), answers(4, 9, {0, 2}), "events", [0, 1, 2], 1.0)
    assert found == {0: StartPoint(4), 2: StartPoint(4)}


def test_the_record_before_the_start_is_fetched_and_compared() -> None:
    start = StartPoint(7, before=APPLIED)
    assert start.seek == 6
    start.check(RECORD)
    for other in ({"value": b"[]"}, {"key": b"u2"}, {"timestamp": 1001}, {"offset": 5}):
        with pytest.raises(SourceChanged, match="deleted and made again"):
            start.check(SimpleNamespace(**{**vars(RECORD), **other}))
