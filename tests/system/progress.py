"""Whether events are applied that wait, measured from outside: nothing is asked of a worker.

The broker knows where the source ends, and the changelog has the positions that were written with the rows. A worker
that measures its own lag wrongly cannot hide behind it here, and one that dies again and again before it commits
anything has moved all the same.
"""

import asyncio
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.system.positions import Positions

_PATIENCE_SECONDS = 5.0
"""A broker that takes longer to answer is away, and nothing can move meanwhile."""


class Progress:
    """Follows what is applied of the source; see the module.

    Parameters
    ----------
    cluster : whose.
    stuck_seconds : so long events may wait while none is applied.
    clock : seconds, monotonic.
    """

    def __init__(self, cluster: Cluster, stuck_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._bootstrap = cluster.bootstrap
        self._at = [TopicPartition(cluster.names.member_events, number) for number in range(PARTITIONS)]
        self._positions = Positions(cluster)
        self._stuck_seconds = stuck_seconds
        self._clock = clock
        self._consumer: AIOKafkaConsumer | None = None
        self._since: dict[TopicPartition, tuple[int, float]] = {}
        """By partition in which something waits: up to where it was applied when it was looked at, and when first."""

    async def start(self) -> None:
        """Connect."""
        self._consumer = self._reader()
        await self._consumer.start()
        await self._positions.start()

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()
        await self._positions.stop()

    async def look(self) -> list[str]:
        """Return, in words, what has stood still for too long; each of them begins anew afterwards."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                waiting = await self._waiting()
        except (KafkaError, TimeoutError):
            waiting = {}
        now = self._clock()
        since = {at: self._since.get(at, (applied, now)) for at, (applied, _) in waiting.items()}
        self._since = {at: seen if seen[0] == waiting[at][0] else (waiting[at][0], now) for at, seen in since.items()}
        found = []
        for at, (applied, began) in list(self._since.items()):
            if now - began > self._stuck_seconds:
                del self._since[at]
                if await self._is_record(at, applied):
                    seconds = now - began
                    found.append(
                        f"I8 partition {at.partition} ends at {waiting[at][1]}, and for {seconds:.0f} s nothing behind "
                        f"{applied} was applied"
                    )
        return found

    def nobody_runs(self) -> None:
        """Note that there is no worker now: nothing can be expected to move."""
        self._since.clear()

    async def _waiting(self) -> dict[TopicPartition, tuple[int, int]]:
        """Return up to where the partitions are applied in which something waits, and where they end."""
        assert self._consumer is not None
        ends = await self._consumer.end_offsets(self._at)
        await self._positions.look()
        applied = {at: self._positions.reached[at.partition] for at in self._at}
        return {at: (applied[at], ends[at]) for at in self._at if applied[at] < ends[at]}

    async def _is_record(self, at: TopicPartition, offset: int) -> bool:
        """Return whether there is a record from an offset on; the end of a transaction is none."""
        consumer = self._reader()
        await consumer.start()
        try:
            consumer.assign([at])
            consumer.seek(at, offset)
            return bool(await consumer.getmany(timeout_ms=int(_PATIENCE_SECONDS * 1000), max_records=1))
        except KafkaError:
            return False  # what was there is gone, or the broker is
        finally:
            await consumer.stop()

    def _reader(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            group_id=None,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
