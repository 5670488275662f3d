"""Which partitions this process may write, and when it must stop.

Two of Faust's signals drive it. `on_partitions_revoked` is awaited before the group goes on: until `revoke`
returns, the partitions are still ours. `on_partitions_assigned` comes when the databases are open. Between the two
the generation grows, so that whatever was fetched earlier is recognised and dropped.

A change of the state has two halves: it is prepared in a turn, one at a time, and then written. The next one may be
prepared while the last is written, so there are two kinds of turns: `turn` is for whoever reads and writes rows,
and waits for the write under way; `preparing` does not wait for it.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager

from agents.liveness.supervisor import Supervisor


class RecordsLost(Exception):
    """Source records went missing between the reader and the agent."""


class Ownership:
    """The generation, the partitions that run in it, and the turn to write.

    Parameters
    ----------
    running : the table's own set, shared with it: its replay passes these partitions over.
    drain_seconds : how long a revocation waits for the write in progress before the process leaves.
    supervisor : ends it then.
    """

    def __init__(self, running: set[int], drain_seconds: float, supervisor: Supervisor) -> None:
        self.generation = 0
        self.running = running
        self._expected: dict[int, int] = {}
        self._drain_seconds = drain_seconds
        self._supervisor = supervisor
        self._changing = asyncio.Lock()
        self._write: asyncio.Task[None] | None = None

    def start(self, next_offsets: Mapping[int, int]) -> None:
        """Take over partitions, too, whose tables are complete, each from its next source offset on."""
        self._expected.update(next_offsets)
        self.running.update(next_offsets)

    def advance(self, partition: int, after: int, reached: int) -> None:
        """Note that the records from offset `after` up to `reached` are applied next.

        The last check before work: raises `RecordsLost` when `after` is not where the partition stands, which
        means that a chunk was lost, or handed over twice, on the way from the reader.
        """
        expected = self._expected[partition]
        if after != expected:
            raise RecordsLost(f"partition {partition} stands at offset {expected}, but a chunk begins at {after}")
        self._expected[partition] = reached

    @asynccontextmanager
    async def turn(self, generation: int) -> AsyncIterator[bool]:
        """Wait for the turn to read and write rows; yields whether `generation` is still the current one.

        While it is held, nothing else is prepared or written, and no partition is given away. Nothing may be
        written when it yields False.
        """
        async with self._changing:
            await self.stored()
            yield generation == self.generation

    @asynccontextmanager
    async def preparing(self, generation: int) -> AsyncIterator[bool]:
        """Wait for the turn to prepare a change, as `turn` does, but beside the write of the one before."""
        async with self._changing:
            yield generation == self.generation

    def write(self, work: Coroutine[None, None, None]) -> None:
        """Begin to write what was prepared in the turn that is held; what was prepared before must be `stored`.

        `work` must not raise: nobody may be there to hear of it.
        """
        if self.writing:
            raise RuntimeError("the write before this one has not ended")
        self._write = asyncio.create_task(work, name="write")

    @property
    def writing(self) -> bool:
        """Whether a write is under way."""
        return self._write is not None and not self._write.done()

    async def stored(self) -> None:
        """Wait until everything that was prepared before this call is written."""
        if self._write is not None:
            await asyncio.wait([self._write])

    async def revoke(self) -> None:
        """End the generation: wait for what is prepared or written, with a deadline, and forget the partitions.

        Never raises: an error inside the group's callback would be logged and the join would go on. When the
        write does not end in time the process leaves, for a write may not outlive the ownership.
        """
        self.generation += 1
        try:
            async with asyncio.timeout(self._drain_seconds), self.turn(self.generation):
                self.running.clear()
                self._expected.clear()
        except TimeoutError:
            self._supervisor.leave(
                f"the write in progress did not end within {self._drain_seconds} s of the revocation"
            )
