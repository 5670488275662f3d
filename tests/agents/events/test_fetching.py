"""Cutting chunks: bounded as a whole and by partition, at once where much waits, with a pause where little does."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import faust
import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import Chunk, ChunkChannel, make_chunk_channel
from agents.events.fetching import Pace, fetch


class Buffered:
    """What aiokafka's consumer has fetched: `getmany` empties one partition after the other, in any of those asked."""

    def __init__(self, waiting: dict[int, int]) -> None:
        self.waiting = {TopicPartition("events", partition): list(range(count)) for partition, count in waiting.items()}
        self.waited: list[int] = []

    def assignment(self) -> set[TopicPartition]:
        """All of them."""
        return set(self.waiting)

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, list[int]]:
        """Return at most `max_records` of what waits."""
        self.waited.append(timeout_ms)
        found: dict[Any, list[int]] = {}
        for at in partitions or self.waiting:
            records = self.waiting[at]
            if records and max_records:
                found[at], self.waiting[at] = records[:max_records], records[max_records:]
                max_records -= len(found[at])
        return found


@given(
    st.dictionaries(st.integers(0, 5), st.integers(0, 40), min_size=1),
    st.integers(1, 60),
    st.integers(1, 60),
)
async def test_a_chunk_is_as_large_as_its_bounds_allow(waiting: dict[int, int], most: int, per_partition: int) -> None:
    sizes = ChunkSizes(most, per_partition * 1000)
    sizes.learn(1, 850)  # of a batch, 85 of 100 bytes are filled
    bound = sizes.per_partition
    consumer: Any = Buffered(waiting)
    fetched = await fetch(consumer, sizes, 200)
    counts = {at.partition: len(records) for at, records in fetched.items()}
    assert all(0 < count <= min(bound, waiting[partition]) for partition, count in counts.items())
    assert sum(counts.values()) <= most
    assert not any(consumer.waited[1:])
    if sum(counts.values()) < most:  # then every partition was asked, and gave what it had or may give
        assert counts.keys() == {partition for partition, count in waiting.items() if count}
    assert all(records == list(range(len(records))) for records in fetched.values())


@pytest.fixture
def channel() -> Iterator[ChunkChannel]:
    """A channel that holds one chunk, with an agent that takes none."""
    made = make_chunk_channel(faust.App("test", autodiscover=False), 1)
    agent = made.clone(is_iterator=True)
    yield made
    del agent


def chunk() -> Chunk:
    """A chunk of nothing."""
    return Chunk(0, {}, {})


async def steps(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)
    assert all(task.done() for task in tasks)


async def test_where_a_whole_chunk_waits_it_is_cut_while_the_agent_works(channel: ChunkChannel) -> None:
    await channel.hand_over(chunk())
    await Pace(channel, 3600.0).due(full=True)


async def test_a_small_chunk_grows_until_the_agent_can_take_it(channel: ChunkChannel) -> None:
    await channel.hand_over(chunk())
    due = asyncio.create_task(Pace(channel, 0.0).due(full=False))
    await steps([])
    assert not due.done()
    channel.taken()
    await due


async def test_chunks_that_wait_for_room_when_the_partitions_go_are_not_waited_for(channel: ChunkChannel) -> None:
    await channel.hand_over(chunk())
    blocked = asyncio.create_task(channel.hand_over(chunk()))
    await steps([])
    blocked.cancel()
    await asyncio.wait([blocked])
    assert blocked.cancelled()
    channel.taken()
    await asyncio.wait_for(channel.idle(), 5.0)


async def test_a_chunk_that_no_agent_would_take_is_refused() -> None:
    with pytest.raises(RuntimeError, match="no agent"):
        await make_chunk_channel(faust.App("test", autodiscover=False), 1).hand_over(chunk())


async def test_small_chunks_keep_their_distance_and_the_first_does_not_wait(channel: ChunkChannel) -> None:
    pace = Pace(channel, 3600.0)
    await asyncio.wait_for(pace.due(full=False), 5.0)
    pace.cut()
    due = asyncio.create_task(pace.due(full=False))
    await steps([])
    assert not due.done()
    due.cancel()
    short = Pace(channel, 0.2)
    short.cut()
    due = asyncio.create_task(short.due(full=False))
    await steps([])
    assert not due.done()
    await asyncio.wait_for(due, 5.0)
