"""Mending the changelog: where an older record lies behind a newer one, the newer one is written again.

A batch of a worker that was thought dead may land behind its successor's rows. By the applied offsets nothing is lost;
but hours later compaction keeps the last record of a key, whichever that is. The writer, as it notices the gap between
its own records, and replay, as it passes older records over, remember the places (`tables.intrusions`). The partition's
owner reads them and, in a turn of its own, appends what its database holds of the same keys. Then the last record of
every key is the one that counts, and the place is forgotten in the same write batch.

A database is right, whatever landed, so a row is written as it is, but for its applied offset where a late record's is
higher: that may be so of an event that only the other worker could apply, or of a row whose removal nobody was told of.
No applied offset may reach the position, so such a place waits until the position has passed it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from aiokafka.errors import KafkaError

from agents.changelog.changelog_lookup import ChangelogLookup
from agents.users.own_partitions import OwnPartitions
from agents.users.ownership import Ownership
from tables.applied_offset import (
    APPLIED_OFFSET,
    LOWEST_RANK,
    applied_offset_of,
    believed_offset,
    is_replicated,
    outranking_offset,
    row_rank,
    stored_rank,
    tombstone_rank,
)
from tables.errors import RowCorrupt
from tables.intrusions import INTRUSIONS_KEY, decode_intrusions
from tables.position import POSITION_KEY
from tables.replay import ChangelogRecord
from tables.tombstones import tombstone_key, tombstone_offset

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0
_ROUNDS_TO_A_LOOK = 60

Read = Callable[[int, range], Awaitable[tuple[Sequence[ChangelogRecord], range]]]
"""Returns some first records of a place in a partition, and the offsets that these are."""


class Mender:
    """Mends the partitions that run; see the module.

    Parameters
    ----------
    own : what counts, and where it is written.
    read : reads the changelog.
    """

    def __init__(self, own: OwnPartitions, read: Read) -> None:
        self._own = own
        self._table = own.table
        self._ownership = own.ownership
        self._read = read

    async def mend(self, partition: int) -> bool:
        """Mend one partition; returns whether no place is left, as far as the position has come."""
        generation = self._ownership.generation
        while generation == self._ownership.generation and partition in self._ownership.running:
            places = decode_intrusions(self._table.read(partition, INTRUSIONS_KEY))
            if not places:
                return True
            records, settled = await self._read(partition, places[0])
            if not await self._settle(partition, generation, records, settled):
                return False
        return False

    async def look(self, ends: Mapping[int, int]) -> None:
        """Let the writer notice what landed in partitions where nothing was written since.

        `ends` are the offsets behind their changelogs' last records, as they were a moment ago.
        """
        generation = self._ownership.generation
        for partition, end in ends.items():
            async with self._ownership.turn(generation) as current:
                if not current or partition not in self._ownership.running:
                    continue
                if end > self._table.changelog_offset(partition) + 1:
                    await self._write(partition, {}, range(0))

    async def _settle(
        self, partition: int, generation: int, records: Sequence[ChangelogRecord], settled: range
    ) -> bool:
        """Write again what is newer than the records at the offsets `settled`; returns whether it could be done."""
        records = [record for record in records if is_replicated(record.key)]
        async with self._ownership.turn(generation) as current:
            position = self._table.position(partition) if current else None
            if position is None or any(_is_ahead(record, position.next_offset) for record in records):
                return False
            rows = self._to_write(partition, [record for record in records if record.key != POSITION_KEY])
            if any(applied_offset >= position.next_offset for applied_offset in self._applied_offsets(partition, rows)):
                return False
            await self._write(partition, rows, settled)
        _log.info("partition %d: %d rows are written again behind records that landed late", partition, len(rows))
        return True

    def _to_write(self, partition: int, records: Sequence[ChangelogRecord]) -> dict[bytes, bytes | None]:
        """Return what is stored of the keys whose last record is another, or a newer one, ranked above it.

        A stored row that cannot be read is left alone: there is nothing in it to keep.
        """
        keys = list({record.key for record in records})
        stored = dict(zip(keys, self._table.read_many(partition, keys), strict=True))
        ranks: dict[bytes, int] = {}
        behind: set[bytes] = set()
        for record in records:
            key = record.key
            row = stored[key]
            if row is not None and stored_rank(row) == LOWEST_RANK:
                continue
            if record.value == row:
                behind.discard(key)
            else:
                behind.add(key)
                ranks[key] = max(ranks.get(key, LOWEST_RANK), _rank(record))
        return {
            key: None if (row := stored[key]) is None else _with_applied_offset(row, outranking_offset(rank))
            for key, rank in ranks.items()
            if key in behind or (row := stored[key]) is None or stored_rank(row) < rank
        }

    def _applied_offsets(self, partition: int, rows: Mapping[bytes, bytes | None]) -> list[int]:
        """Return the applied offsets of rows, and of the tombstones that are remembered in the place of rows."""
        removed = self._table.read_many(partition, [tombstone_key(key) for key, row in rows.items() if row is None])
        return [applied_offset_of(row) for row in (*rows.values(), *removed) if row is not None]

    async def _write(self, partition: int, rows: Mapping[bytes, bytes | None], settled: range) -> None:
        position = self._table.position(partition)
        if position is None:
            return  # nothing of this partition was ever written; its first chunk will notice
        with self._own.supervisor.must_succeed(f"rows of partition {partition} could not be written again"):
            await self._own.writer.write(partition, rows, position, settled)


async def mend_regularly(mender: Mender, places: ChangelogLookup, ownership: Ownership) -> None:
    """For ever: mend what is known once a second, and look for more where nothing was written once a minute."""
    await places.start()
    try:
        rounds = 0
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            rounds += 1
            with suppress(KafkaError):  # whether the broker is there is watched elsewhere; the next round tries again
                for partition in sorted(ownership.running):
                    await mender.mend(partition)
                if not rounds % _ROUNDS_TO_A_LOOK and ownership.running:
                    await mender.look(await places.ends(sorted(ownership.running)))
    finally:
        await places.stop()


def _is_ahead(record: ChangelogRecord, next_offset: int) -> bool:
    """Return whether a record is of somebody who was further than a position."""
    return _rank(record) >= row_rank(next_offset + (1 if record.key == POSITION_KEY else 0))


def _rank(record: ChangelogRecord) -> int:
    """Return a record's rank, the lowest for one that has no applied offset and is none of this code's."""
    with suppress(RowCorrupt):
        if record.value is not None:
            return row_rank(believed_offset(record.value))
        applied_offset = tombstone_offset(record.headers)
        if applied_offset is not None:
            return tombstone_rank(applied_offset)
    return LOWEST_RANK


def _with_applied_offset(row: bytes, applied_offset: int) -> bytes:
    """Return a row with an applied offset at least as high."""
    return APPLIED_OFFSET.pack(max(applied_offset_of(row), applied_offset)) + row[APPLIED_OFFSET.size :]
