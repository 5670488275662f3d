"""A changelog in memory, whose acknowledgements come when the test says so."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from agents.kafka.producer import MAX_BATCH_BYTES, Outgoing
from tables.position import Position
from tables.tombstones import tombstone_headers


class Log:
    """The changelog: what was appended is there, and acknowledged once the gate is open."""

    max_record_bytes = MAX_BATCH_BYTES

    def __init__(self) -> None:
        self.records: dict[int, list[Any]] = defaultdict(list)
        self.lands = True
        """Whether what waits for its acknowledgement is in the log already."""
        self._acknowledged: dict[int, float] = defaultdict(int)
        self._more = asyncio.Condition()

    async def acknowledge(self, reached: Mapping[int, float]) -> None:
        """Acknowledge, in each partition, what brings the source position up to `reached`."""
        async with self._more:
            self._acknowledged.update(reached)
            self._more.notify_all()

    async def append(
        self, at: int, rows: Mapping[bytes, bytes | None], removed_at: Mapping[bytes, int], last: tuple[bytes, bytes]
    ) -> list[range]:
        """Append as the changelog does."""
        reached, lands = Position.decode(last[1]).next_offset, self.lands
        if not lands:
            await self._acknowledgement(at, reached)
        first = len(self.records[at])
        for key, value in (*rows.items(), last):
            headers = () if value is not None else tuple(tombstone_headers(removed_at[key]))
            self.records[at].append(
                SimpleNamespace(offset=len(self.records[at]), key=key, value=value, headers=headers)
            )
        landed = [range(first, len(self.records[at]))]
        await self._acknowledgement(at, reached)
        return landed

    async def _acknowledgement(self, at: int, reached: int) -> None:
        async with self._more:
            await self._more.wait_for(lambda: self._acknowledged[at] >= reached)

    async def send(self, records: Iterable[Outgoing]) -> None:
        """Take dead letters, of which there are none."""
        assert not list(records)

    def compacted(self, at: int) -> list[Any]:
        """Return the newest record of each key, at its offset."""
        newest = {record.key: record.offset for record in self.records[at]}
        return [record for record in self.records[at] if newest[record.key] == record.offset]
