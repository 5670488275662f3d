"""Chunks of source records, and the bounded channel on which the reader hands them to the Faust agent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka import ConsumerRecord
from faust.channels import Channel
from mode.utils.queues import FlowControlEvent, ThrowableQueue


@dataclass(frozen=True, slots=True)
class Chunk:
    """Records of one fetch.

    Parameters
    ----------
    generation : of the ownership under which they were fetched.
    records : by partition, in offset order, no list empty.
    after : by partition, the offset that reading had reached before.
    """

    generation: int
    records: Mapping[int, Sequence[ConsumerRecord]]
    after: Mapping[int, int]

    def __len__(self) -> int:
        return sum(map(len, self.records.values()))


class ChunkChannel(Channel[Any]):
    """A bounded channel outside Faust's flow control.

    Faust empties the queues under its flow control at every rebalance. A stale chunk must be dropped by its
    generation, and a fresh one must not be.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def hand_over(self, chunk: Chunk) -> None:
        """Put a chunk into the queue of every subscriber (the agent is the only one), waiting while it is full.

        Raises RuntimeError when there is no subscriber: the chunk would be gone without a trace.
        """
        if not self.subscriber_count:
            raise RuntimeError("no agent listens to the channel of chunks")
        self._under_way += 1
        self._idle.clear()
        try:
            await self.put(chunk)  # type: ignore[arg-type]  # Faust's annotation asks for its own events
        except asyncio.CancelledError:
            self.taken()
            raise

    def taken(self) -> None:
        """Note that the agent has finished with a chunk and can take the next one."""
        self._under_way -= 1
        if not self._under_way:
            self._idle.set()

    @property
    def busy(self) -> bool:
        """Whether a chunk waits for the agent or is with it."""
        return self._under_way > 0

    async def idle(self) -> None:
        """Wait until the agent has nothing to do."""
        await self._idle.wait()

    @property
    def queue(self) -> ThrowableQueue:  # type: ignore[type-arg]
        """The queue of this channel."""
        if self._queue is None:
            always_open = FlowControlEvent(initially_suspended=False)
            self._queue = ThrowableQueue(maxsize=self.maxsize or 1, flow_control=always_open)
        return self._queue


def make_chunk_channel(app: faust.App, max_chunks: int) -> ChunkChannel:
    """Return the channel; at most `max_chunks` wait in it, then the reader waits."""
    return ChunkChannel(app, maxsize=max_chunks)
